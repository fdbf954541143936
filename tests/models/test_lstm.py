import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from music_affect.contracts.errors import ConfigurationError
from music_affect.models.lstm import LSTM
from music_affect.models.recurrence import StatePooling, reverse

LENGTHS = torch.tensor([5, 9, 1])


def packed_states(net: LSTM, frames: Tensor) -> tuple[Tensor, Tensor]:
    """PyTorch's packed bidirectional LSTM with the weights of ``net``: outputs [B, T, 2H], last states [B, 2H]."""
    size, hidden = net.onward.input_size, net.onward.hidden_size
    reference = nn.LSTM(size, hidden, batch_first=True, bidirectional=True)
    onward = net.onward.state_dict()
    returning = {f"{name}_reverse": weight for name, weight in net.returning.state_dict().items()}
    reference.load_state_dict(onward | returning)
    packed, (last, _) = reference(pack_padded_sequence(frames, LENGTHS, batch_first=True, enforce_sorted=False))
    outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=frames.shape[1])
    return outputs, torch.cat([last[0], last[1]], dim=1)


def embed(pooling: str) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings of three clips, and outputs and last states of the packed reference."""
    torch.manual_seed(0)
    net = LSTM(12, 20, projection_size=6, hidden_size=4, pooling=pooling).eval()
    spectrogram = torch.randn(3, 9, 12)
    return net(spectrogram, LENGTHS), *packed_states(net, net.projection(spectrogram))


def test_last_is_where_the_packed_reference_ends() -> None:
    embedding, _, last = embed("last")
    torch.testing.assert_close(embedding, last)


def test_mean_is_that_of_the_packed_reference() -> None:
    embedding, outputs, _ = embed("mean")
    torch.testing.assert_close(embedding, outputs.sum(1) / LENGTHS.unsqueeze(1))


def test_every_pooling_has_its_size() -> None:
    assert embed("attention_mean")[0].shape == (3, 16)
    assert embed("attention")[0].shape == (3, 8)


def test_reversing_leaves_the_padding_in_place() -> None:
    sequence = torch.tensor([[1.0, 2.0, 3.0, 0.0], [1.0, 2.0, 3.0, 4.0]]).unsqueeze(2)
    assert reverse(sequence, torch.tensor([3, 4])).squeeze(2).tolist() == [[3, 2, 1, 0], [4, 3, 2, 1]]


def test_unknown_pooling_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'last'"):
        LSTM(12, 20, pooling="lst")


def test_dropout_only_in_training() -> None:
    net = LSTM(12, 20)
    spectrogram, lengths = torch.randn(2, 9, 12), torch.tensor([9, 9])
    assert not torch.equal(net(spectrogram, lengths), net(spectrogram, lengths))
    net.eval()
    assert torch.equal(net(spectrogram, lengths), net(spectrogram, lengths))


def reference_of(net: LSTM, cell: type[nn.RNNBase], num_layers: int) -> nn.RNNBase:
    """PyTorch's own recurrence of several layers with the weights of ``net``."""
    layers = [[net.onward, net.returning], *net.upper]
    reference = cell(
        net.onward.input_size,
        net.onward.hidden_size,
        num_layers=num_layers,
        bidirectional=net.returning is not None,
        batch_first=True,
    )
    weights = {
        name.replace("_l0", f"_l{level}") + direction: weight
        for level, pair in enumerate(layers)
        for direction, recurrence in zip(("", "_reverse"), pair, strict=False)
        if recurrence is not None
        for name, weight in recurrence.state_dict().items()
    }
    reference.load_state_dict(weights)
    return reference


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize(("cell", "kind"), [("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)])
def test_several_layers_are_those_of_the_packed_reference(
    cell: str, kind: type[nn.RNNBase], num_layers: int, bidirectional: bool
) -> None:
    torch.manual_seed(0)
    spectrogram = torch.randn(3, 9, 12)
    settings = {"projection_size": None, "hidden_size": 4, "num_layers": num_layers, "bidirectional": bidirectional}
    net = LSTM(12, 20, cell=cell, pooling="last_mean", **settings).eval()
    reference = reference_of(net, kind, num_layers)
    packed, last = reference(pack_padded_sequence(spectrogram, LENGTHS, batch_first=True, enforce_sorted=False))
    outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=9)
    states = last[0] if isinstance(last, tuple) else last
    ends = torch.cat(list(states[-2:] if bidirectional else states[-1:]), dim=1)
    expected = torch.cat([ends, outputs.sum(1) / LENGTHS.unsqueeze(1)], dim=1)
    torch.testing.assert_close(net(spectrogram, LENGTHS), expected)


def test_weights_of_one_layer_have_the_names_they_always_had() -> None:
    names = {name.split(".")[0] for name in LSTM(12, 20).state_dict()}
    assert names == {"projection", "onward", "returning", "pooling"}


def test_one_direction_ends_at_the_last_valid_frame() -> None:
    states = torch.arange(12.0).view(1, 4, 3)
    pooling = StatePooling("last", 3, bidirectional=False)
    assert pooling(states, torch.tensor([[True, True, False, False]])).tolist() == [[3, 4, 5]]
    assert pooling(states, None).tolist() == [[9, 10, 11]]


def test_dropout_between_layers_in_training_only() -> None:
    settings = {"num_layers": 2, "pooling": "last", "input_dropout": 0.0, "dropout": 0.0}
    spectrogram, lengths = torch.randn(2, 9, 12), torch.tensor([9, 9])
    net = LSTM(12, 20, layer_dropout=0.5, **settings)
    assert not torch.equal(net(spectrogram, lengths), net(spectrogram, lengths))
    net.eval()
    assert torch.equal(net(spectrogram, lengths), net(spectrogram, lengths))


def test_unknown_cell_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cell 'lstn', did you mean 'lstm'"):
        LSTM(12, 20, cell="lstn")
