"""Small public networks written by the library that they come from, and ours of the same sizes."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from music_affect.models.ast import AST

SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 72,
}
AUDIO = {**SIZES, "num_mel_bins": 36, "max_length": 56}  # 3 patches in frequency, 5 in time, none incomplete
IMAGE = {**SIZES, "patch_size": 8, "image_size": 32}  # 4 patches each way


def saved(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """Written by the library, with every weight far from zero: it starts some of them there."""
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return model.eval()


def ours(num_features: int = 36, max_frames: int = 56, **settings: Any) -> AST:
    torch.manual_seed(0)
    sizes = {"width": 24, "depth": 2, "heads": 3, "mlp_ratio": 3, "distilled": True, "norm_eps": 1e-12}
    return AST(num_features, max_frames, stem="patch", **{**sizes, **settings}).eval()


def squares(**settings: Any) -> AST:
    """For images of 32 by 32."""
    return ours(32, 32, **{"patch_size": 8, "patch_stride": 8, **settings})


def clips(frames: int, rows: int) -> Tensor:
    return torch.randn(3, frames, rows, generator=torch.Generator().manual_seed(2))


def embed(net: AST, spectrogram: Tensor) -> Tensor:
    with torch.no_grad():
        embedding: Tensor = net(spectrogram, torch.full((len(spectrogram),), spectrogram.shape[1]))
    return embedding


def as_pixels(spectrogram: Tensor) -> Tensor:
    """[B, T, F] as an image with frequency in its rows, the same in all three channels."""
    return spectrogram.transpose(1, 2).unsqueeze(1).expand(-1, 3, -1, -1)
