"""A network out of an ONNX file that the test writes: its named output, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from musicnn_files import field

from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.features.embedding import EmbeddingExtractor
from music_affect.features.log_mel import LogMelExtractor
from music_affect.models.onnx_network import OnnxNetwork

pytest.importorskip("onnxruntime")
BANDS, WIDTH = 96, 3
WEIGHTS = np.random.default_rng(0).standard_normal((BANDS, WIDTH)).astype(np.float32)


def text(number: int, value: str) -> bytes:
    return field(number, 2, value.encode())


def described(name: str, *shape: int | str) -> bytes:
    """A float input or output."""
    sizes = b"".join(field(1, 2, field(1, 0, one) if isinstance(one, int) else text(2, one)) for one in shape)
    return text(1, name) + field(2, 2, field(1, 2, field(1, 0, 1) + field(2, 2, sizes)))


def model(weights: bytes = b"", operator: str = "MatMul", kept: tuple[int, ...] = ()) -> bytes:
    """ONNX: patches [P, T, bands] to their mean over frames (``mean``), times a matrix (``answer``)."""
    mean = text(1, "patches") + text(2, "mean") + text(4, "ReduceMean")
    mean += field(5, 2, text(1, "axes") + field(8, 0, 1) + field(20, 0, 7))
    mean += field(5, 2, text(1, "keepdims") + field(3, 0, len(kept)) + field(20, 0, 2))
    product = text(1, "mean") + text(1, "weights") + text(2, "answer") + text(4, operator)
    array = field(1, 0, BANDS) + field(1, 0, WIDTH) + field(2, 0, 1) + text(8, "weights")
    graph = field(1, 2, mean) + field(1, 2, product) + text(2, "small")
    graph += field(5, 2, array + (weights or field(9, 2, WEIGHTS.tobytes())))
    graph += field(11, 2, described("patches", "P", "T", BANDS))
    graph += field(12, 2, described("answer", "P", *kept, WIDTH)) + field(12, 2, described("mean", "P", *kept, BANDS))
    return field(1, 0, 8) + field(7, 2, graph) + field(8, 2, field(2, 0, 13))


def written(folder: Path, content: bytes) -> str:
    (folder / "net.onnx").write_bytes(content)
    return str(folder / "net.onnx")


def test_a_named_output_of_each_patch(tmp_path: Path) -> None:
    network = OnnxNetwork(written(tmp_path, model()), output="answer", mean=1.0, deviation=2.0)
    patches = np.random.default_rng(1).random((20, 7, BANDS)).astype(np.float32)
    assert network.widths == {"embedding": WIDTH}
    np.testing.assert_allclose(network(patches), ((patches - 1) / 2).mean(1) @ WEIGHTS, atol=1e-5)
    means = OnnxNetwork(network.file, output="mean")
    np.testing.assert_allclose(means(patches), patches.mean(1), atol=1e-6)
    assert means.settings() != network.settings()


def test_features_of_a_file(tmp_path: Path) -> None:
    network = OnnxNetwork(written(tmp_path, model()), output="answer")
    audio = (0.1 * np.random.default_rng(0).standard_normal(64000)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", audio, 16000, subtype="FLOAT")
    found = EmbeddingExtractor(patch_frames=100, patch_hop=100, fmin=50.0, network=network)(tmp_path / "a.wav")
    levels = LogMelExtractor(fmin=50.0).extract(audio)[:200].reshape(2, 100, BANDS)
    np.testing.assert_allclose(found, levels.mean(1) @ WEIGHTS, atol=1e-4)


EXTERNAL = field(13, 2, text(1, "location") + text(2, "/etc/passwd")) + field(14, 0, 1)


@pytest.mark.parametrize(
    ("content", "output", "told"),
    [
        (model(EXTERNAL), "answer", "keeps arrays in other files"),
        (model(operator="System"), "answer", "no network that ONNX Runtime can compute"),
        (b"text", "answer", "no network that ONNX Runtime can compute"),
        (b"", "answer", "no network that ONNX Runtime can compute"),
        (model(kept=(1,)), "answer", r"has an output answer of shape \['P', 1, 3\], not \[patches, width\]"),
        (model(), "tags", "output=tags of .*one of the outputs answer, mean"),
        (model(), None, "output=None of .*one of the outputs answer, mean"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, output: str | None, told: str) -> None:
    network = OnnxNetwork(written(tmp_path, content), output)
    with pytest.raises((CheckpointError, ConfigurationError), match=told) as caught:
        network.prepare()
    assert "\n" not in str(caught.value)


def test_settings_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"network\.file is not set"):
        OnnxNetwork()
    with pytest.raises(CheckpointError, match=r"nowhere\.onnx cannot be read"):
        OnnxNetwork(str(tmp_path / "nowhere.onnx"))
    with pytest.raises(ConfigurationError, match="layout=FT"):
        OnnxNetwork(written(tmp_path, model()), layout="FT")
    network = OnnxNetwork(written(tmp_path, model()), "answer", layout="PFT")
    with pytest.raises(CheckpointError, match=r"takes no patches \[1, 96, 7\]"):
        network(np.zeros((1, 7, BANDS), np.float32))
