"""From a spectrogram to a grid of tokens, and where each token stands."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.models.masked_convolution import MaskedConvolution, to_image


class ConvolutionStem(nn.Module):
    """Tokens from a stack of 3x3 convolutions.

    Each convolution halves frequency. It halves time only while clips of ``max_frames`` keep ``min_time_tokens``
    steps; short inputs, such as one frame a beat, would otherwise end as a single step.

    Args:
        num_features: F, the columns of a spectrogram.
        max_frames: the longest clip.
        channels: of each convolution.
        width: d, the columns of a token.
        min_time_tokens: steps in time that clips of ``max_frames`` keep, where they have so many.

    Attributes:
        grid: tokens in time and in frequency of a clip of ``max_frames``.

    Reference:
        T. Xiao et al., "Early Convolutions Help Transformers See Better", NeurIPS 2021.
    """

    def __init__(
        self, num_features: int, max_frames: int, *, channels: Sequence[int], width: int, min_time_tokens: int
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for before, after in zip([1, *channels[:-1]], channels, strict=True):
            time_stride = 2 if (max_frames + 1) // 2 >= min_time_tokens else 1
            self.layers.append(MaskedConvolution(before, after, stride=(time_stride, 2)))
            max_frames = -(-max_frames // time_stride)
            num_features = -(-num_features // 2)
        self.projection = nn.Linear(channels[-1], width)
        self.grid = (max_frames, num_features)

    def forward(self, spectrogram: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Tokens of a batch.

        Args:
            spectrogram: float [B, T, F].
            mask: True where a frame is valid, bool [B, T]; None where nothing is padded.

        Returns:
            Tokens [B, T', F', d] and their mask [B, T'].
        """
        image = to_image(spectrogram, mask).contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            image, mask = layer(image, mask)
        return self.projection(image.permute(0, 2, 3, 1)), mask


class PatchStem(nn.Module):
    """Tokens from overlapping square patches, each projected by itself.

    A clip gets as many patches as it takes to cover its last frame and its last row, the last ones filled up with
    zeros; the count depends on the clip's own length, not on the batch. (The published system drops an incomplete
    patch: of 128 rows it leaves out the top two and has 12 rows of patches instead of 13.)

    Args:
        num_features: F, the columns of a spectrogram.
        max_frames: the longest clip.
        patch_size: frames and rows of a patch.
        patch_stride: frames and rows between patches.
        width: d, the columns of a token.

    Attributes:
        grid: tokens in time and in frequency of a clip of ``max_frames``.

    Reference:
        Y. Gong, Y.-A. Chung and J. Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021.
    """

    def __init__(self, num_features: int, max_frames: int, *, patch_size: int, patch_stride: int, width: int) -> None:
        super().__init__()
        self.patch_size, self.patch_stride = patch_size, patch_stride
        self.projection = nn.Conv2d(1, width, patch_size, stride=patch_stride)
        self.grid = (self._count(max_frames), self._count(num_features))

    def forward(self, spectrogram: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Shapes as in ``ConvolutionStem.forward``."""
        _, frames, rows = spectrogram.shape
        padding = (0, self._missing(rows), 0, self._missing(frames))
        tokens = self.projection(F.pad(to_image(spectrogram, mask), padding)).permute(0, 2, 3, 1)
        if mask is None:
            return tokens, None
        # A patch is valid where it adds a frame of the clip that the patch before it has not seen.
        overlap = self.patch_size - self.patch_stride
        ends = (mask.sum(1, keepdim=True) - overlap).clamp(min=1)
        starts = torch.arange(tokens.shape[1], device=mask.device) * self.patch_stride
        return tokens, starts < ends

    def _count(self, size: int) -> int:
        return 1 + -(-max(size - self.patch_size, 0) // self.patch_stride)

    def _missing(self, size: int) -> int:
        return (self._count(size) - 1) * self.patch_stride + self.patch_size - size


class GridPositions(nn.Module):
    """A learned vector for each place in a grid of tokens.

    A clip with more steps in time than the grid has the grid stretched over it, by linear interpolation. The stretch
    follows the clip's own length, so neighbours in a batch change nothing.

    Args:
        grid: tokens in time and in frequency.
        width: d, the columns of a token.
    """

    def __init__(self, grid: tuple[int, int], width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(nn.init.trunc_normal_(torch.empty(*grid, width), std=0.02))

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Add positions to tokens [B, T', F', d] with mask [B, T'] (None: all valid)."""
        batch, steps = tokens.shape[:2]
        last = self.vectors.shape[0] - 1
        if steps <= last + 1:
            return tokens + self.vectors[:steps]
        counts = torch.full((batch, 1), steps, device=tokens.device) if mask is None else mask.sum(1, keepdim=True)
        # In single precision, whatever the tokens are in: bfloat16 cannot count to 300.
        stretch = (last / (counts - 1).clamp(min=1).float()).clamp(max=1)
        places = (torch.arange(steps, device=tokens.device) * stretch).clamp(max=last)  # [B, T']
        below = places.floor().long()
        above = (below + 1).clamp(max=last)
        share = (places - below)[:, :, None, None].to(self.vectors.dtype)
        return tokens + torch.lerp(self.vectors[below], self.vectors[above], share)
