"""Audio files to mono float32 signals; a broken file always becomes a ``ClipError`` that says why."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import soundfile

from music_affect.errors import ClipError
from music_affect.features.quiet import quiet_decoder
from music_affect.features.spectrogram import Floats
from music_affect.features.truncation import MPEG_SLACK, announces_length, missing_end

_BLOCK = 1 << 18  # frames read at a time: a long stereo file is never held as a whole
_LOWEST_RATE = 1000  # a header with a lower rate is damaged; resampling from it would fill the memory


def decode(path: Path, sample_rate: int, min_seconds: float) -> Floats:
    """Read, mix to mono and resample, with the samples that ``librosa.load`` returns.

    Args:
        path: a wav, flac, ogg, mp3 or any other file that libsndfile reads.
        sample_rate: samples a second of the result.
        min_seconds: shorter clips are refused.

    Returns:
        float32 [samples], within -1..1 for integer formats.

    Raises:
        ClipError: ``unreadable``, ``truncated``, ``empty``, ``not finite``, ``silent`` or ``too short``.
    """
    with quiet_decoder():
        audio, native_rate = _read(path)
    if len(audio) == 0:
        raise ClipError("empty", "no samples")
    if not np.isfinite(audio).all():
        raise ClipError("not finite", "NaN or infinite samples")
    if not audio.any():
        raise ClipError("silent", "every sample of the mono mix is zero")
    seconds = len(audio) / native_rate
    if seconds < min_seconds:
        raise ClipError("too short", f"{seconds:.2f} s, at least {min_seconds:g} s needed")
    resampled: Floats = librosa.resample(audio, orig_sr=native_rate, target_sr=sample_rate, res_type="soxr_hq")
    return resampled


def _read(path: Path) -> tuple[Floats, int]:
    """Mono samples at the file's own rate, and that rate."""
    try:
        if path.stat().st_size == 0:
            raise ClipError("empty", "a file of zero bytes")
        file = soundfile.SoundFile(path)
    # TypeError: the extension .raw, which has no header to tell the rate.
    except (RuntimeError, TypeError, OSError) as error:
        raise ClipError("unreadable", str(error)) from error
    with file:
        if file.format == "RAW" or file.samplerate < _LOWEST_RATE:
            raise ClipError("unreadable", f"no audio header ({file.format} at {file.samplerate} Hz)")
        missing = missing_end(path, file.format)
        if missing:
            raise ClipError("truncated", missing)
        return _read_all(path, file), file.samplerate


def _read_all(path: Path, file: soundfile.SoundFile) -> Floats:
    blocks, read, stopped = [np.zeros(0, np.float32)], 0, ""
    try:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            blocks.append(block.T.mean(axis=0))
            read += len(block)
    except RuntimeError as error:
        stopped = f" ({error})"
    slack = MPEG_SLACK if file.format == "MP3" else 0
    if stopped or (announces_length(path, file.format) and read < file.frames - slack):
        raise ClipError("truncated", f"{read} of {file.frames} announced frames{stopped}")
    return np.concatenate(blocks)
