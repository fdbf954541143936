"""Several extractors over one decoding: the numbers of each alone, with the shared work done once."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from music_affect.contracts.errors import ClipError
from music_affect.features import analysis, extraction
from music_affect.features.analysis import Analysis
from music_affect.features.audio.recording import Recording
from music_affect.features.audio.selection import Selection
from music_affect.features.extraction import Extraction, Features
from music_affect.features.extractor import AudioExtractor
from music_affect.features.melgram import MelgramExtractor
from music_affect.features.mfcc import MFCCExtractor

RATE = 22050
ALL = (AudioExtractor(), AudioExtractor(beat=True), MelgramExtractor(), MFCCExtractor())


@dataclass(frozen=True)
class Metronome:
    """A tracker that reads nothing but the signal and its rate."""

    seconds: float = 0.5

    def __call__(self, analysis: Analysis) -> np.ndarray:
        return np.arange(self.seconds, len(analysis.audio) / analysis.sample_rate, self.seconds)

    def settings(self) -> dict[str, Any]:
        return {"tracker": "Metronome", "seconds": self.seconds}


def write(path: Path, seconds: float = 6.0, rate: int = RATE) -> Path:
    """Clicks over a tone that rises."""
    time = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(1)
    audio = 0.2 * np.sin(2 * np.pi * (200 + 30 * time) * time)
    audio += 0.4 * np.exp(-(time % 0.5) * 60) * rng.standard_normal(len(time))
    soundfile.write(path, audio.astype(np.float32), rate, subtype="FLOAT")
    return path


def good(answers: list[Features | ClipError]) -> list[Features]:
    assert all(isinstance(answer, Features) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Features)]


def test_each_gets_the_numbers_it_gives_alone(tmp_path):
    path = write(tmp_path / "a.wav", rate=44100)
    answers = good(Extraction(ALL)(path))
    assert len(answers) == len(ALL)
    for answer, extractor in zip(answers, ALL, strict=True):
        np.testing.assert_array_equal(answer.values, extractor(path))
        assert answer.values.shape[1] == extractor.num_features
        assert answer.remarks == ()
    assert [answer.seconds for answer in answers] == pytest.approx([6.0] * 4)


def test_shared_work_is_done_once(tmp_path, monkeypatch):
    counted: list[str] = []

    def counting(module: Any, name: str) -> None:
        plain = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: counted.append(name) or plain(*given))

    counting(extraction, "decode")
    for name in ("transform", "mel_power", "chromagram"):
        counting(analysis, name)
    Extraction(ALL)(write(tmp_path / "a.wav"))
    assert sorted(counted) == ["chromagram", "decode", "mel_power", "transform"]


def test_wanted_ones_only_and_in_that_order(tmp_path):
    path = write(tmp_path / "a.wav")
    mfcc, full = good(Extraction(ALL)(path, wanted=[3, 0]))
    np.testing.assert_array_equal(mfcc.values, ALL[3](path))
    np.testing.assert_array_equal(full.values, ALL[0](path))
    assert Extraction(ALL)(path, wanted=[]) == []


def test_broken_file_is_the_same_answer_for_all(tmp_path):
    path = tmp_path / "broken.wav"
    path.write_bytes(b"nothing that sounds")
    answers = Extraction(ALL)(path)
    assert len(answers) == 4
    assert all(isinstance(answer, ClipError) and answer is answers[0] for answer in answers)
    assert answers[0].reason == "not audio"


def test_one_that_needs_a_longer_file_is_refused_alone(tmp_path):
    path = write(tmp_path / "short.wav", seconds=2.5)
    full, patient = Extraction((AudioExtractor(), AudioExtractor(min_seconds=3.0)))(path)
    assert isinstance(full, Features)
    assert isinstance(patient, ClipError)
    assert str(patient) == "too short: 2.50 s, at least 3 s needed"


def test_overflow_is_an_answer_not_an_end(tmp_path, monkeypatch):
    loud = Recording(np.full(2 * RATE, 1e25, np.float32) * np.sin(np.arange(2 * RATE), dtype=np.float32), RATE)
    monkeypatch.setattr(extraction, "decode", lambda *_: [loud])
    answers = Extraction(ALL)(tmp_path / "loud.wav")
    assert [answer.reason for answer in answers if isinstance(answer, ClipError)] == ["not finite"] * 4
    with pytest.raises(ClipError, match="not finite"):
        ALL[0](tmp_path / "loud.wav")


def test_windows_are_clips_of_their_own_and_joined(tmp_path):
    path = write(tmp_path / "long.wav", seconds=12)
    audio, _ = soundfile.read(path, dtype="float32")
    selection = Selection("spread", seconds=2.0, windows=3)
    answers = good(Extraction(ALL[:3], selection)(path))
    for answer, extractor in zip(answers, ALL[:3], strict=True):
        windows = [audio[start:stop] for start, stop in selection.spans(len(audio), RATE)]
        assert len(windows) == 3
        expected = np.concatenate(
            [extractor.extract(Recording(one, RATE).at(extractor.sample_rate)) for one in windows]
        )
        np.testing.assert_array_equal(answer.values, expected)
        assert answer.seconds == pytest.approx(6.0)
    assert (answers[0].values[:, :128].max(axis=1) == 0).sum() == 3


def test_clip_without_beats_says_so(tmp_path):
    path = tmp_path / "click.wav"
    audio = np.zeros(4 * RATE, np.float32)
    audio[10] = 0.01
    soundfile.write(path, audio, RATE, subtype="FLOAT")
    full, beat = good(Extraction(ALL[:2])(path))
    assert full.remarks == ()
    assert beat.remarks == ("no beats",)
    assert len(beat.values) == 8  # 173 frames in windows of 22


def test_another_beat_tracker(tmp_path):
    path = write(tmp_path / "a.wav")
    extractor = AudioExtractor(beat=True, beat_tracker=Metronome(1.0))
    assert len(extractor(path)) == 6
    ours, librosas = good(Extraction((extractor, ALL[1]))(path))
    assert len(ours.values) == 6
    np.testing.assert_array_equal(librosas.values, ALL[1](path))
    assert extractor.settings() == {**ALL[1].settings(), "beat_tracker": {"tracker": "Metronome", "seconds": 1.0}}
    assert "beat_tracker" not in AudioExtractor(beat_tracker=Metronome()).settings()  # no beats, no tracker


def test_tracker_that_finds_nothing(tmp_path):
    extractor = AudioExtractor(beat=True, beat_tracker=Metronome(100.0))
    (answer,) = good(Extraction((extractor,))(write(tmp_path / "a.wav")))
    assert answer.remarks == ("no beats",)


def test_extraction_travels_to_worker_processes():
    made = Extraction(ALL, Selection("middle", seconds=10.0))
    assert pickle.loads(pickle.dumps(made)) == made
