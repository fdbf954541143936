"""Reading audio: the samples of librosa.load, and a named reason for every kind of broken file."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from music_affect.contracts.errors import ClipError
from music_affect.features.audio.decode import decode

RATE = 22050


def tone(seconds: float = 3.0, rate: int = 44100, channels: int = 1) -> np.ndarray:
    """Noise with a tone in it, different in each channel, [samples, channels]."""
    rng = np.random.default_rng(7)
    time = np.arange(int(seconds * rate)) / rate
    audio = 0.1 * rng.standard_normal((len(time), channels)) + 0.3 * np.sin(2 * np.pi * 440 * time)[:, None]
    return audio.astype(np.float32)


def write(path: Path, audio: np.ndarray, rate: int = 44100, **options: str) -> Path:
    soundfile.write(path, audio, rate, **options)
    return path


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    shortened = path.with_name(f"cut_{path.name}")
    shortened.write_bytes(content[: int(len(content) * share)])
    return shortened


def samples(path: Path, min_seconds: float = 1.0) -> np.ndarray:
    """The whole file at ``RATE``."""
    (recording,) = decode(path, min_seconds=min_seconds)
    return recording.at(RATE)


def reason(path: Path, min_seconds: float = 1.0) -> str:
    with pytest.raises(ClipError) as caught:
        decode(path, min_seconds=min_seconds)
    assert caught.value.detail
    return caught.value.reason


def without_tag(path: Path) -> Path:
    """The same mp3 without the first frame, which holds the Xing tag."""
    content = path.read_bytes()
    assert b"Xing" in content[:64] or b"Info" in content[:64]
    bare = path.with_name(f"bare_{path.name}")
    bare.write_bytes(content[re.search(rb"\xff\xfb", content[100:]).start() + 100 :])
    return bare


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_samples_equal_librosa_load(tmp_path, rate, channels):
    path = write(tmp_path / "a.wav", tone(rate=rate, channels=channels), rate)
    audio = samples(path)
    assert audio.dtype == np.float32
    np.testing.assert_array_equal(audio, librosa.load(path, sr=RATE)[0])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("int16.wav", {"subtype": "PCM_16"}),
        ("float.wav", {"subtype": "FLOAT"}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
        ("vbr.mp3", {"bitrate_mode": "VARIABLE"}),
        ("a.aiff", {}),
    ],
)
def test_every_format_is_read_whole(tmp_path, name, options):
    path = write(tmp_path / name, tone(channels=2), **options)
    audio = samples(path)
    assert len(audio) == 3 * RATE
    np.testing.assert_array_equal(audio, librosa.load(path, sr=RATE)[0])


def test_blocks_are_joined_without_a_seam(tmp_path):
    path = write(tmp_path / "long.wav", tone(seconds=14), RATE)  # more than two blocks of 2**18 samples
    np.testing.assert_array_equal(samples(path), librosa.load(path, sr=RATE)[0])


@pytest.mark.parametrize("share", [0.9, 0.5])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_cut_file_is_truncated(tmp_path, name, share):
    assert reason(cut(write(tmp_path / name, tone(seconds=6)), share)) == "truncated"


def test_ogg_cut_between_two_pages_is_truncated(tmp_path):
    path = write(tmp_path / "a.ogg", tone(seconds=6))
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS")])
    with pytest.raises(ClipError, match="truncated: the last Ogg page is not the end of the stream"):
        samples(path)


def test_wav_written_to_a_pipe_is_accepted(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    content = path.read_bytes()
    size = content.index(b"data") + 4
    path.write_bytes(content[:size] + b"\xff\xff\xff\xff" + content[size + 4 :])
    assert len(samples(path)) == 3 * RATE


def test_wav_with_chunks_around_the_samples_is_accepted(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    content = path.read_bytes()
    start = content.index(b"data")
    note = b"note" + (5).to_bytes(4, "little") + b"hello\0"  # odd sizes are padded to even
    path.write_bytes(content[:start] + note + content[start:] + note)
    assert len(samples(path)) == 3 * RATE


def test_mp3_without_a_tag_is_not_called_truncated(tmp_path):
    quiet_then_loud = np.concatenate([np.zeros_like(tone()), tone()])
    path = without_tag(write(tmp_path / "a.mp3", quiet_then_loud, bitrate_mode="VARIABLE"))
    with soundfile.SoundFile(path) as file:
        assert file.frames > 400_000  # the estimate from the first bit rate; there are 266,112 samples
    assert len(samples(path)) == 133_056


def test_mp3_tag_is_found_behind_an_id3_header(tmp_path):
    path = write(tmp_path / "a.mp3", tone(seconds=6))
    path.write_bytes(b"ID3\x04\x00\x00\x00\x00\x40\x00" + bytes(8192) + path.read_bytes())
    assert len(samples(path)) == 6 * RATE
    assert reason(cut(path, 0.6)) == "truncated"


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.raw", "a.au", "a.txt"])
def test_random_bytes_are_unreadable(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(np.random.default_rng(1).bytes(100_000))
    assert reason(path) == "unreadable"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html><html>404</html>", "it begins with <!DOCTYPE html>"),
        (b"\xef\xbb\xbf" + b"\n\n  not a song\n" * 500, "it begins with not a song"),
        ("schön\n".encode("utf-16"), "it begins with schön"),
        (b"%PDF-1.7\n\xff\xfe", "a PDF"),
        (b"PK\x03\x04" + bytes(99), "a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (bytes(9000), "it begins with zero bytes only"),
    ],
)
@pytest.mark.parametrize("name", ["a.mp3", "a.wav"])
def test_what_is_no_audio_is_called_by_its_name(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ClipError) as caught:
        decode(tmp_path / name)
    assert (caught.value.reason, told in caught.value.detail) == ("not audio", True)


def test_folders_are_no_audio_and_what_is_not_there_is_missing(tmp_path):
    (tmp_path / "a.mp3").mkdir()
    assert reason(tmp_path / "a.mp3") == "not audio"
    assert reason(tmp_path / "nowhere.wav") == "missing"
    assert reason(tmp_path / "a.mp3" / "b" / "c.wav") == "missing"
    assert reason(tmp_path / ("long" * 100)) == "missing"


def test_a_damaged_header_keeps_the_words_of_the_decoder(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"RIFF\x10\0\0\0WAVEfmt " + bytes(8))
    with pytest.raises(ClipError, match=r"unreadable: .*Short 'fmt ' chunk"):
        decode(tmp_path / "a.mp3")


def test_empty_files(tmp_path):
    zero = tmp_path / "zero.mp3"
    zero.touch()
    assert reason(zero) == "empty"
    assert reason(write(tmp_path / "header.wav", np.zeros((0, 1), np.float32))) == "empty"


def test_content_that_cannot_be_used(tmp_path):
    broken = tone()
    broken[1000] = np.nan
    assert reason(write(tmp_path / "nan.wav", broken, subtype="FLOAT")) == "not finite"


SILENT = {
    "zeros": (np.zeros((44100 * 2, 1)), "every sample of the mono mix is zero"),
    "dither": (np.random.default_rng(1).choice([-1, 0, 0, 1], (44100 * 2, 1)) / 2**16, "its loudest moment has"),
    "far below": (tone() * np.float32(1e-7), "its loudest moment has -1"),
    "offset": (np.full((44100 * 2, 1), 0.2), "nothing but a constant offset of 0.2"),
    "offset and dither": (0.1 + tone() * np.float32(1e-6), "nothing but a constant offset of 0.1"),
    "out of phase": (np.hstack([tone(), -tone()]), "out of phase: the channels cancel"),
    "nearly out of phase": (np.hstack([tone(), -0.999 * tone()]), "out of phase"),
    "out of phase in four": (np.hstack([tone(), -tone(), tone(), -tone()]), "out of phase"),
}


@pytest.mark.parametrize("case", SILENT)
def test_nothing_to_hear_is_silent_whatever_makes_it(tmp_path, case):
    audio, told = SILENT[case]
    with pytest.raises(ClipError) as caught:
        decode(write(tmp_path / "a.wav", audio, subtype="FLOAT"))
    assert caught.value.reason == "silent"
    assert told in caught.value.detail


def test_channels_out_of_phase_are_found_in_an_mp3_too(tmp_path):
    assert reason(write(tmp_path / "a.mp3", np.hstack([tone(), -tone()]))) == "silent"


@pytest.mark.parametrize(
    "audio",
    [
        tone() * np.float32(3e-4),  # 70 dB below a loud recording
        np.hstack([tone(), np.zeros_like(tone())]) * np.float32(1e-3),
        np.hstack([tone(), -0.9 * tone()]),
        np.vstack([np.zeros((88200, 1)), tone(0.1)]),
        0.3 + tone() * np.float32(1e-2),
    ],
)
def test_quiet_music_and_music_with_an_offset_stay(tmp_path, audio):
    assert samples(write(tmp_path / "a.wav", audio, subtype="FLOAT")).any()


def test_shorter_than_asked_for(tmp_path):
    path = write(tmp_path / "short.wav", tone(seconds=0.5))
    assert reason(path) == "too short"
    assert len(samples(path, min_seconds=0.5)) == RATE // 2


def test_header_with_an_absurd_rate_is_unreadable(tmp_path):
    assert reason(write(tmp_path / "slow.wav", tone(), rate=1)) == "unreadable"


def test_decoder_keeps_quiet_and_gives_stderr_back(tmp_path, capfd):
    half = cut(write(tmp_path / "a.mp3", tone(seconds=6)), 0.5)
    with soundfile.SoundFile(half) as file:
        file.read()
    assert "Xing stream size" in capfd.readouterr().err  # what the decoder says when nobody hushes it
    assert reason(half) == "truncated"
    assert capfd.readouterr().err == ""
    with soundfile.SoundFile(half):
        pass
    assert "Xing stream size" in capfd.readouterr().err


def test_threads_share_the_hush_and_stderr_comes_back(tmp_path, capfd):
    half = cut(write(tmp_path / "a.mp3", tone(seconds=6)), 0.5)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(reason, [half] * 16)) == {"truncated"}
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
