"""Formats, sample widths, rates and channels; mp3 files without a tag; and every format cut at many places."""

from __future__ import annotations

import re
from pathlib import Path

import av
import librosa
import numpy as np
import pytest
import soundfile

from music_affect.contracts.errors import ClipError
from music_affect.features.audio import decode as decoding
from music_affect.features.audio.decode import decode
from music_affect.features.audio.mpeg import find_frames
from music_affect.features.audio.selection import Selection

SOUND = 0.2 * np.random.default_rng(3).standard_normal((44100, 6))
CUTTABLE = {
    "a.wav": {},
    "a.w64": {},
    "a.rf64": {"format": "RF64"},
    "a.aiff": {},
    "a.au": {},
    "a.caf": {},
    "a.flac": {},
    "a.ogg": {},
    "a.opus": {"format": "OGG", "subtype": "OPUS"},
    "a.mp3": {},
}


def write(path: Path, channels: int = 2, rate: int = 22050, **options: str) -> Path:
    soundfile.write(path, SOUND[:, :channels], rate, **options)
    return path


def untagged(path: Path) -> bytes:
    """Content of an mp3 file without the frame that tells its length."""
    content = path.read_bytes()
    return content[find_frames(content).starts[0] :]


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 22050, 96000, 192000])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_widths_rates_and_channels_equal_librosa(tmp_path, channels, rate, subtype):
    path = write(tmp_path / "a.wav", channels, rate, subtype=subtype)
    (recording,) = decode(path, min_seconds=0.1)
    assert recording.rate == rate
    np.testing.assert_array_equal(recording.samples, librosa.load(path, sr=None)[0])


@pytest.mark.parametrize("name", sorted(CUTTABLE))
def test_containers_equal_librosa(tmp_path, name):
    rate = 24000 if name.endswith("opus") else 22050
    path = write(tmp_path / name, rate=rate, **CUTTABLE[name])
    (recording,) = decode(path)
    np.testing.assert_array_equal(recording.at(22050), librosa.load(path, sr=22050)[0])


@pytest.mark.parametrize("selection", [Selection(), Selection("start", 0.5)])
@pytest.mark.parametrize("name", [*sorted(CUTTABLE), "untagged.mp3"])
def test_no_cut_file_is_read(tmp_path, name, selection):
    options = CUTTABLE.get(name, {})
    path = write(tmp_path / name, rate=24000 if name.endswith("opus") else 22050, **options)
    content = untagged(path) if name.startswith("untagged") else path.read_bytes()
    for place in np.random.default_rng(11).integers(1, len(content), 20):
        path.write_bytes(content[:place])
        with pytest.raises(ClipError) as caught:
            decode(path, selection, min_seconds=0.01)
        assert caught.value.reason in ("truncated", "unreadable", "empty")


@pytest.mark.parametrize("selection", [Selection(), Selection("middle", 1)])
@pytest.mark.parametrize("rate", [44100, 22050, 8000])
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_without_a_tag_is_read_to_its_end(tmp_path, rate, channels, selection):
    path = write(tmp_path / "a.mp3", channels, rate, bitrate_mode="VARIABLE")
    frames = len(find_frames(path.read_bytes()).starts)
    path.write_bytes(untagged(path))
    length = frames * (1152 if rate == 44100 else 576)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    (whole,) = decode(path, min_seconds=0.1)
    assert len(whole.samples) == length
    shared = min(length, len(expected))  # the library stops where it guesses the end to be
    np.testing.assert_array_equal(whole.samples[:shared], expected[:shared].T.mean(axis=0))
    ((start, stop),) = selection.spans(length, rate)
    (window,) = decode(path, selection, min_seconds=0.1)
    # After a jump, mpg123 rounds the last bit otherwise.
    np.testing.assert_allclose(window.samples, whole.samples[start:stop], rtol=0, atol=2**-22)


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize(
    "tail", [b"TAG" + bytes(125), bytes(4000), b"APETAGEX" + bytes(range(200)), b"LYRICSBEGIN words LYRICS200"]
)
def test_what_follows_the_last_frame_is_legal(tmp_path, tagged, tail):
    path = write(tmp_path / "a.mp3", rate=44100)
    content = path.read_bytes() if tagged else untagged(path)
    path.write_bytes(content + tail)
    assert decode(path, min_seconds=0.5)[0].seconds == pytest.approx(1, abs=0.06)
    path.write_bytes(content[:-3] + (tail if tail.startswith(b"TAG") else b""))
    with pytest.raises(ClipError, match=r"truncated: (the last of 40 frames is incomplete|39 of 40 announced frames)"):
        decode(path, min_seconds=0.5)


def test_mp3_cut_between_two_frames_is_found_by_its_tag_only(tmp_path):
    path = write(tmp_path / "a.mp3", rate=44100)
    content = path.read_bytes()
    starts = find_frames(content).starts
    for lost in (1, 2, 10):
        path.write_bytes(content[: starts[-lost]])
        with pytest.raises(ClipError, match=f"truncated: {len(starts) - lost} of {len(starts)} announced frames"):
            decode(path, min_seconds=0.1)
    path.write_bytes(content[starts[0] : starts[-10]])
    assert len(decode(path, min_seconds=0.1)[0].samples) == 1152 * (len(starts) - 10)


def test_garbage_within_an_mp3_file_is_skipped():
    content = (b"\x00junk" * 100).join(_halves())
    whole = find_frames(b"".join(_halves()))
    found = find_frames(content)
    assert len(found.starts) == len(whole.starts)
    assert found.missing == ""


def _halves() -> tuple[bytes, bytes]:
    frame = b"\xff\xfb\x90\x64" + bytes(413)  # 128 kbit/s at 44.1 kHz
    return 20 * frame, 30 * frame


def test_random_bytes_have_no_frames():
    assert find_frames(np.random.default_rng(0).bytes(20_000)) is None
    assert find_frames(b"") is None


@pytest.mark.parametrize("extension", ["mp3", "raw", "flac", "m4a", "txt"])
def test_content_decides_not_the_extension(tmp_path, extension):
    path = write(tmp_path / "a.wav")
    wrong = path.rename(tmp_path / f"a.{extension}")
    assert decode(wrong)[0].seconds == 2


def test_endless_flac_fills_no_memory(tmp_path):
    path = write(tmp_path / "a.flac")
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    with pytest.raises(ClipError, match=r"too long: .*use a part of it \(position=middle, seconds=30\)"):
        decode(path)


def test_long_files_can_be_used_in_part(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "_LARGEST", 22050)
    path = write(tmp_path / "a.wav")
    with pytest.raises(ClipError, match="too long: 2 s at 22050 Hz"):
        decode(path)
    assert decode(path, Selection("middle", 1))[0].seconds == 1


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31 - 1])
def test_impossible_rates_are_refused(tmp_path, rate):
    path = write(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ClipError, match=re.escape(f"no audio header (WAV at {rate} Hz)")):
        decode(path)


@pytest.mark.parametrize("value", [1e30, -3e38])
def test_impossible_levels_are_refused(tmp_path, value):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.r_[np.zeros(22050), value, np.ones(22050)], 22050, subtype="FLOAT")
    with pytest.raises(ClipError, match="unreadable: samples up to"):
        decode(path)


def test_an_mp3_of_a_low_bit_rate_is_read_as_librosa_reads_it(tmp_path: Path) -> None:
    rate, seconds = 44100, 14  # longer than a block of two channels
    time = np.arange(seconds * rate) / rate
    noise = 0.1 * np.random.default_rng(0).standard_normal(len(time)) * (np.sin(12 * time) > 0)
    tone = (0.3 * np.sin(2 * np.pi * (220 + 50 * np.sin(time)) * time) + noise) * 2**15
    samples = np.stack([tone, 0.8 * tone], axis=1).clip(-(2**15), 2**15 - 1).astype(np.int16)
    path = tmp_path / "a.mp3"
    with av.open(str(path), "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=rate, layout="stereo")
        stream.bit_rate = 32_000
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = rate
        for part in (frame, None):
            out.mux(stream.encode(part))
    (whole,) = decode(path)
    expected, _ = librosa.load(path, sr=None, mono=True)
    np.testing.assert_array_equal(whole.samples, expected)
    (window,) = decode(path, Selection("middle", 8))
    begin = (len(expected) - len(window.samples)) // 2
    np.testing.assert_array_equal(window.samples, expected[begin:][: len(window.samples)])
