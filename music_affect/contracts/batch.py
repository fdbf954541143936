"""What a training step receives. Data makes it, tasks read it; neither knows the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass
class Batch:
    """Clips, or windows of clips, padded to one length.

    Args:
        spectrogram: standardised features, float32 [B, T, F], zero from each length on.
        lengths: valid frames, int64 [B].
        targets: labels by target name; int64 [B] class indices or float32 [B] values.
        clips: place of each row's clip within its split, int64 [B]; windows of one clip share it.
        partner: row that each row was mixed with (mixup), int64 [B], or None where nothing was mixed.
        weight: share of the row itself in the mixture, float32 [B]; the partner's is the rest.
    """

    spectrogram: Tensor
    lengths: Tensor
    targets: Mapping[str, Tensor]
    clips: Tensor
    partner: Tensor | None = None
    weight: Tensor | None = None

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory; called by the DataLoader."""
        moved = {name: values.pin_memory() for name, values in self.targets.items()}
        tensors = (self.spectrogram.pin_memory(), self.lengths.pin_memory(), moved, self.clips.pin_memory())
        mixture = [value if value is None else value.pin_memory() for value in (self.partner, self.weight)]
        return Batch(*tensors, *mixture)
