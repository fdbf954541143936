"""What several features of a clip are made from, each computed once and only if it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from music_affect.features.audio.recording import Recording
from music_affect.features.chroma import BINS_PER_OCTAVE, chromagram
from music_affect.features.loudness import momentary_loudness
from music_affect.features.spectrogram import Floats, mel_power, transform
from music_affect.features.tuning import FRAMES, estimate_tuning

Beats = Callable[["Analysis"], NDArray[np.float64]]


class Analysis:
    """A clip in frames.

    Args:
        audio: mono, float32 [samples].
        sample_rate: samples a second.
        n_fft: samples a frame.
        hop_length: samples between frames.
        n_mels: mel bands.
    """

    def __init__(self, audio: Floats, sample_rate: int, n_fft: int, hop_length: int, n_mels: int) -> None:
        self.audio, self.sample_rate = audio, sample_rate
        self.n_fft, self.hop_length, self.n_mels = n_fft, hop_length, n_mels
        self._beats: dict[Beats, NDArray[np.float64]] = {}

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop_length

    @cached_property
    def spectrum(self) -> NDArray[np.complex64]:
        """Fourier transform, complex64 [1 + n_fft / 2, T]."""
        return transform(self.audio, self.n_fft, self.hop_length)

    @cached_property
    def magnitude(self) -> Floats:
        """Absolute value of the spectrum, float32 [1 + n_fft / 2, T]."""
        return np.abs(self.spectrum)

    @cached_property
    def mel(self) -> Floats:
        """Power in mel bands, float32 [n_mels, T]."""
        return mel_power(self.magnitude, self.sample_rate, self.n_fft, self.n_mels)

    @cached_property
    def chroma(self) -> Floats:
        """Energy of the pitch classes, float32 [12, T]."""
        # The tuning has frames of its own; by default they are ours too and need no second transform.
        ours = (self.n_fft, self.hop_length) == FRAMES
        magnitude = self.magnitude if ours else np.abs(transform(self.audio, *FRAMES))
        tuning = estimate_tuning(magnitude, self.sample_rate, BINS_PER_OCTAVE)
        return chromagram(self.audio, self.sample_rate, self.hop_length, tuning)

    @cached_property
    def loudness(self) -> Floats:
        """Momentary loudness in LUFS, float32 [T]."""
        return momentary_loudness(self.magnitude, len(self.audio), self.sample_rate, self.hop_length)

    @cached_property
    def percussive(self) -> Floats:
        """Signal of the percussive part, float32 [samples]."""
        # Imported late: it brings the compiler along, which full-rate features never need.
        from music_affect.features.percussive import percussive

        return percussive(self.spectrum, self.magnitude, self.hop_length, len(self.audio))

    def beats(self, tracker: Beats) -> NDArray[np.float64]:
        """Times of the beats in seconds, found once for each tracker (which is hashable), float64 [N]."""
        if tracker not in self._beats:
            self._beats[tracker] = tracker(self)
        return self._beats[tracker]


class Window:
    """One excerpt of a file, for several extractors: resampled once a rate, analysed once for each kind of frames."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._audio: dict[int, Floats] = {}
        self._analyses: dict[tuple[int, int, int, int, Callable[..., Analysis]], Analysis] = {}

    def at(self, sample_rate: int) -> Floats:
        """The samples at a rate, float32 [samples]."""
        if sample_rate not in self._audio:
            self._audio[sample_rate] = self.recording.at(sample_rate)
        return self._audio[sample_rate]

    def analysis(
        self, sample_rate: int, n_fft: int, hop_length: int, n_mels: int, make: Callable[..., Analysis] = Analysis
    ) -> Analysis:
        """The excerpt in frames; the same object for the same arguments, ``make`` being what computes them."""
        frames = (sample_rate, n_fft, hop_length, n_mels)
        if (*frames, make) not in self._analyses:
            self._analyses[*frames, make] = make(self.at(sample_rate), *frames)
        return self._analyses[*frames, make]
