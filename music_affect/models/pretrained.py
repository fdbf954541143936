"""The patch AST started from public weights: AudioSet's AST, or DeiT and ViT from ImageNet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.models.ast import AST
from music_affect.models.attention import TransformerLayer
from music_affect.models.backbone import Backbone
from music_affect.models.patches import PatchStem
from music_affect.models.public_weights import FETCH, WEIGHTS, PublicWeights, find


@dataclass(frozen=True)
class Account:
    """What became of a public checkpoint.

    Args:
        loaded: parameters of the network that were replaced.
        new: parameters of the network that the file does not hold.
        unused: tensors of the file that the network has no place for, such as the classifier.
        positions: how their grid was adapted.
    """

    loaded: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]
    positions: str

    def __str__(self) -> str:
        new, unused = (", ".join(names) or "none" for names in (self.new, self.unused))
        return f"{len(self.loaded)} tensors loaded (positions: {self.positions}); new: {new}; not used: {unused}"


def load_pretrained(net: Backbone, folder: str | Path | None) -> Account:
    """Replaces the weights of a patch AST by public ones, all of them or none.

    On the input and the grid that the public network was trained with, the embedding is what that network answers
    with: the class token after the last norm, or the mean of class and distillation token. Where ours differs:

    - Axes: there, an image has frequency in its rows; here, time comes first. Kernels and positions are transposed.
    - Channels: kernels of images are summed over red, green and blue, which equals showing the same spectrogram in
      all three. (The paper says averaged; its published code sums, too.)
    - Positions: as in the paper, an axis on which our grid is smaller keeps the middle of the learned positions, and
      one on which it is larger has them stretched by linear interpolation. Ours counts the last, incomplete patch:
      128 rows have 13 positions instead of 12. Squares of DeiT and ViT become our rectangles in the same way.
    - Class tokens have no position here; theirs is added to them.
    - Features: the public AST saw log-mel energies at 16 kHz with a frame every 10 ms, as (x - mean) / (2 sd) over
      all rows at once. Ours are dB with other frames and mel bands, and each row has a standard deviation of 1; chroma
      rows it has never seen. The weights are a start for training, not a network to be used as it is.

    Args:
        net: an ``AST`` with ``stem=patch``.
        folder: holds ``config.json`` and ``model.safetensors``.

    Returns:
        What was loaded, what is new and what was left.

    Raises:
        ConfigurationError: the network is another one, or its sizes are not the checkpoint's.
        CheckpointError: the folder is absent, incomplete, or holds other tensors than its config.json announces.

    Reference:
        Y. Gong, Y.-A. Chung and J. Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021;
        H. Touvron et al., "Training data-efficient image transformers & distillation through attention", ICML 2021.
    """
    public = find(folder)
    patch_stem, settings = _settings(net)
    public.check(settings)
    weights, unused = _weights(public, patch_stem.grid)
    own = net.state_dict()
    new = tuple(name for name in own if name not in weights)  # biases of query, key and value, where it has none
    net.load_state_dict(weights | {name: torch.zeros_like(own[name]) for name in new})
    net.caution = None
    steps, rows = patch_stem.grid
    grids = f"{public.grid[0]} x {public.grid[1]} to {rows} x {steps} in frequency x time"
    return Account(tuple(weights), new, unused, grids)


def _settings(net: Backbone) -> tuple[PatchStem, dict[str, Any]]:
    """The stem of a patch AST, and what the network was built with, read off its parts."""
    if not isinstance(net, AST) or not isinstance(net.stem, PatchStem):
        raise ConfigurationError(
            f"public weights for {type(net).__name__} without plain patches",
            expected="the AST that they were trained as",
            fix="choose model=ast_pretrained",
        )
    layer = net.layers[0]
    assert isinstance(layer, TransformerLayer)
    return net.stem, {
        "stem": "patch",
        "patch_size": net.stem.patch_size,
        "patch_stride": net.stem.patch_stride,
        "width": net.out_features,
        "depth": len(net.layers),
        "heads": layer.attention.heads,
        "mlp_ratio": layer.perceptron.get_parameter("0.bias").shape[0] // net.out_features,
        "distilled": net.distillation_token is not None,
        "norm_eps": net.norm.eps,
    }


def _weights(public: PublicWeights, grid: tuple[int, int]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Tensors under the names of our parameters, for a grid in time and frequency; and the names of those left."""
    source = _Source(public)
    width = int(public.sizes["width"])
    weights = _embeddings(source, public, grid) | source.module("layernorm", "norm", width)
    for layer in range(int(public.sizes["depth"])):
        weights |= _layer(source, layer, width, int(public.sizes["mlp_ratio"]) * width)
    return weights, source.rest()


def _embeddings(source: _Source, public: PublicWeights, grid: tuple[int, int]) -> dict[str, Tensor]:
    width, patch = int(public.sizes["width"]), int(public.sizes["patch_size"])
    rows, steps = public.grid
    kernels = source.take("embeddings.patch_embeddings.projection.weight", width, public.channels, patch, patch)
    names = {"class_token": "cls_token"} | ({"distillation_token": "distillation_token"} if public.distilled else {})
    positions = source.take("embeddings.position_embeddings", 1, len(names) + rows * steps, width)[0]
    tokens = {ours: source.take(f"embeddings.{theirs}", 1, 1, width)[0, 0] for ours, theirs in names.items()}
    return {
        "stem.projection.weight": kernels.sum(1, keepdim=True).transpose(2, 3),
        "stem.projection.bias": source.take("embeddings.patch_embeddings.projection.bias", width),
        **{name: token + position for (name, token), position in zip(tokens.items(), positions, strict=False)},
        "positions.vectors": adapt(positions[len(names) :].view(rows, steps, width).transpose(0, 1), grid),
    }


def _layer(source: _Source, number: int, width: int, hidden: int) -> dict[str, Tensor]:
    theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
    joined = [f"{theirs}.attention.attention.{part}" for part in ("query", "key", "value")]
    weights = {
        f"{ours}.attention.query_key_value.weight": torch.cat(
            [source.take(f"{n}.weight", width, width) for n in joined]
        )
    }
    if f"{joined[0]}.bias" in source:
        biases = [source.take(f"{name}.bias", width) for name in joined]
        weights[f"{ours}.attention.query_key_value.bias"] = torch.cat(biases)
    return {
        **weights,
        **source.module(f"{theirs}.layernorm_before", f"{ours}.attention_norm", width),
        **source.module(f"{theirs}.attention.output.dense", f"{ours}.attention.output", width, width),
        **source.module(f"{theirs}.layernorm_after", f"{ours}.perceptron_norm", width),
        **source.module(f"{theirs}.intermediate.dense", f"{ours}.perceptron.0", hidden, width),
        **source.module(f"{theirs}.output.dense", f"{ours}.perceptron.2", width, hidden),
    }


def adapt(vectors: Tensor, grid: tuple[int, int]) -> Tensor:
    """Learned positions [T', F', d] for another grid: the middle of a longer axis, a shorter one stretched."""
    for axis, size in enumerate(grid):
        kept = min(size, vectors.shape[axis])
        vectors = vectors.narrow(axis, vectors.shape[axis] // 2 - kept // 2, kept)
    image = vectors.permute(2, 0, 1).unsqueeze(0)
    return F.interpolate(image, size=grid, mode="bilinear", align_corners=False)[0].permute(1, 2, 0)


class _Source:
    """The tensors of a file, each handed out once and in the shape that is asked for."""

    def __init__(self, public: PublicWeights) -> None:
        self._file, self._left = public.folder / WEIGHTS, public.tensors()

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, *shape: int) -> Tensor:
        tensor = self._left.pop(name, None)
        if tensor is None:
            raise self._misfit(f"has no {name}", f"one of shape {list(shape)}")
        if tuple(tensor.shape) != shape:
            raise self._misfit(f"has {name} of shape {list(tensor.shape)}", str(list(shape)))
        return tensor

    def module(self, theirs: str, ours: str, *shape: int) -> dict[str, Tensor]:
        """Weight of a shape, and a bias as long as its first axis, under the module's name here."""
        weight, bias = self.take(f"{theirs}.weight", *shape), self.take(f"{theirs}.bias", shape[0])
        return {f"{ours}.weight": weight, f"{ours}.bias": bias}

    def rest(self) -> tuple[str, ...]:
        """Names of what nobody took: heads, poolers, a token for masked patches; none may be of a layer."""
        layers = [name for name in self._left if name.startswith("encoder.")]
        if layers:
            raise self._misfit(f"has {layers[0]}", "the layers that its config.json announces and no others")
        return tuple(self._left)

    def _misfit(self, found: str, expected: str) -> CheckpointError:
        return CheckpointError(f"{self._file} {found}", expected=expected, fix=FETCH)
