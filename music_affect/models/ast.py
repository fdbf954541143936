"""Audio spectrogram transformer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from music_affect.contracts.errors import ConfigurationError, did_you_mean
from music_affect.models.attention import TransformerLayer
from music_affect.models.backbone import Backbone
from music_affect.models.masked_convolution import padding_mask
from music_affect.models.patches import ConvolutionStem, GridPositions, PatchStem
from music_affect.models.pooling import masked_mean

STEMS = ("conv", "patch")


PATCHES_FROM_SCRATCH = (
    "plain patches want pretrained weights (model=ast_pretrained); from random ones, on few songs, expect less than "
    "from the convolutional stem (model=ast)."
)


class AST(Backbone):
    """Pre-norm transformer over a grid of tokens in time and frequency.

    With convolutions as its stem it learns from a few hundred songs and answers with the mean of its tokens. With
    plain patches it is the published system, which answers with a class token and wants pretrained weights:
    ``music_affect.models.pretrained`` loads the public ones.

    Args:
        num_features: F, the columns of a spectrogram.
        max_frames: the longest clip. Sets the grid of learned positions and how often the convolutions halve time.
        stem: ``conv`` or ``patch``.
        channels: of the stem's convolutions (conv).
        min_time_tokens: steps in time below which the convolutions stop halving it (conv).
        patch_size: frames and rows of a patch (patch).
        patch_stride: frames and rows between patches (patch).
        width: d, the columns of a token.
        depth: number of layers.
        heads: attention heads of a layer.
        mlp_ratio: hidden units of a layer's perceptron for each column of a token.
        inner_dropout: share dropped in training of the tokens and of each layer's branches.
        dropout: share of the embedding dropped in training.
        distilled: adds a second class token, DeiT's for distillation; the answer is the mean of both (patch).
        norm_eps: added to the variance by each norm.

    Raises:
        ConfigurationError: the stem is not known, or the heads do not divide the width.

    Reference:
        Y. Gong, Y.-A. Chung and J. Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021;
        T. Xiao et al., "Early Convolutions Help Transformers See Better", NeurIPS 2021.
    """

    def __init__(
        self,
        num_features: int,
        max_frames: int,
        *,
        stem: str = "conv",
        channels: Sequence[int] = (24, 48, 96, 96),
        min_time_tokens: int = 8,
        patch_size: int = 16,
        patch_stride: int = 10,
        width: int = 96,
        depth: int = 4,
        heads: int = 3,
        mlp_ratio: int = 2,
        inner_dropout: float = 0.1,
        dropout: float = 0.2,
        distilled: bool = False,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        _check_stem(stem)
        self.stem: ConvolutionStem | PatchStem
        if stem == "conv":
            self.stem = ConvolutionStem(
                num_features, max_frames, channels=channels, width=width, min_time_tokens=min_time_tokens
            )
        else:
            self.caution = PATCHES_FROM_SCRATCH
            self.stem = PatchStem(
                num_features, max_frames, patch_size=patch_size, patch_stride=patch_stride, width=width
            )
        self.positions = GridPositions(self.stem.grid, width)
        self.class_token = _token(width) if stem == "patch" else None
        self.distillation_token = _token(width) if stem == "patch" and distilled else None
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads, mlp_ratio, inner_dropout, norm_eps) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width, eps=norm_eps)
        self.inner_dropout = nn.Dropout(inner_dropout)
        self.dropout = nn.Dropout(dropout)
        self.out_features = width
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        tokens, mask = self._tokens(spectrogram, lengths)
        for layer in self.layers:
            tokens = layer(tokens, mask)
        tokens = self.norm(tokens)
        answering = len(self._class_tokens())
        pooled = tokens[:, :answering].mean(1) if answering else masked_mean(tokens, mask)
        embedding: Tensor = self.dropout(pooled)
        return embedding

    def _tokens(self, spectrogram: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """Tokens with positions in one row, [B, N, d], class tokens first where there are any; mask [B, N] or None."""
        frame_mask = padding_mask(lengths, spectrogram.shape[1], training=self.training)
        grid, step_mask = self.stem(spectrogram, frame_mask)
        tokens = self.positions(grid, step_mask).flatten(1, 2)
        mask = None if step_mask is None else step_mask.repeat_interleave(grid.shape[2], dim=1)
        leading = self._class_tokens()
        tokens = torch.cat([*(token.expand(tokens.shape[0], 1, -1) for token in leading), tokens], dim=1)
        mask = None if mask is None else torch.cat([mask[:, :1]] * len(leading) + [mask], dim=1)
        return self.inner_dropout(tokens), mask

    def _class_tokens(self) -> list[nn.Parameter]:
        return [token for token in (self.class_token, self.distillation_token) if token is not None]


def _token(width: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(width) * 0.02)


def _check_stem(stem: str) -> None:
    if stem not in STEMS:
        raise ConfigurationError(
            f"stem '{stem}'{did_you_mean(stem, STEMS)}",
            expected="conv or patch",
            fix="set model.net.stem to one of these",
        )
