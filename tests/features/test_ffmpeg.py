"""Formats that libsndfile does not read, written and read through PyAV."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError
from music_affect.features.audio import ffmpeg
from music_affect.features.audio.decode import decode
from music_affect.features.audio.foreign import foreign_format
from music_affect.features.audio.selection import Selection

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


CODECS = {
    "m4a": ("mp4", "aac"),
    "wma": ("asf", "wmav2"),
    "mka": ("matroska", "ac3"),
    "aac": ("adts", "aac"),
    "ac3": ("ac3", "ac3"),
    "wv": ("wv", "wavpack"),
    "tta": ("tta", "tta"),
}


def encode(path: Path, samples: NDArray[np.int16], rate: int) -> None:
    """Writes samples [samples, channels] in the format of the path's extension."""
    container, codec = CODECS[path.suffix[1:]]
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="stereo")
        stream.bit_rate = 192_000
        if path.suffix[1:] in LOSSLESS:
            stream.codec_context.format = {"wv": "s16p", "tta": "s16"}[path.suffix[1:]]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="s16", layout="stereo")
        frame.sample_rate = rate
        for part in (frame, None):
            out.mux(stream.encode(part))


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four seconds of stereo noise, in every format."""
    folder = tmp_path_factory.mktemp("encoded")
    rate = 44100
    noise = (0.2 * 2**15 * np.random.default_rng(1).standard_normal((4 * rate, 2))).astype(np.int16)
    paths = {extension: folder / f"a.{extension}" for extension in ("wav", *FORMATS)}
    soundfile.write(paths["wav"], noise, rate)
    for extension in FORMATS:
        encode(paths[extension], noise, rate)
    return paths


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_formats_are_told_by_their_first_bytes(encoded, tmp_path, extension):
    renamed = tmp_path / "a.mp3"
    renamed.write_bytes(encoded[extension].read_bytes())
    assert foreign_format(renamed) == FORMATS[extension]


def test_formats_that_libsndfile_reads_are_left_to_it(encoded):
    assert foreign_format(encoded["wav"]) == ""


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_every_format_is_read(encoded, extension):
    (recording,) = decode(encoded[extension])
    assert recording.rate == 44100
    assert recording.samples.dtype == np.float32
    assert recording.seconds == pytest.approx(4, abs=0.08)
    if extension in LOSSLESS:
        np.testing.assert_array_equal(recording.samples, decode(encoded["wav"])[0].samples)


@pytest.mark.parametrize("extension", ["m4a", "aac", "wv"])
def test_windows_equal_the_same_part_of_the_whole(encoded, extension):
    (whole,) = decode(encoded[extension])
    selection = Selection("spread", 0.7, windows=3)
    windows = decode(encoded[extension], selection)
    for window, (start, stop) in zip(windows, selection.spans(len(whole.samples), whole.rate), strict=True):
        np.testing.assert_array_equal(window.samples, whole.samples[start:stop])


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


def test_flac_written_to_a_pipe_is_read(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.2 * np.random.default_rng(1).standard_normal(2 * RATE), RATE)
    (expected,) = decode(path)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    np.testing.assert_array_equal(decode(path)[0].samples, expected.samples)


@pytest.mark.parametrize("name", ["-i.m4a", "a b'\"\n.m4a", "concat:x|y.m4a", "größe.m4a"])
def test_names_are_taken_as_names(encoded, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(encoded["m4a"].read_bytes())
    monkeypatch.chdir(tmp_path)
    assert decode(Path(name))[0].seconds == pytest.approx(4, abs=0.05)


def test_header_without_content_is_unreadable(tmp_path):
    path = tmp_path / "a.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + np.random.default_rng(0).bytes(5000))
    with pytest.raises(ClipError, match="unreadable: no sound in this MPEG-4 file"):
        decode(path)


def test_text_and_playlists_never_reach_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setattr(ffmpeg.av, "open", lambda *_, **__: pytest.fail("FFmpeg was asked"))
    for name, content in {
        "a.mp3": "not a song",
        "a.m4a": "#EXTM3U\n/etc/passwd\n",
        "a.wma": "ffconcat version 1.0",
    }.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(ClipError, match="not audio"):
            decode(tmp_path / name)


def test_nothing_inside_a_file_makes_anyone_read_another_one(encoded, tmp_path):
    content = encoded["m4a"].read_bytes()
    place = content.index(b"url ") - 4
    reference = str(encoded["wav"]).encode() + b"\0"
    entry = (12 + len(reference)).to_bytes(4, "big") + b"url " + bytes(4) + reference
    path = tmp_path / "a.m4a"
    path.write_bytes(content[:place] + entry + content[place + 12 :])  # its samples are said to be in another file
    with pytest.raises(ClipError):
        decode(path)


def test_pictures_that_last_longer_than_the_sound_cut_nothing(tmp_path):
    path, rate = tmp_path / "a.m4a", 22050
    with av.open(str(path), "w", format="mp4") as out:
        sound, pictures = out.add_stream("aac", rate=rate, layout="mono"), out.add_stream("mpeg4", rate=5)
        pictures.width = pictures.height = 16
        noise = (3000 * np.random.default_rng(0).standard_normal((1, 2 * rate))).astype(np.int16)
        heard = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        heard.sample_rate = rate
        for frame in (heard, None):
            out.mux(sound.encode(frame))
        for _ in range(20):
            out.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        out.mux(pictures.encode(None))
    assert decode(path)[0].seconds == pytest.approx(2, abs=0.1)
