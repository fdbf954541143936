"""Which part of a file is used: where the windows lie, and that jumping to them gives the very same samples."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from music_affect.contracts.errors import ClipError, ConfigurationError
from music_affect.features.audio.decode import decode
from music_affect.features.audio.selection import Selection

RATE = 8000


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), [(0, 100)]),
        (Selection("start", 3), [(0, 30)]),
        (Selection("middle", 3), [(35, 65)]),
        (Selection("middle", 9.1), [(0, 100)]),  # at most a tenth longer: used whole
        (Selection("middle", 9), [(5, 95)]),
        (Selection("start", 20), [(0, 100)]),
        (Selection("spread", 2, windows=2), [(15, 35), (65, 85)]),
        (Selection("spread", 2, windows=9), [(0, 20), (20, 40), (40, 60), (60, 80), (80, 100)]),
        (Selection("spread", 8, windows=3), [(10, 90)]),
    ],
)
def test_windows_lie_where_asked_for(selection, expected):
    assert selection.spans(100, 10) == expected


@pytest.mark.parametrize("length", [1, 2, 19, 20, 23, 97, 1001, 65537])
@pytest.mark.parametrize("windows", [1, 2, 3, 7, 50])
def test_windows_are_equal_ordered_and_inside(length, windows):
    spans = Selection("spread", 2, windows=windows).spans(length, 10)
    assert spans[0][0] >= 0
    assert spans[-1][1] <= length
    assert all(stop <= start for (_, stop), (start, _) in pairwise(spans))
    assert len({stop - start for start, stop in spans}) == 1
    assert len(spans) == (1 if length <= 22 else min(windows, length // 20))


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"position": "midle", "seconds": 3}, "position=midle, did you mean 'middle'?"),
        ({"position": "start"}, "position=start without seconds"),
        ({"position": "start", "seconds": 0}, "seconds=0"),
        ({"position": "start", "seconds": -1.0}, "seconds=-1.0"),
        ({"position": "start", "seconds": math.inf}, "seconds=inf"),
        ({"position": "start", "seconds": math.nan}, "seconds=nan"),
        ({"position": "whole", "seconds": 3}, "position=whole with seconds=3"),
        ({"position": "spread", "seconds": 3, "windows": 0}, "windows=0"),
        ({"position": "middle", "seconds": 3, "windows": 2}, "windows=2 with position=middle"),
        ({"min_seconds": -1}, "min_seconds=-1"),
        ({"min_seconds": "ten"}, "min_seconds=ten"),
        ({"position": "start", "seconds": "ten"}, "seconds=ten"),
        ({"position": "start", "seconds": True}, "seconds=True"),
        ({"position": "spread", "seconds": 3, "windows": 2.5}, "windows=2.5"),
        ({"position": "spread", "seconds": 3, "windows": True}, "windows=True"),
        ({"position": None}, "position=None"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, found):
    with pytest.raises(ConfigurationError) as caught:
        Selection(**settings)
    assert caught.value.found == f"{found} for the part of a file to use"


def test_settings_name_what_changes_the_numbers():
    assert Selection().settings() == {}
    assert Selection("start", 3).settings() == {"position": "start", "seconds": 3, "windows": 1, "min_seconds": 0.0}
    assert Selection(min_seconds=2).settings()["min_seconds"] == 2


def noise(path: Path, seconds: float = 12, **options: str) -> Path:
    audio = 0.2 * np.random.default_rng(5).standard_normal((int(seconds * RATE), 2))
    soundfile.write(path, audio.astype(np.float32), RATE, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {}),
        ("adpcm.wav", {"subtype": "IMA_ADPCM"}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.mp3", {}),
        ("vbr.mp3", {"bitrate_mode": "VARIABLE"}),
        ("a.aiff", {}),
    ],
)
@pytest.mark.parametrize(
    "selection", [Selection("start", 2.5), Selection("middle", 3), Selection("spread", 1.3, windows=4)]
)
def test_windows_equal_the_same_part_of_the_whole(tmp_path, name, options, selection):
    path = noise(tmp_path / name, **options)
    (whole,) = decode(path)
    windows = decode(path, selection)
    spans = selection.spans(len(whole.samples), whole.rate)
    assert len(windows) == len(spans) > 0
    for window, (start, stop) in zip(windows, spans, strict=True):
        assert window.rate == RATE
        assert window.seconds == (stop - start) / RATE
        # After a jump, mpg123 rounds the last bit of an mp3 file otherwise.
        tolerance = 2**-22 if name.endswith("mp3") else 0
        np.testing.assert_allclose(window.samples, whole.samples[start:stop], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.w64", "a.au"])
def test_cut_file_is_refused_though_the_selected_part_is_there(tmp_path, name):
    path = noise(tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.8)])
    with pytest.raises(ClipError, match="truncated"):
        decode(path, Selection("start", 2))


def test_only_the_selected_part_is_decoded(tmp_path, monkeypatch):
    path = noise(tmp_path / "long.flac", seconds=60)
    read = []
    original = soundfile.SoundFile.read

    def counted(self, *arguments, **options):
        block = original(self, *arguments, **options)
        read.append(len(block))
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    decode(path, Selection("middle", 2))
    assert sum(read) < 100_000  # of 480,000; a run-up is part of it


def test_silent_windows_are_left_out_and_a_silent_selection_is_refused(tmp_path):
    audio = np.zeros(10 * RATE)
    audio[: 4 * RATE] = 0.1 * np.random.default_rng(0).choice([-1, 1], 4 * RATE)
    path = tmp_path / "half.wav"
    soundfile.write(path, audio, RATE)
    (window,) = decode(path, Selection("spread", 2, windows=2))
    assert window.samples.all()
    with pytest.raises(ClipError, match="silent"):
        decode(path, Selection("middle", 1))


def test_short_files_are_refused_by_the_larger_of_both_limits(tmp_path):
    path = noise(tmp_path / "a.wav", seconds=3)
    with pytest.raises(ClipError, match=r"too short: 3\.00 s, at least 4 s needed"):
        decode(path, Selection(min_seconds=4), min_seconds=1)
    with pytest.raises(ClipError, match=r"at least 5 s needed"):
        decode(path, Selection(min_seconds=4), min_seconds=5)
    assert len(decode(path, Selection(min_seconds=3))) == 1
