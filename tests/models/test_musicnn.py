"""musicnn against a plain computation in the published layout, and its start from a wheel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from musicnn_files import Arrays, random_weights, write_wheel
from torch import Tensor
from torch.nn import functional as F

from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.models.musicnn import Musicnn
from music_affect.models.musicnn_network import MusicnnNetwork
from music_affect.models.musicnn_start import MusicnnStart
from music_affect.models.peak_convolution import long_peaks, tall_peaks


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel(tmp_path_factory.mktemp("wheels") / "musicnn.whl")


def patches(count: int = 2, frames: int = 187) -> np.ndarray:
    return (np.random.default_rng(1).random((count, frames, 96)) * 4).astype(np.float32)


def plainly(weights: Arrays, patches: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Embedding, mean channels and tags in double precision, a layer after the other as they were published."""
    w = {name: torch.from_numpy(array).double() for name, array in weights.items()}

    def norm(values: Tensor, number: int) -> Tensor:
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        gamma, beta, mean, variance = (
            w[f"{name}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return F.batch_norm(values, mean, variance, gamma, beta, eps=1e-3)

    def convolved(image: Tensor, number: int, above: int, below: int) -> Tensor:
        name = f"conv2d_{number}" if number else "conv2d"
        kernel = w[f"{name}/kernel"].permute(3, 2, 0, 1)
        answer = F.conv2d(F.pad(image, (0, 0, above, below)), kernel, w[f"{name}/bias"])
        return norm(F.relu(answer), number + 1)

    image = norm(torch.from_numpy(patches).double()[:, None], 0)
    padding = [(3, 3), (3, 3), (63, 64), (31, 32), (15, 16)]
    front = torch.cat([convolved(image, number, *pads).amax(3) for number, pads in enumerate(padding)], dim=1)
    joined = [front]
    for number in (5, 6, 7):
        answer = convolved(joined[-1].transpose(1, 2)[:, None], number, 3, 3).squeeze(3)
        joined.append(answer if number == 5 else answer + joined[-1])
    channels = torch.cat(joined, dim=1)
    pooled = torch.stack([channels.amax(2), channels.mean(2)], dim=2).flatten(1)
    hidden = norm(pooled, 9) @ w["dense/kernel"] + w["dense/bias"]
    embedding = norm(F.relu(hidden), 10)
    return embedding, channels.mean(2), torch.sigmoid(embedding @ w["dense_1/kernel"] + w["dense_1/bias"])


def test_answers_are_those_of_the_published_layers(wheel: Path) -> None:
    network = MusicnnNetwork(str(wheel))
    network.prepare()
    found = network(patches())
    embedding, mean, tags = plainly(random_weights(), patches())
    expected = torch.cat([embedding, mean, tags], dim=1)
    assert found.shape == (2, sum(network.widths.values()))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert float(embedding.std()) > 0.1


def test_a_start_replaces_every_weight(wheel: Path) -> None:
    net = Musicnn(96, 187)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert "62 tensors of MSD_musicnn loaded (ISC licence" in MusicnnStart(str(wheel)).load(net)
    assert [name for name, value in net.state_dict().items() if torch.equal(value, before[name])] == []
    assert net.caution is None
    with torch.no_grad():
        found = net.eval()(torch.from_numpy(patches()), torch.tensor([187, 187]))
    torch.testing.assert_close(found.double(), plainly(random_weights(), patches())[0], atol=1e-5, rtol=0)


def test_norms_never_learn_statistics(wheel: Path) -> None:
    net = Musicnn(96, 187, dropout=0.0)
    MusicnnStart(str(wheel)).load(net)
    spectrogram, lengths = torch.from_numpy(patches(1, 60)), torch.tensor([60])
    assert torch.equal(net.train()(spectrogram, lengths), net.eval()(spectrogram, lengths))


def test_other_sizes_are_refused(wheel: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"of shape \[204, 7, 51\]; expected \[204, 7, 38\].*musicnn_mel"):
        MusicnnStart(str(wheel)).load(Musicnn(128, 187))


def test_weights_that_change_under_way_are_refused(tmp_path: Path) -> None:
    path = write_wheel(tmp_path / "musicnn.whl")
    network = MusicnnNetwork(str(path))
    write_wheel(path, {**random_weights(), "dense/bias": np.ones(200, np.float32)})
    with pytest.raises(CheckpointError, match="is not the wheel with the SHA-256"):
        network(patches(1))
    assert MusicnnNetwork(str(path)).settings() != network.settings()


@pytest.mark.parametrize(("bands", "height"), [(96, 38), (96, 67), (12, 4), (13, 13), (9, 1), (1, 1)])
@pytest.mark.parametrize("frames", [1, 50])
def test_tall_filters_equal_a_convolution_and_its_gradients(bands: int, height: int, frames: int) -> None:
    image, kernels = torch.randn(3, frames, bands).double(), torch.randn(5, 7, height).double()

    def plain(image: Tensor, kernels: Tensor) -> Tensor:
        return F.conv2d(F.pad(image, (0, 0, 3, 3))[:, None], kernels[:, None]).amax(3).transpose(1, 2)

    assert_equal(tall_peaks, plain, image, kernels)


@pytest.mark.parametrize("length", [1, 2, 32, 65])
@pytest.mark.parametrize("frames", [1, 8, 51])
def test_long_filters_equal_a_convolution_and_its_gradients(length: int, frames: int) -> None:
    image, kernels = torch.randn(3, frames, 6).double(), torch.randn(5, length).double()

    def plain(image: Tensor, kernels: Tensor) -> Tensor:
        padded = F.pad(image, (0, 0, (length - 1) // 2, length // 2))
        return F.conv2d(padded[:, None], kernels[:, None, :, None]).amax(3).transpose(1, 2)

    assert_equal(long_peaks, plain, image, kernels)


def assert_equal(found, expected, *arguments: Tensor) -> None:  # type: ignore[no-untyped-def]
    answers = []
    for function in (found, expected):
        given = [one.clone().requires_grad_() for one in arguments]
        answer = function(*given)
        weights = torch.linspace(-1, 1, answer.numel(), dtype=torch.float64).view(answer.shape)
        (answer * weights).sum().backward()
        answers.append([answer, *(one.grad for one in given)])
    for ours, plain in zip(*answers, strict=True):
        torch.testing.assert_close(ours, plain)
