"""Formats that only ffmpeg reads, with a real ffmpeg, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from music_affect.errors import ClipError
from music_affect.features import ffmpeg
from music_affect.features.decode import decode
from music_affect.features.foreign import foreign_format
from music_affect.features.selection import Selection

RATE = 22050
FORMATS = {
    "m4a": "MPEG-4",
    "wma": "Windows Media",
    "mka": "Matroska",
    "aac": "AAC",
    "ac3": "AC-3",
    "wv": "WavPack",
    "tta": "True Audio",
}
LOSSLESS = ("wv", "tta")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an executable named ffmpeg and nothing else."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    return folder


@pytest.fixture
def installed(program, monkeypatch):
    monkeypatch.setenv("PATH", f"{program}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="module")
def encoded(program, tmp_path_factory) -> dict[str, Path]:
    """Four seconds of stereo noise, in every format."""
    folder = tmp_path_factory.mktemp("encoded")
    wav = folder / "a.wav"
    rate = 44100
    soundfile.write(wav, 0.2 * np.random.default_rng(1).standard_normal((4 * rate, 2)), rate)
    paths = {"wav": wav}
    for extension in FORMATS:
        paths[extension] = folder / f"a.{extension}"
        subprocess.run([program / "ffmpeg", "-v", "error", "-nostdin", "-i", wav, paths[extension]], check=True)
    return paths


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_formats_are_told_by_their_first_bytes(encoded, tmp_path, extension):
    renamed = tmp_path / "a.mp3"
    renamed.write_bytes(encoded[extension].read_bytes())
    assert foreign_format(renamed) == FORMATS[extension]


def test_formats_that_libsndfile_reads_are_left_to_it(encoded):
    assert foreign_format(encoded["wav"]) == ""


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_every_format_is_read(encoded, extension):
    (recording,) = decode(encoded[extension])
    assert recording.rate == 44100
    assert recording.samples.dtype == np.float32
    assert recording.seconds == pytest.approx(4, abs=0.08)
    if extension in LOSSLESS:
        np.testing.assert_array_equal(recording.samples, decode(encoded["wav"])[0].samples)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("extension", ["m4a", "aac", "wv"])
def test_windows_equal_the_same_part_of_the_whole(encoded, extension):
    (whole,) = decode(encoded[extension])
    selection = Selection("spread", 0.7, windows=3)
    windows = decode(encoded[extension], selection)
    for window, (start, stop) in zip(windows, selection.spans(len(whole.samples), whole.rate), strict=True):
        np.testing.assert_array_equal(window.samples, whole.samples[start:stop])


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("selection", [Selection(), Selection("start", 1)])
@pytest.mark.parametrize("extension", sorted(set(FORMATS) - {"ac3"}))  # ac3 is frames alone, like mp3 without a tag
def test_cut_files_are_refused(encoded, tmp_path, extension, selection):
    content = encoded[extension].read_bytes()
    path = tmp_path / f"a.{extension}"
    path.write_bytes(content[: int(len(content) * 0.6) + 1])
    with pytest.raises(ClipError) as caught:
        decode(path, selection)
    assert caught.value.reason in ("truncated", "unreadable")
    assert caught.value.detail


@pytest.mark.usefixtures("installed")
def test_flac_written_to_a_pipe_is_read(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.2 * np.random.default_rng(1).standard_normal(2 * RATE), RATE)
    (expected,) = decode(path)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    np.testing.assert_array_equal(decode(path)[0].samples, expected.samples)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["-i.m4a", "a b'\"\n.m4a", "concat:x|y.m4a", "größe.m4a"])
def test_names_are_taken_as_names(encoded, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(encoded["m4a"].read_bytes())
    monkeypatch.chdir(tmp_path)
    assert decode(Path(name))[0].seconds == pytest.approx(4, abs=0.05)


@pytest.mark.usefixtures("installed")
def test_header_without_content_is_unreadable(tmp_path):
    path = tmp_path / "a.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + np.random.default_rng(0).bytes(5000))
    with pytest.raises(ClipError, match="unreadable: ffmpeg finds no sound in this MPEG-4 file"):
        decode(path)


@pytest.mark.usefixtures("installed")
def test_text_and_playlists_never_reach_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setattr(ffmpeg.subprocess, "run", lambda *_, **__: pytest.fail("ffmpeg was started"))
    for name, content in {
        "a.mp3": "not a song",
        "a.m4a": "#EXTM3U\n/etc/passwd\n",
        "a.wma": "ffconcat version 1.0",
    }.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(ClipError, match="not audio"):
            decode(tmp_path / name)


def test_without_ffmpeg_the_message_says_what_to_do(encoded, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClipError) as caught:
        decode(encoded["m4a"])
    assert caught.value.reason == "needs ffmpeg"
    assert caught.value.detail == (
        "MPEG-4, which libsndfile does not read; install ffmpeg and see that it is on the PATH, "
        "or convert the file to flac"
    )


def test_program_that_hangs_is_ended(encoded, tmp_path, monkeypatch):
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(ffmpeg, "_TIMEOUT", 0.2)
    with pytest.raises(ClipError, match=r"unreadable: no answer from ffmpeg within 0\.2 s"):
        decode(encoded["m4a"])
    sound = ffmpeg.ForeignFile(str(tmp_path / "ffmpeg"), encoded["m4a"], 44100, 1000)
    with pytest.raises(ClipError, match="unreadable: ffmpeg ended with -9"):
        sound.read(0, 1000)
