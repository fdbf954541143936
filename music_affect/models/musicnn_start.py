"""The published weights of musicnn as the start of a network that is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from music_affect.contracts.errors import ConfigurationError
from music_affect.models import musicnn_wheel
from music_affect.models.musicnn_wheel import Arrays, numbered

if TYPE_CHECKING:
    from torch import Tensor

    from music_affect.models.backbone import Backbone

LATER, DENSE = 5, 9  # places of the first later convolution, and of the norm before the dense layer


@dataclass(frozen=True)
class MusicnnStart:
    """Weights of MSD_musicnn for ``models.musicnn.Musicnn``.

    Args:
        file: a wheel of musicnn in a local file; None takes the published one, which is fetched once through pip.
        cache: folder of caches, in which the fetched wheel is kept.
    """

    file: str | None = None
    cache: str = "~/.cache/music_affect"

    def sizes(self) -> Mapping[str, Any]:
        """Makes sure that the weights are there and sound; the network's sizes are its defaults, so there are none.

        Raises:
            CheckpointError: they cannot be fetched, or are no such network.
        """
        musicnn_wheel.read(self._wheel())
        return {}

    def load(self, net: Backbone) -> str:
        """Replaces the weights of a network, all of them.

        Returns:
            What was loaded and what was not used, in words.

        Raises:
            ConfigurationError: the network has other sizes.
        """
        loaded = state(musicnn_wheel.read(self._wheel()))
        own = net.state_dict()
        unlike = [name for name in {**own, **loaded} if _shape(own.get(name)) != _shape(loaded.get(name))]
        if unlike:
            raise ConfigurationError(
                f"the network has {unlike[0]} of shape {_shape(own.get(unlike[0]))}",
                expected=f"{_shape(loaded.get(unlike[0]))}, as in the published weights of musicnn",
                fix="choose model=musicnn features=musicnn_mel and leave the sizes in model.net as they are",
            )
        net.load_state_dict(loaded)
        net.caution = None
        return f"{len(loaded)} tensors of MSD_musicnn loaded ({musicnn_wheel.LICENCE}); not used: its layer of 50 tags."

    def _wheel(self) -> Path:
        return Path(self.file).expanduser() if self.file else musicnn_wheel.fetch(self.cache)


def state(weights: Arrays) -> dict[str, Tensor]:
    """Weights under the names of our parameters and buffers."""
    import torch

    arrays: Arrays = {}
    for number in range(LATER):
        place, kernel = f"front_end.filters.{number}", weights[f"{numbered('conv2d', number)}/kernel"]
        arrays[f"{place}.weight"] = kernel[:, :, 0].transpose(2, 0, 1)
        arrays[f"{place}.bias"] = weights[f"{numbered('conv2d', number)}/bias"]
        arrays |= _norm(weights, number + 1, f"{place}.norm")
    for number in range(LATER, LATER + 3):  # published as filters over time and all channels
        place, kernel = f"later.{number - LATER}", weights[f"{numbered('conv2d', number)}/kernel"]
        arrays[f"{place}.convolution.weight"] = kernel[:, :, 0].transpose(2, 1, 0)
        arrays[f"{place}.convolution.bias"] = weights[f"{numbered('conv2d', number)}/bias"]
        arrays |= _norm(weights, number + 1, f"{place}.norm")
    arrays |= {"dense.weight": weights["dense/kernel"].T, "dense.bias": weights["dense/bias"]}
    arrays |= _norm(weights, 0, "front_end.norm") | _norm(weights, DENSE, "pooled_norm")
    arrays |= _norm(weights, DENSE + 1, "embedding_norm")
    return {name: torch.tensor(array) for name, array in arrays.items()}


def _norm(weights: Arrays, number: int, place: str) -> Arrays:
    theirs = numbered("batch_normalization", number)
    names = {"weight": "gamma", "bias": "beta", "mean": "moving_mean", "variance": "moving_variance"}
    return {f"{place}.{ours}": weights[f"{theirs}/{name}"] for ours, name in names.items()}


def _shape(tensor: Tensor | None) -> list[int] | None:
    return None if tensor is None else list(tensor.shape)
