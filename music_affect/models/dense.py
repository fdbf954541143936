"""Activations by name, and stacks of dense layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from torch import nn

from music_affect.contracts.errors import ConfigurationError, did_you_mean

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def activation_layer(name: str) -> nn.Module:
    """The activation of this name.

    Raises:
        ConfigurationError: there is none.
    """
    if name not in ACTIVATIONS:
        raise ConfigurationError(
            f"activation '{name}'{did_you_mean(name, ACTIVATIONS)}",
            expected=f"one of {', '.join(ACTIVATIONS)}",
            fix="set model.net.activation to one of these",
        )
    return ACTIVATIONS[name]()


def dense_layers(in_features: int, sizes: Sequence[int], *, activation: str, dropout: float) -> nn.Sequential:
    """Dense layers with an activation and dropout after each: float [B, in_features] to [B, last size].

    Args:
        in_features: columns of the input.
        sizes: of each layer; none leaves the input as it is.
        activation: name out of ``ACTIVATIONS``.
        dropout: share of each layer's output dropped in training.

    Raises:
        ConfigurationError: the activation is not known.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise([in_features, *sizes]):
        layers += [nn.Linear(before, after), activation_layer(activation), nn.Dropout(dropout)]
    return nn.Sequential(*layers)
