"""Beats found by a trained transformer: the network of the package ``beat_this`` with a checkpoint in a local file.

Of that package only the network and its peak picking are used. The spectrogram is computed here, since theirs needs
torchaudio.

Reference:
    Foscarin, Schlüter and Widmer, "Beat This! Accurate beat tracking without DBN postprocessing", ISMIR 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from music_affect.features import beat_checkpoint

if TYPE_CHECKING:
    from music_affect.features.analysis import Analysis
    from music_affect.features.spectrogram import Floats

SAMPLE_RATE = 22050  # what the public networks were trained on, as all that follows
N_FFT = 1024
HOP_LENGTH = 441
FRAME_RATE = SAMPLE_RATE // HOP_LENGTH  # 50 a second
N_MELS = 128
LOWEST, HIGHEST = 30.0, 11000.0  # Hz
LOUDNESS = 1000.0  # of the magnitudes, before log(1 + x)
CHUNK = 1500  # frames that the network sees at once: the length of its training excerpts
BORDER = 6  # frames at either end of a chunk whose answers are worth nothing

Network = Callable[["Floats"], "Floats"]


@dataclass(frozen=True)
class LearnedBeats:
    """The beat tracker "Beat This!" on the CPU, in one thread.

    Args:
        checkpoint: a file as the authors publish them. Trackers are equal where its content is, wherever it lies.

    Attributes:
        digest: of the checkpoint's content.

    Raises:
        ConfigurationError: no checkpoint was chosen, or a package is not installed.
        CheckpointError: the file is not there or no checkpoint.
    """

    checkpoint: str | Path | None = field(default=None, compare=False)
    digest: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", beat_checkpoint.check(self.checkpoint))

    def __call__(self, analysis: Analysis) -> NDArray[np.float64]:
        import torch
        from beat_this.model.postprocessor import Postprocessor

        from music_affect.features.audio.recording import Recording

        audio = Recording(analysis.audio, analysis.sample_rate).at(SAMPLE_RATE)
        network = beat_checkpoint.network(str(self.checkpoint), self.digest)

        def logits(chunk: Floats) -> Floats:
            answer = network(torch.from_numpy(chunk)[None])
            return torch.stack([answer["beat"][0], answer["downbeat"][0]]).float().numpy()

        with _one_thread(), torch.inference_mode():
            beats, downbeats = torch.from_numpy(in_chunks(log_mel(audio), logits))
            times, _ = Postprocessor(type="minimal", fps=FRAME_RATE)(beats, downbeats)
        return np.asarray(times, np.float64)

    def settings(self) -> dict[str, Any]:
        return {"tracker": type(self).__name__, "checkpoint": self.digest}


def log_mel(audio: Floats) -> Floats:
    """The spectrogram that the network was trained on: magnitudes in bands of equal height, log(1 + 1000 x).

    Args:
        audio: mono at ``SAMPLE_RATE``, float32 [samples].

    Returns:
        float32 [T, N_MELS] with T = 1 + samples // HOP_LENGTH.
    """
    import librosa

    spectrum = librosa.stft(audio, n_fft=N_FFT, hop_length=HOP_LENGTH, pad_mode="reflect")
    magnitude = np.abs(spectrum) / np.float32(np.sqrt(N_FFT))
    levels: Floats = np.log1p(np.float32(LOUDNESS) * (_bands() @ magnitude)).T
    return np.ascontiguousarray(levels, np.float32)


def in_chunks(spectrogram: Floats, network: Network) -> Floats:
    """Answers of a network that sees a piece chunk by chunk, without those at the borders of the chunks.

    The last chunk ends where the piece does, so that it is as long as the others; where two chunks answer for a
    frame, the earlier one counts.

    Args:
        spectrogram: float32 [T, N_MELS].
        network: from at most ``CHUNK`` frames [t, N_MELS] to answers [K, t].

    Returns:
        float32 [K, T].
    """
    padded = np.pad(spectrogram, ((BORDER, BORDER), (0, 0)))
    last = max(0, len(padded) - CHUNK)
    step = CHUNK - 2 * BORDER
    answers: list[Floats] = []
    for start in [*range(0, last, step), last]:
        done = len(answers) * step  # frames that earlier chunks answered for
        answer = network(padded[start : start + CHUNK])[:, BORDER:-BORDER]
        answers.append(answer[:, done - start :])
    return np.concatenate(answers, axis=1)


@lru_cache(maxsize=1)
def _bands() -> Floats:
    """Weights of the spectral bins in each band, float32 [N_MELS, 1 + N_FFT / 2]."""
    import librosa

    bands: Floats = librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS, fmin=LOWEST, fmax=HIGHEST, htk=False, norm=None
    )
    return bands


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread of torch's: the beats then do not depend on the number of cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
