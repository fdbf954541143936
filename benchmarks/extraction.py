"""Speed and parity of the feature extraction beside the same features computed naively with librosa.

    python -m benchmarks.extraction --root FOLDER --clips 30

Both sides run in this process, one clip at a time on one core, decoding included.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import librosa
import numpy as np
import soundfile
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from music_affect.errors import ClipError
from music_affect.features.beat import beat_frames, fixed_frames, pool
from music_affect.features.chroma import BINS_PER_OCTAVE, chromagram
from music_affect.features.decode import decode
from music_affect.features.extractor import AudioExtractor
from music_affect.features.percussive import percussive
from music_affect.features.spectrogram import Floats, mel_power, to_decibels, transform
from music_affect.features.tuning import estimate_tuning

RATE, N_FFT, HOP, N_MELS = 22050, 2048, 512, 128
AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
MEL_TOLERANCE, CHROMA_TOLERANCE = 0.01, 1e-4


class Comparison(NamedTuple):
    """One clip in one variant: seconds of both sides, largest differences, and whether the rows are the same."""

    ours: float
    naive: float
    mel: float
    chroma: float
    same_rows: bool
    same_beats: bool


def naive_features(path: Path, beat: bool) -> Floats:
    """The definition as one writes it from librosa's documentation, [T, 140]."""
    audio, _ = librosa.load(path, sr=RATE)
    mel = librosa.feature.melspectrogram(y=audio, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS, power=2.0)
    chroma = librosa.feature.chroma_cqt(y=audio, sr=RATE, hop_length=HOP)
    if beat:
        frames = naive_beats(audio)
        mel = librosa.util.sync(mel, frames, aggregate=np.median)
        chroma = librosa.util.sync(chroma, frames, aggregate=np.median)
    features: Floats = np.vstack([librosa.power_to_db(mel, ref=np.max), chroma]).T
    return features


def naive_beats(audio: Floats) -> list[int]:
    _, drums = librosa.effects.hpss(audio)
    _, frames = librosa.beat.beat_track(y=drums, sr=RATE, hop_length=HOP)
    return [int(frame) for frame in frames]


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def compare(path: Path, beat: bool) -> Comparison:
    ours, our_seconds = timed(AudioExtractor(beat=beat), path)
    naive, naive_seconds = timed(naive_features, path, beat)
    if ours.shape != naive.shape:
        return Comparison(our_seconds, naive_seconds, np.inf, np.inf, False, False)
    mel, chroma = np.abs(ours - naive)[:, :N_MELS].max(), np.abs(ours - naive)[:, N_MELS:].max()
    return Comparison(our_seconds, naive_seconds, float(mel), float(chroma), True, not beat or same_beats(path))


def same_beats(path: Path) -> bool:
    audio = decode(path, RATE, 1.0)
    spectrum = transform(audio, N_FFT, HOP)
    ours = beat_frames(percussive(spectrum, np.abs(spectrum), HOP, len(audio)), RATE, HOP)
    return np.array_equal(ours, naive_beats(audio))


def stage_seconds(path: Path) -> dict[str, float]:
    """Seconds of every stage of our beat variant; the first five and the last make the full variant."""
    seconds: dict[str, float] = {}

    def stage(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        result, seconds[name] = timed(function, *arguments)
        return result

    audio = stage("decode", decode, path, RATE, 1.0)
    spectrum = stage("Fourier transform", transform, audio, N_FFT, HOP)
    magnitude = np.abs(spectrum)
    mel = stage("mel", mel_power, magnitude, RATE, N_FFT, N_MELS)
    tuning = stage("tuning", estimate_tuning, magnitude, RATE, BINS_PER_OCTAVE)
    chroma = stage("chroma", chromagram, audio, RATE, HOP, tuning)
    drums = stage("percussive part", percussive, spectrum, magnitude, HOP, len(audio))
    beats = stage("beat tracking", beat_frames, drums, RATE, HOP)
    borders = beats if len(beats) else fixed_frames(mel.shape[1], RATE / HOP)
    pooled = stage("medians a beat", lambda: (pool(mel, borders), pool(chroma, borders)))
    stage("decibels", to_decibels, pooled[0])
    return seconds


def usable_clips(root: Path, count: int) -> list[Path]:
    """Clips spread evenly over the sorted folder, without those that cannot be decoded."""
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    chosen = []
    for path in paths[:: max(1, len(paths) // count)][:count]:
        try:
            decode(path, RATE, 1.0)
        except ClipError as error:
            print(f"left out {path.name}: {error}", file=sys.stderr)
        else:
            chosen.append(path)
    return chosen


def write_synthetic(folder: Path, count: int) -> None:
    """Clips of 30 s: noise, a held note, and clicks at a tempo of their own."""
    for number in range(count):
        rng = np.random.default_rng(number)
        seconds = np.arange(30 * RATE) / RATE
        since_click = seconds % (60 / rng.uniform(70, 160))
        audio = 0.02 * rng.standard_normal(len(seconds)) + 0.2 * np.sin(2 * np.pi * rng.uniform(200, 500) * seconds)
        audio += 0.4 * np.exp(-since_click * 60) * rng.standard_normal(len(seconds))
        soundfile.write(folder / f"{number:03d}.ogg", audio, RATE)


def milliseconds(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.0f}"


def show(console: Console, results: dict[str, list[Comparison]], stages: dict[str, list[float]]) -> None:
    speed = Table("variant", "clips", "ours, ms", "librosa, ms", "ratio", title="Median time a clip, one core")
    parity = Table("variant", "mel |Δ|, dB", "chroma |Δ|", "same rows", "same beats", title="Largest differences")
    for variant, rows in results.items():
        ratio = statistics.median(row.naive / row.ours for row in rows)
        ours, naive = milliseconds([row.ours for row in rows]), milliseconds([row.naive for row in rows])
        speed.add_row(variant, str(len(rows)), ours, naive, f"{ratio:.1f}")
        mel, chroma = max(row.mel for row in rows), max(row.chroma for row in rows)
        beats = f"{sum(row.same_beats for row in rows)} of {len(rows)}" if variant == "beat" else ""
        parity.add_row(
            variant, f"{mel:.1e}", f"{chroma:.1e}", f"{sum(row.same_rows for row in rows)} of {len(rows)}", beats
        )
    where = Table("stage", "ms", title="Where our time goes (beat variant)")
    for stage, seconds in stages.items():
        where.add_row(stage, f"{1000 * statistics.median(seconds):.1f}")
    for table in (speed, parity, where):
        console.print(table)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.extraction",
        description="Time our features beside librosa's on the same clips, and show how far they differ.",
        epilog="Exits with 1 where a difference exceeds 0.01 dB (mel) or 1e-4 (chroma), or beats differ.",
    )
    parser.add_argument(
        "--root", type=Path, help="folder with audio, searched with its subfolders (default: made here)"
    )
    parser.add_argument("--clips", type=int, default=20, help="how many clips, spread over the folder (default: 20)")
    arguments = parser.parse_args()
    if arguments.clips < 1:
        parser.error(f"--clips {arguments.clips}: at least one is needed")
    if arguments.root and not arguments.root.is_dir():
        parser.error(f"--root {arguments.root}: no such folder")
    return arguments


def main() -> int:
    arguments = parse_arguments()
    console = Console()
    # One core, as in a worker process that fills a cache.
    with tempfile.TemporaryDirectory() as made, threadpool_limits(1):
        root = arguments.root or Path(made)
        if arguments.root is None:
            write_synthetic(root, arguments.clips)
        paths = usable_clips(root, arguments.clips)
        if not paths:
            console.print(f"no readable {', '.join(sorted(AUDIO_SUFFIXES))} file under {root}")
            return 1
        compare(paths[0], beat=True)  # librosa compiles and loads on first use
        results: dict[str, list[Comparison]] = {"full": [], "beat": []}
        stages: dict[str, list[float]] = defaultdict(list)
        for path in track(paths, "extracting", console=console, transient=True):
            results["full"].append(compare(path, beat=False))
            results["beat"].append(compare(path, beat=True))
            for stage, seconds in stage_seconds(path).items():
                stages[stage].append(seconds)
    show(console, results, stages)
    rows = [row for variant in results.values() for row in variant]
    equal = all(row.mel <= MEL_TOLERANCE and row.chroma <= CHROMA_TOLERANCE and row.same_beats for row in rows)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
