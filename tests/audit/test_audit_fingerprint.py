"""Copies of a recording keep its fingerprint; other recordings have another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from audit_files import RATE, notes

from music_affect.data.audit.duplicates import alike
from music_affect.data.audit.fingerprint import HOP, MOST_WORDS, fingerprint
from music_affect.data.audit.fingerprint import RATE as WORDS_RATE
from music_affect.features.audio.recording import Recording


def encoded(path: Path, audio: np.ndarray, level: float) -> Recording:
    soundfile.write(path, audio, RATE, compression_level=level)
    return Recording(*soundfile.read(path, dtype="float32"))


def copies(folder: Path, audio: np.ndarray) -> dict[str, Recording]:
    other_rate = soxr.resample(audio, RATE, 44100, "HQ")
    return {
        "ogg": encoded(folder / "copy.ogg", audio, 1.0),
        "mp3": encoded(folder / "copy.mp3", audio, 0.9),
        "quieter": Recording(0.1 * audio, RATE),
        "turned over": Recording(-audio, RATE),
        "rate": Recording(other_rate, 44100),
        "cut": Recording(audio[RATE // 5 :], RATE),
        "cut between two words": Recording(audio[RATE // 4 :], RATE),
        "everything": encoded(folder / "every.mp3", 0.5 * audio[RATE // 3 :], 0.9),
    }


@pytest.mark.parametrize("seed", range(3))
def test_copies_of_every_kind_are_recognised(seed: int, tmp_path: Path) -> None:
    original = fingerprint(Recording(notes(seed), RATE))
    for kind, copy in copies(tmp_path, notes(seed)).items():
        assert alike([original, fingerprint(copy)]) == [(0, 1)], kind


def test_other_recordings_are_not() -> None:
    prints = [fingerprint(Recording(notes(seed), RATE)) for seed in range(40)]
    assert alike(prints) == []


def test_the_words_of_other_recordings_differ_in_half_of_their_bits() -> None:
    one, other = (fingerprint(Recording(notes(seed, 20), RATE)) for seed in (1, 2))
    bits = np.unpackbits((one ^ other).view(np.uint8)).mean()
    assert 0.4 < bits < 0.6


def test_a_fingerprint_is_small_however_long_the_recording_and_describes_its_middle() -> None:
    middle = notes(5, 48.8, 8000)
    noise = np.random.default_rng(0).standard_normal(8000 * 30).astype(np.float32)
    words = fingerprint(Recording(np.concatenate([noise, middle, noise]), 8000))
    assert len(words) <= MOST_WORDS
    assert words.nbytes <= 1000
    assert alike([words, fingerprint(Recording(middle, 8000))]) == [(0, 1)]


def test_quiet_words_are_zero() -> None:
    audio = notes(1, 10)
    audio[3 * RATE : 7 * RATE] = 1e-6 * audio[3 * RATE : 7 * RATE]
    words = fingerprint(Recording(audio, RATE))
    second = WORDS_RATE // HOP
    assert not words[3 * second : 6 * second].any()
    assert (words[: 2 * second] != 0).mean() > 0.9


def test_clips_that_are_quiet_but_for_a_moment_are_not_copies() -> None:
    clips = []
    for seed in (1, 2):
        audio = np.zeros(10 * RATE, np.float32)
        audio[4 * RATE : 5 * RATE] = notes(seed, 1)
        clips.append(fingerprint(Recording(audio, RATE)))
    assert alike(clips) == []


@pytest.mark.parametrize("samples", [0, 1, RATE])
def test_too_short_a_recording_has_no_words(samples: int) -> None:
    assert len(fingerprint(Recording(notes(1)[:samples], RATE))) == 0


def test_silence_has_no_words() -> None:
    assert len(fingerprint(Recording(np.zeros(5 * RATE, np.float32), RATE))) == 0


def test_absurd_levels_do_not_matter() -> None:
    audio = notes(3)
    loud = Recording(audio * np.float32(1e30), RATE)
    assert alike([fingerprint(Recording(audio, RATE)), fingerprint(loud)]) == [(0, 1)]
