"""The learned beat tracker: its spectrogram, its chunks, its checkpoints. A stand-in takes the place of the package."""

from __future__ import annotations

import pickle
import shutil
import sys
import zipfile
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch

from music_affect.contracts.errors import CheckpointError, ConfigurationError, MusicAffectError
from music_affect.features import beat_checkpoint, learned_beats
from music_affect.features.analysis import Analysis
from music_affect.features.beat import LibrosaBeats
from music_affect.features.extractor import AudioExtractor
from music_affect.features.learned_beats import LearnedBeats, in_chunks, log_mel

RATE = 22050

# The parts of the package that are used, with a network that marks loud frames as beats.
STAND_IN = {
    "beat_this/__init__.py": "",
    "beat_this/model/__init__.py": "",
    "beat_this/model/beat_tracker.py": """
import torch
class BeatThis(torch.nn.Module):
    def __init__(self, spect_dim=128):
        super().__init__()
        self.threshold = torch.nn.Parameter(torch.zeros(spect_dim))
    def forward(self, x):
        assert not torch.is_grad_enabled() and not self.training and torch.get_num_threads() == 1
        beat = (x - self.threshold).mean(-1)
        return {"beat": beat, "downbeat": beat - 1}
""",
    "beat_this/model/postprocessor.py": """
class Postprocessor:
    def __init__(self, type, fps):
        assert type == "minimal"
        self.fps = fps
    def __call__(self, beat, downbeat):
        assert beat.ndim == 1 and (downbeat < beat).all()
        peaks = (beat[1:-1] > 0) & (beat[1:-1] > beat[:-2]) & (beat[1:-1] >= beat[2:])
        return (peaks.nonzero()[:, 0].numpy() + 1) / self.fps, None
""",
    "einops.py": "",
    "rotary_embedding_torch.py": "",
}


@pytest.fixture(autouse=True)
def _fresh():
    beat_checkpoint.network.cache_clear()
    yield
    beat_checkpoint.network.cache_clear()


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A folder of packages that is found first, whether the real ones are installed or not."""
    for name, text in STAND_IN.items():
        path = tmp_path / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    real = [name for name in sys.modules if name.split(".")[0] in beat_checkpoint.PACKAGES]
    for name in real:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in beat_checkpoint.PACKAGES]:
        del sys.modules[name]


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A checkpoint for the stand-in, in the form of the published ones."""
    return save(tmp_path / "beats.ckpt")


def save(path: Path, **changes: object) -> Path:
    content = {
        "state_dict": {"model.threshold": torch.full((128,), 0.5)},
        "hyper_parameters": {"spect_dim": 128, "fps": 50, "lr": 8e-4, "pos_weights": {"beat": 1}},
        "epoch": 99,
    }
    torch.save(content | changes, path)
    return path


def clicks(seconds: float = 6.0, rate: int = RATE) -> np.ndarray:
    """A click every half second, the first at .25 s, float32 [samples]."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(5).standard_normal(len(time))
    return (0.8 * np.exp(-((time + 0.25) % 0.5) * 80) * noise).astype(np.float32)


def analysis(audio: np.ndarray, rate: int = RATE) -> Analysis:
    return Analysis(audio, rate, 2048, 512, 128)


def test_spectrogram_is_librosas_by_the_same_definition():
    audio = clicks()
    power = librosa.feature.melspectrogram(
        y=audio, sr=RATE, n_fft=1024, hop_length=441, power=1.0, n_mels=128, fmin=30, fmax=11000,
        htk=False, norm=None, pad_mode="reflect",
    )  # fmt: skip
    found = log_mel(audio)
    assert found.shape == (301, 128)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.log1p(1000 * power / 32).T, rtol=0, atol=1e-4)
    assert found.max() > 3  # not all of it vanishes


def test_spectrogram_is_torchs_with_triangles_of_height_one():
    """Torch's own transform, as the network's authors used it, and the bands by their formula."""
    audio = clicks(2.0)
    window = torch.hann_window(1024)
    spectrum = torch.stft(torch.from_numpy(audio), 1024, 441, window=window, normalized=True, return_complex=True)

    def hertz(mel: np.ndarray) -> np.ndarray:  # Slaney's scale: linear below 1000 Hz, logarithmic above
        return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))

    highest = 15 + 27 * np.log(11) / np.log(6.4)
    edges = hertz(np.linspace(30 * 3 / 200, highest, 130))
    bins = np.arange(513) * RATE / 1024
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    bands = np.maximum(0, np.minimum(rising, falling))
    expected = np.log1p(1000 * bands @ spectrum.abs().double().numpy()).T
    np.testing.assert_allclose(log_mel(audio), expected, rtol=0, atol=1e-4)


def test_silence_is_zero():
    assert not log_mel(np.zeros(RATE, np.float32)).any()


@pytest.mark.parametrize("frames", [1, 700, 1488, 1489, 1501, 2976, 2977, 5000])
def test_every_frame_is_answered_once_and_not_by_a_border(frames):
    """A network that repeats its input, but at whose borders all is lost."""
    spectrogram = np.arange(1, frames + 1, dtype=np.float32)[:, None].repeat(2, axis=1)
    lengths = []

    def network(chunk: np.ndarray) -> np.ndarray:
        lengths.append(len(chunk))
        answer = np.stack([chunk[:, 0], -chunk[:, 1]])
        answer[:, :6] = answer[:, -6:] = np.nan
        return answer

    expected = np.stack([spectrogram[:, 0], -spectrogram[:, 1]])
    np.testing.assert_array_equal(in_chunks(spectrogram, network), expected)
    assert set(lengths) == {min(frames + 12, 1500)}
    assert len(lengths) == -(-frames // 1488)


def test_earlier_chunk_counts_where_two_answer():
    numbers = iter(range(1, 10))
    answers = in_chunks(np.zeros((1600, 2), np.float32), lambda chunk: np.full((1, len(chunk)), next(numbers)))
    np.testing.assert_array_equal(answers[0, [0, 1487, 1488, 1599]], [1, 1, 2, 2])


@pytest.mark.usefixtures("stand_in")
def test_beats_of_a_signal_at_any_rate(checkpoint):
    tracker = LearnedBeats(str(checkpoint))
    threads = torch.get_num_threads()
    expected = np.arange(0.25, 6.0, 0.5)
    times = tracker(analysis(clicks()))
    assert times.dtype == np.float64
    np.testing.assert_allclose(times, expected, atol=0.021)
    np.testing.assert_array_equal(tracker(analysis(clicks())), times)
    np.testing.assert_allclose(tracker(analysis(clicks(rate=44100), 44100)), expected, atol=0.021)
    assert len(tracker(analysis(np.zeros(2 * RATE, np.float32)))) == 0
    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("stand_in")
def test_features_have_a_row_between_two_beats(checkpoint, tmp_path):
    soundfile.write(tmp_path / "clicks.wav", clicks(), RATE)
    extractor = AudioExtractor(beat=True, beat_tracker=LearnedBeats(str(checkpoint)))
    assert extractor(tmp_path / "clicks.wav").shape == (13, 141)
    assert extractor.settings()["beat_tracker"] == extractor.beat_tracker.settings()


@pytest.mark.usefixtures("stand_in")
def test_network_is_loaded_once(checkpoint, monkeypatch):
    loads = []
    monkeypatch.setattr(
        torch, "load", lambda *args, load=torch.load, **kwargs: loads.append(1) or load(*args, **kwargs)
    )
    for _ in range(2):
        LearnedBeats(str(checkpoint))(analysis(clicks(1.0)))
    assert len(loads) == 1


@pytest.mark.usefixtures("stand_in")
def test_a_tracker_is_what_its_checkpoint_holds(checkpoint, tmp_path):
    tracker = LearnedBeats(str(checkpoint))
    copy = LearnedBeats(shutil.copy(checkpoint, tmp_path / "copy.ckpt"))
    other = LearnedBeats(save(tmp_path / "other.ckpt", epoch=3))
    assert tracker == copy
    assert hash(tracker) == hash(copy)
    assert tracker.settings() == copy.settings() == {"tracker": "LearnedBeats", "checkpoint": tracker.digest}
    assert tracker != other
    assert tracker.settings() != other.settings()
    assert tracker != LibrosaBeats()
    sent = pickle.loads(pickle.dumps(tracker))
    assert sent == tracker
    assert sent.checkpoint == str(checkpoint)


@pytest.mark.usefixtures("stand_in")
def test_a_checkpoint_that_changes_during_the_work_is_refused(checkpoint):
    tracker = LearnedBeats(str(checkpoint))
    save(checkpoint, epoch=100)
    with pytest.raises(CheckpointError, match="no longer the file that it was"):
        tracker(analysis(clicks(1.0)))


def test_no_checkpoint_chosen():
    with pytest.raises(ConfigurationError, match=r"checkpoint is not set; .*github\.com/CPJKU/beat_this .*=PATH"):
        LearnedBeats()


def test_no_such_file(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.ckpt cannot be read \(No such file.*github\.com/CPJKU/beat_this"):
        LearnedBeats(str(tmp_path / "gone.ckpt"))
    with pytest.raises(CheckpointError, match="Is a directory"):
        LearnedBeats(str(tmp_path))


def test_a_file_that_was_cut_off_or_is_a_web_page(checkpoint, tmp_path):
    (tmp_path / "cut.ckpt").write_bytes(checkpoint.read_bytes()[:-200])
    (tmp_path / "page.ckpt").write_text("<html>not found</html>")
    for name in ("cut", "page"):
        with pytest.raises(CheckpointError, match=f"{name}.ckpt is not a whole PyTorch file"):
            LearnedBeats(str(tmp_path / f"{name}.ckpt"))


@pytest.mark.parametrize("name", beat_checkpoint.PACKAGES)
@pytest.mark.usefixtures("stand_in")
def test_no_package(checkpoint, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigurationError) as caught:
        LearnedBeats(str(checkpoint))
    assert f"needs {name}, not installed" in str(caught.value)
    assert caught.value.fix == 'pip install "music_affect[beats]"'


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.usefixtures("stand_in")
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    tracker = LearnedBeats(save(tmp_path / "evil.ckpt", hyper_parameters=Malicious(tmp_path / "ran")))
    with pytest.raises(CheckpointError, match=r"evil\.ckpt is no network in plain tensors \(UnpicklingError"):
        tracker(analysis(clicks(1.0)))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"hyper_parameters": {"spect_dim": 64}},
        {"hyper_parameters": {"spect_dim": "many"}},
        {"hyper_parameters": None},
        {"state_dict": {"model.threshold": torch.zeros(128), "model.more": torch.zeros(1)}},
        {"state_dict": {}},
    ],
)
@pytest.mark.usefixtures("stand_in")
def test_another_networks_checkpoint_is_refused(tmp_path, changes):
    tracker = LearnedBeats(save(tmp_path / "other.ckpt", **changes))
    with pytest.raises(CheckpointError, match="is no network in plain tensors"):
        tracker(analysis(clicks(1.0)))


@pytest.mark.usefixtures("stand_in")
def test_other_files_in_the_same_container_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("data.pkl", b"")
    torch.save([1, 2], tmp_path / "list.ckpt")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "weights.ckpt")
    for name in ("archive.zip", "list.ckpt", "weights.ckpt"):
        with pytest.raises(CheckpointError, match="is no network in plain tensors"):
            LearnedBeats(str(tmp_path / name))(analysis(clicks(1.0)))


def test_refusals_cross_processes(tmp_path):
    with pytest.raises(MusicAffectError) as caught:
        LearnedBeats(str(tmp_path / "gone.ckpt"))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_real_package_with_random_weights(tmp_path):
    pytest.importorskip("beat_this")
    from beat_this.model.beat_tracker import BeatThis

    torch.manual_seed(0)
    sizes = {"transformer_dim": 64, "n_layers": 1, "dropout": {"frontend": 0.1, "transformer": 0.2}}
    net = BeatThis(**sizes)
    torch.nn.init.normal_(net.task_heads.beat_downbeat_lin.weight)  # else no frame stands out
    weights = {f"model.{name}": value for name, value in net.state_dict().items()}
    path = save(tmp_path / "random.ckpt", state_dict=weights, hyper_parameters={**sizes, "fps": 50, "lr": 8e-4})
    tracker = LearnedBeats(str(path))
    times = tracker(analysis(clicks()))
    assert len(times) > 1
    assert (np.diff(times) > 0).all()
    assert times[0] >= 0
    assert times[-1] <= 6.0
    beat_checkpoint.network.cache_clear()
    np.testing.assert_array_equal(tracker(analysis(clicks())), times)
    features = AudioExtractor(beat=True, beat_tracker=tracker).extract(clicks())
    assert features.shape[1] == 141
    assert len(features) >= len(times)
    with torch.inference_mode():  # one chunk: the network over the whole clip between frames of silence
        padded = np.pad(log_mel(clicks()), ((learned_beats.BORDER, learned_beats.BORDER), (0, 0)))
        whole = net.eval()(torch.from_numpy(padded)[None])["beat"][0, 6:-6].numpy()
    peaks = [t for t in range(len(whole)) if whole[t] > 0 and whole[t] == whole[max(0, t - 3) : t + 4].max()]
    np.testing.assert_allclose(times, np.array(peaks) / 50, atol=1e-9)
