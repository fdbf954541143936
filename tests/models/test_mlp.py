import pytest
import torch
from torch import nn

from music_affect.contracts.errors import ConfigurationError
from music_affect.models.mlp import MLP


def test_a_single_frame_goes_through_the_plain_perceptron() -> None:
    torch.manual_seed(0)
    net = MLP(26, 1).eval()
    plain = nn.Sequential(nn.Linear(26, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU())
    plain.load_state_dict(dict(zip(plain.state_dict(), net.state_dict().values(), strict=True)))
    vectors = torch.randn(3, 1, 26)
    torch.testing.assert_close(net(vectors, torch.tensor([1, 1, 1])), plain(vectors[:, 0]))


def test_a_clip_is_its_mean_over_valid_frames() -> None:
    net = MLP(5, 10).eval()
    clips = torch.randn(2, 10, 5)
    means = torch.stack([clips[0].mean(0), clips[1, :3].mean(0)]).unsqueeze(1)
    torch.testing.assert_close(net(clips, torch.tensor([10, 3])), net(means, torch.tensor([1, 1])))


def test_without_hidden_layers_it_is_the_mean() -> None:
    net = MLP(5, 10, hidden=())
    clips = torch.randn(2, 10, 5)
    assert net.out_features == 5
    torch.testing.assert_close(net(clips, torch.tensor([10, 10])), clips.mean(1))


def test_every_hidden_layer_is_dropped_out_in_training() -> None:
    net = MLP(5, 1, hidden=(4, 4), dropout=1.0)
    clips, lengths = torch.randn(2, 1, 5), torch.ones(2, dtype=torch.int64)
    assert not net(clips, lengths).any()
    assert [type(layer) for layer in net.layers] == [nn.Linear, nn.ReLU, nn.Dropout] * 2


def test_unknown_activation_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="activation 'rleu', did you mean 'relu'"):
        MLP(5, 1, activation="rleu")
