import pytest
import torch
from torch import nn
from torch.nn import functional as F

from music_affect.models.dense import ACTIVATIONS, activation_layer, dense_layers


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_does_what_its_name_says(name: str) -> None:
    values = torch.linspace(-3, 3, 13)
    expected = values if name == "none" else {"tanh": torch.tanh, "sigmoid": torch.sigmoid}.get(name)
    if not isinstance(expected, torch.Tensor):
        expected = (expected or getattr(F, name))(values)
    torch.testing.assert_close(activation_layer(name)(values), expected)


def test_layers_have_their_sizes_in_order() -> None:
    layers = dense_layers(7, [5, 3], activation="tanh", dropout=0.25)
    sizes = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
    assert sizes == [(7, 5), (5, 3)]
    assert [layer.p for layer in layers if isinstance(layer, nn.Dropout)] == [0.25, 0.25]


def test_no_sizes_leave_the_input_as_it_is() -> None:
    values = torch.randn(2, 7)
    assert torch.equal(dense_layers(7, [], activation="relu", dropout=0.5)(values), values)
