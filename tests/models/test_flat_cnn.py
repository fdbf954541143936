from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from music_affect.configuration import compatibility
from music_affect.contracts.errors import ConfigurationError
from music_affect.models.flat_cnn import FlatCNN

PLAIN = {"pools": 1, "padding": 0, "activation": "none", "batch_norm": False}


def published(name: str, frames: int, rows: int = 128, device: str = "meta", **changes: Any) -> FlatCNN:
    """A network of conf/model; on ``meta`` without memory for its weights, where only sizes are looked at."""
    net = OmegaConf.to_container(compatibility.choice("model", name).net)
    assert isinstance(net, dict)
    settings = {str(key): value for key, value in net.items() if key != "_target_"}
    with torch.device(device):
        return FlatCNN(rows, frames, **{**settings, **changes})


def small(max_frames: int = 20, **changes: Any) -> FlatCNN:
    torch.manual_seed(0)
    return FlatCNN(12, max_frames, **{"channels": (4, 6), "strides": 1, "linear": (5,), **changes}).eval()


def dense_sizes(net: FlatCNN) -> list[int]:
    return [layer.out_features for layer in net.linear if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize(
    ("name", "frames", "flat", "dense"),
    [
        ("lenet", 129, 13456, [120, 84]),
        ("lenet", 1293, 148480, [120, 84]),
        ("cnn_b", 1293, 10240, []),
        ("cnn_c", 150, 256 * 10 * 8, [1000]),
        ("cnn_excerpt", 21, 1024, [1024, 256, 32]),
    ],
)
def test_published_sizes(name: str, frames: int, flat: int, dense: list[int]) -> None:
    net = published(name, frames)
    assert net.flat_features == flat
    assert dense_sizes(net) == dense
    assert net.out_features == [flat, *dense][-1]


def test_excerpt_network_without_pools_padding_activations_and_batch_norm() -> None:
    net = published("cnn_excerpt", 21, **PLAIN)
    assert net.flat_features == 128 * 5 * 112
    kinds = {type(module) for module in net.modules()}
    assert not kinds & {nn.BatchNorm2d, nn.ReLU}


def test_without_activations_it_is_affine() -> None:
    net = small(**PLAIN)
    first, second = torch.randn(2, 1, 20, 12)
    lengths = torch.tensor([20])
    nothing = net(torch.zeros(1, 20, 12), lengths)
    torch.testing.assert_close(
        net(first + second, lengths) - net(second, lengths), net(first, lengths) - nothing, atol=1e-5, rtol=1e-4
    )


def test_equals_the_same_layers_in_a_row() -> None:
    net = small(kernels=(5, 3), padding=(0, 1), pools=(2, 1), activation="tanh", dropout=0.0)
    row = nn.Sequential(
        *(nn.Conv2d(1, 4, 5, bias=False), nn.BatchNorm2d(4), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.Tanh()),
        *(nn.Flatten(), nn.Linear(6 * 8 * 4, 5), nn.Tanh()),
    )
    row.load_state_dict(dict(zip(row.state_dict(), net.state_dict().values(), strict=True)))
    spectrogram, lengths = torch.randn(3, 20, 12), torch.tensor([20, 20, 20])
    for training in (True, False):
        expected = row.train(training)(spectrogram.unsqueeze(1))
        torch.testing.assert_close(net.train(training)(spectrogram, lengths), expected)


def test_a_short_clip_is_filled_up_with_zeros() -> None:
    net = small()
    spectrogram = torch.randn(2, 20, 12)
    filled = spectrogram.clone()
    filled[:, 7:] = 0
    expected = net(filled, torch.tensor([20, 20]))
    torch.testing.assert_close(net(spectrogram, torch.tensor([7, 7])), expected)
    torch.testing.assert_close(net(spectrogram[:, :7], torch.tensor([7, 7])), expected)


def windows_of(net: FlatCNN, clip: Tensor, starts: list[int]) -> Tensor:
    windows = torch.stack([clip[start : start + 20] for start in starts])
    return net(windows, torch.tensor([20] * len(starts))).mean(0)


def test_a_longer_clip_is_the_mean_of_even_windows() -> None:
    net = small()
    spectrogram = torch.randn(3, 50, 12)
    together = net(spectrogram, torch.tensor([50, 20, 21]))
    torch.testing.assert_close(together[0], windows_of(net, spectrogram[0], [0, 15, 30]))
    torch.testing.assert_close(together[1], windows_of(net, spectrogram[1], [0]))
    torch.testing.assert_close(together[2], windows_of(net, spectrogram[2], [0, 1]))


@pytest.mark.parametrize("name", ["lenet", "cnn_b", "cnn_c", "cnn_excerpt"])
@pytest.mark.parametrize("frames", [1, 4])
def test_sides_shorter_than_kernels_and_pools(name: str, frames: int) -> None:
    net = published(name, frames, rows=12, device="cpu")
    answer = net(torch.randn(2, frames, 12), torch.tensor([frames, 1]))
    assert answer.shape == (2, net.out_features)
    assert bool(answer.isfinite().all())


def test_a_short_side_is_filled_up_to_the_kernel_at_its_end() -> None:
    net = small(1, channels=(3,), kernels=5, padding=0, batch_norm=False, linear=(), activation="none")
    clip = torch.randn(1, 1, 12)
    expected = nn.functional.conv2d(
        nn.functional.pad(clip.unsqueeze(1), (0, 0, 0, 4)), *net.layers[0].convolution.parameters()
    )
    pooled = nn.functional.max_pool2d(expected, (1, 2))
    torch.testing.assert_close(net(clip, torch.tensor([1])), pooled.flatten(1))


def test_one_value_a_channel_can_be_trained_on() -> None:
    net = small(1, pools=12, dropout=0.0)
    clip, lengths = torch.randn(1, 1, 12), torch.tensor([1])
    assert net.layers[1].out_size == (1, 1)
    assert bool(net.train()(clip, lengths).isfinite().all())


@pytest.mark.parametrize("setting", ["kernels", "strides", "padding", "pools"])
def test_lists_of_another_length_are_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{setting} has 3 values for 2 convolutions"):
        small(**{setting: (2, 2, 2)})


def test_unknown_activation_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'leaky_relu'"):
        small(activation="leaky-relu")


def test_flatten_is_dropped_out_in_training_only() -> None:
    net = small(linear=(), dropout=0.5)
    clip = torch.randn(1, 20, 12)
    assert not bool((net(clip, torch.tensor([20])) == 0).float().mean() > 0.4)
    assert bool((net.train()(clip, torch.tensor([20])) == 0).float().mean() > 0.4)
