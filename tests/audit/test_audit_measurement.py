"""The facts of a file: what it holds, and why it cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from audit_files import RATE, notes

from music_affect.data.audit.facts import Facts
from music_affect.data.audit.measurement import AudioMeasurement, clipped_share, silent_share
from music_affect.data.source import Clip
from music_affect.features.audio.recording import Recording

measure = AudioMeasurement(min_seconds=1.0)


def of(path: Path) -> Facts:
    return measure(Clip(path.name, path))


def test_a_sound_file_has_no_problem(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([notes(1), notes(1)], axis=1), RATE)
    known = of(tmp_path / "a.wav")
    assert (known.problem, known.seconds, known.rate, known.channels) == ("", 8.0, RATE, 2)
    assert known.peak == pytest.approx(0.5, abs=1e-3)
    assert known.clipped == known.silent == 0
    assert Facts.from_dict(known.to_dict()) == known


def test_lossless_copies_have_the_same_digest_and_others_do_not(tmp_path: Path) -> None:
    for name, seed, rate in (("a.wav", 1, RATE), ("b.flac", 1, RATE), ("c.wav", 2, RATE), ("d.wav", 1, 8000)):
        soundfile.write(tmp_path / name, (30000 * notes(seed)).astype(np.int16), rate)
    a, b, c, d = (of(path).digest for path in sorted(tmp_path.iterdir()))
    assert a == b
    assert len({a, c, d}) == 3


def broken(folder: Path) -> dict[str, Path]:
    """A file for each reason."""
    paths = {reason: folder / f"{reason}.wav" for reason in ("silent", "too short", "not finite", "truncated")}
    soundfile.write(paths["silent"], np.zeros(2 * RATE), RATE)
    soundfile.write(paths["too short"], notes(1, 0.5), RATE)
    soundfile.write(paths["not finite"], np.append(notes(1, 2), np.nan), RATE, subtype="FLOAT")
    soundfile.write(paths["truncated"], notes(1, 4), RATE)
    paths["truncated"].write_bytes(paths["truncated"].read_bytes()[:60000])
    paths |= {"not audio": folder / "text.mp3", "empty": folder / "empty.ogg"}
    paths["not audio"].write_text("not audio\n" * 100)
    paths["empty"].write_bytes(b"")
    return paths


def test_every_problem_is_named(tmp_path: Path) -> None:
    for reason, path in broken(tmp_path).items():
        known = of(path)
        assert known.problem == reason
        assert known.detail
        assert not known.digest


def test_samples_in_runs_at_full_scale_are_clipped() -> None:
    audio = np.zeros(100, np.float32)
    audio[10:20], audio[30], audio[40:42], audio[-3:] = 1, 1, -1, -1.2
    assert clipped_share(audio) == 0.13
    assert clipped_share(0.9 * np.minimum(audio, 1) / 1.2) == 0


@pytest.mark.parametrize(("level", "share"), [(0.0, 0.75), (1e-4, 0.75), (1e-2, 0.0)])
def test_moments_far_below_the_loudest_are_silent(level: float, share: float) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 4 * RATE).astype(np.float32)
    noise[RATE:] *= level
    assert silent_share(Recording(noise, RATE)) == share
    assert silent_share(Recording(noise * np.float32(1e25), RATE)) == share


def test_a_long_file_is_measured_in_its_middle_and_told_whole(tmp_path: Path) -> None:
    audio = np.full(700 * 1000, 0.1, np.float32) * (-1) ** np.arange(700 * 1000)
    audio[:1000] = 1  # before the middle ten minutes
    soundfile.write(tmp_path / "long.wav", audio, 1000)
    known = of(tmp_path / "long.wav")
    assert known.seconds == 700
    assert known.peak == pytest.approx(0.1, abs=1e-3)
    assert known.clipped == 0


def test_what_is_readable_depends_on_the_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    now = measure.settings()
    monkeypatch.setattr("music_affect.data.audit.measurement.version", lambda name: "0")
    assert measure.settings() != now
    assert measure.settings() != AudioMeasurement(min_seconds=2.0).settings()
