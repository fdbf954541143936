"""Changes to training batches that keep the label: masking of stripes (SpecAugment) and mixing of clips (mixup)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Generator, Tensor

from music_affect.contracts.batch import Batch


class Augmentation:
    """SpecAugment and mixup on standardised, padded batches; a masked value is 0, the training mean.

    Frequency masks cover mel rows only: neighbouring mel rows are neighbouring frequencies, while the twelve chroma
    rows are pitch classes in a circle and losing one loses a note of every octave. Mixup blends mel rows; chroma rows
    are taken from the heavier clip, since two keys laid over each other are a harmony that neither song has.

    Args:
        time_masks: stripes of frames blanked in each clip.
        time_width: widest stripe as a share of the clip's length.
        mel_masks: stripes of mel rows blanked in each clip.
        mel_width: widest stripe as a share of the mel rows.
        mixup_alpha: parameter of the Beta distribution from which the share of the partner is drawn; 0 mixes nothing.

    Reference: Park et al., "SpecAugment", Interspeech 2019; Zhang et al., "mixup", ICLR 2018.
    """

    def __init__(
        self,
        time_masks: int = 0,
        time_width: float = 0.1,
        mel_masks: int = 0,
        mel_width: float = 0.1,
        mixup_alpha: float = 0.0,
    ) -> None:
        self.time_masks, self.time_width = time_masks, time_width
        self.mel_masks, self.mel_width = mel_masks, mel_width
        self.mixup_alpha = mixup_alpha

    def __call__(self, batch: Batch, blocks: Mapping[str, tuple[int, int]], random: Generator) -> Batch:
        """The batch changed; the one given is left as it is.

        Args:
            batch: spectrogram [B, T, F].
            blocks: which columns are mel and which are chroma.
            random: source of all randomness; batches are reproducible from its seed.
        """
        if self.mixup_alpha > 0:
            batch = self._mixup(batch, blocks, random)
        spectrogram = batch.spectrogram
        for _ in range(self.time_masks):
            spectrogram = (
                spectrogram * ~_stripes(batch.lengths, self.time_width, spectrogram.shape[1], random)[:, :, None]
            )
        if "mel" in blocks:
            start, stop = blocks["mel"]
            rows = torch.full_like(batch.lengths, stop - start)
            for _ in range(self.mel_masks):
                keep = torch.ones(spectrogram.shape[0], spectrogram.shape[2], device=spectrogram.device)
                keep[:, start:stop] = (~_stripes(rows, self.mel_width, stop - start, random)).float()
                spectrogram = spectrogram * keep[:, None, :]
        return replace(batch, spectrogram=spectrogram)

    def _mixup(self, batch: Batch, blocks: Mapping[str, tuple[int, int]], random: Generator) -> Batch:
        size, device = len(batch.lengths), batch.lengths.device
        partner = torch.randperm(size, generator=random).to(device, non_blocking=True)
        weight = _beta(self.mixup_alpha, size, random).to(device, non_blocking=True)
        own, other = batch.spectrogram, batch.spectrogram[partner]
        mixed = weight[:, None, None] * own + (1 - weight)[:, None, None] * other
        if "chroma" in blocks:
            columns = slice(*blocks["chroma"])
            mixed[:, :, columns] = torch.where(weight[:, None, None] >= 0.5, own[:, :, columns], other[:, :, columns])
        lengths = torch.maximum(batch.lengths, batch.lengths[partner])
        return replace(batch, spectrogram=mixed, lengths=lengths, partner=partner, weight=weight)


def _stripes(lengths: Tensor, width: float, size: int, random: Generator) -> Tensor:
    """True inside one random stripe a row: [B, size]; at most ``width`` of each row's length."""
    draw = torch.rand(2, len(lengths), generator=random).to(lengths.device, non_blocking=True)
    wide = (draw[0] * width * lengths).long()
    begin = (draw[1] * (lengths - wide + 1)).long()
    position = torch.arange(size, device=lengths.device)[None, :]
    return (position >= begin[:, None]) & (position < (begin + wide)[:, None])


def _beta(alpha: float, size: int, random: Generator) -> Tensor:
    """Beta(alpha, alpha) draws from two Gamma draws, with a generator that torch's distributions do not take."""
    shape = torch.full((2, size), alpha)
    first, second = torch._standard_gamma(shape, generator=random)
    share: Tensor = first / (first + second)
    return share
