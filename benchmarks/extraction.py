"""Speed and parity of the feature extraction beside the same features computed naively with librosa.

    python -m benchmarks.extraction --root FOLDER --clips 30

Both sides run in this process, one clip after the other on one core, decoding included. The naive side is the two
separate runs, full-rate and beat-synchronous, that one writes from librosa's documentation; ours makes both variants in
one pass. The last table repeats ours in one and in several processes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from music_affect.contracts.errors import ClipError
from music_affect.features.analysis import Analysis
from music_affect.features.audio.decode import decode
from music_affect.features.beat import LibrosaBeats, beat_frames, fixed_frames, nearest_frames, pool
from music_affect.features.chroma import BINS_PER_OCTAVE, chromagram
from music_affect.features.extraction import Extraction, Features
from music_affect.features.extractor import AudioExtractor
from music_affect.features.loudness import momentary_loudness
from music_affect.features.percussive import KERNEL, invert, masked
from music_affect.features.running_median import running_median
from music_affect.features.spectrogram import Floats, mel_power, to_decibels, transform
from music_affect.features.tuning import estimate_tuning
from music_affect.system.parallel import in_order

RATE, N_FFT, HOP, N_MELS = 22050, 2048, 512, 128
AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
MEL_TOLERANCE, CHROMA_TOLERANCE, SAME_BEATS = 0.01, 1e-4, 0.98
VARIANTS = {"full": AudioExtractor(), "beat": AudioExtractor(beat=True)}
BOTH = Extraction(tuple(VARIANTS.values()))
GIVEN = ("decode", "resample", "Fourier transform", "inverse transform", "beat tracking")  # libraries' own work


class Parity(NamedTuple):
    """Largest differences of one clip in one variant, infinite where the rows are not as many."""

    mel: float
    chroma: float


class Comparison(NamedTuple):
    """One clip: seconds by what was made, differences by variant, and whether the beats are the same."""

    clip: str
    ours: dict[str, float]
    naive: dict[str, float]
    parity: dict[str, Parity]
    same_beats: bool


def naive_features(path: Path, beat: bool) -> tuple[Floats, list[int]]:
    """The definition as one writes it from librosa's documentation: features [T, 140], and the beats."""
    audio, _ = librosa.load(path, sr=RATE)
    mel = librosa.feature.melspectrogram(y=audio, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS, power=2.0)
    chroma = librosa.feature.chroma_cqt(y=audio, sr=RATE, hop_length=HOP)
    frames: list[int] = []
    if beat:
        _, drums = librosa.effects.hpss(audio)
        _, found = librosa.beat.beat_track(y=drums, sr=RATE, hop_length=HOP)
        frames = found.tolist()
        borders = frames or fixed_frames(mel.shape[1], RATE / HOP).tolist()
        mel = librosa.util.sync(mel, borders, aggregate=np.median)
        chroma = librosa.util.sync(chroma, borders, aggregate=np.median)
    features: Floats = np.vstack([librosa.power_to_db(mel, ref=np.max), chroma]).T
    return features, frames


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def compare(path: Path) -> Comparison:
    made, both_seconds = timed(BOTH, path)
    ours, naive, parity = {"both": both_seconds}, {}, {}
    beats: list[int] = []
    for features, (variant, extractor) in zip(made, VARIANTS.items(), strict=True):
        _, ours[variant] = timed(extractor, path)
        (expected, beats), naive[variant] = timed(naive_features, path, extractor.beat)
        parity[variant] = differences(features, expected)
    naive["both"] = naive["full"] + naive["beat"]
    return Comparison(path.name, ours, naive, parity, our_beats(path).tolist() == beats)


def differences(ours: Features, expected: Floats) -> Parity:
    if len(ours.values) != len(expected):
        return Parity(np.inf, np.inf)
    difference = np.abs(ours.values[:, : expected.shape[1]] - expected)  # loudness is ours alone
    return Parity(float(difference[:, :N_MELS].max()), float(difference[:, N_MELS:].max()))


def our_beats(path: Path) -> NDArray[np.int64]:
    analysis = Analysis(decode(path)[0].at(RATE), RATE, N_FFT, HOP, N_MELS)
    return nearest_frames(analysis.beats(LibrosaBeats()), RATE / HOP, analysis.mel.shape[1])


def stage_seconds(path: Path) -> dict[str, float]:
    """Seconds of every stage of both variants in one pass."""
    seconds: dict[str, float] = defaultdict(float)

    def stage(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        result, taken = timed(function, *arguments)
        seconds[name] += taken
        return result

    (recording,) = stage("decode", decode, path)
    audio = stage("resample", recording.at, RATE)
    spectrum = stage("Fourier transform", transform, audio, N_FFT, HOP)
    magnitude = stage("magnitude", np.abs, spectrum)
    mel = stage("mel", mel_power, magnitude, RATE, N_FFT, N_MELS)
    loudness = stage("loudness", momentary_loudness, magnitude, len(audio), RATE, HOP)[None]
    tuning = stage("tuning", estimate_tuning, magnitude, RATE, BINS_PER_OCTAVE)
    chroma = stage("chroma", chromagram, audio, RATE, HOP, tuning)
    harmonic = stage("medians along time", running_median, magnitude, 1, KERNEL)
    transient = stage("medians along frequency", running_median, magnitude, 0, KERNEL)
    drums = stage("masking", masked, spectrum, magnitude, transient, harmonic)
    signal = stage("inverse transform", invert, drums, HOP, len(audio))
    beats = stage("beat tracking", beat_frames, signal, RATE, HOP)
    borders = beats if len(beats) else fixed_frames(mel.shape[1], RATE / HOP)
    pooled = stage("medians a beat", lambda: [pool(part, borders) for part in (mel, chroma, loudness)])
    stage("decibels", lambda: (to_decibels(mel), to_decibels(pooled[0])))
    return dict(seconds)


def clips_a_second(paths: Sequence[Path], processes: int) -> float:
    """Both variants, once every process has started: the first quarter of the clips is not counted."""
    ready = len(paths) // 4
    moments = [time.perf_counter() for _ in in_order(BOTH, paths, processes)]
    return (len(moments) - 1 - ready) / (moments[-1] - moments[ready])


def usable_clips(root: Path, count: int) -> list[Path]:
    """Clips spread evenly over the sorted folder, without those that cannot be decoded."""
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    chosen = []
    for number in range(min(count, len(paths))):
        path = paths[number * len(paths) // count if len(paths) > count else number]
        try:
            decode(path)
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


def speed_table(rows: Sequence[Comparison]) -> Table:
    table = Table("variant", "ours, ms", "librosa, ms", "times faster", title=f"{len(rows)} clips, medians, one core")
    for variant in ("both", "full", "beat"):
        ours, naive = [row.ours[variant] for row in rows], [row.naive[variant] for row in rows]
        ratio = statistics.median(slow / fast for slow, fast in zip(naive, ours, strict=True))
        name = "both (librosa: one after the other)" if variant == "both" else f"{variant} alone"
        table.add_row(
            name, f"{1000 * statistics.median(ours):.0f}", f"{1000 * statistics.median(naive):.0f}", f"{ratio:.1f}"
        )
    return table


def parity_table(rows: Sequence[Comparison]) -> Table:
    table = Table("variant", "mel |Δ|, dB", "chroma |Δ|", "same rows", "same beats", title="Largest differences")
    same = f"{sum(row.same_beats for row in rows)} of {len(rows)}"
    for variant in VARIANTS:
        found = [row.parity[variant] for row in rows]
        comparable = [one for one in found if one.mel < np.inf]
        mel = max((one.mel for one in comparable), default=np.inf)
        chroma = max((one.chroma for one in comparable), default=np.inf)
        shapes = f"{len(comparable)} of {len(rows)}"
        table.add_row(variant, f"{mel:.1e}", f"{chroma:.1e}", shapes, same if variant == "beat" else "")
    return table


def stage_table(stages: dict[str, list[float]]) -> Table:
    medians = {stage: 1000 * statistics.median(seconds) for stage, seconds in stages.items()}
    table = Table("stage", "ms", "of it libraries' own", title="Where our time goes (both variants in one pass)")
    for stage, spent in medians.items():
        table.add_row(stage, f"{spent:.1f}", f"{spent:.1f}" if stage in GIVEN else "")
    floor = sum(medians[stage] for stage in GIVEN)
    table.add_row("sum, and the floor that the libraries set", f"{sum(medians.values()):.1f}", f"{floor:.1f}")
    return table


def scaling_table(paths: Sequence[Path], cores: int, repeats: int = 3) -> Table:
    """One process and several take turns, so that whatever else the machine does slows down both."""
    jobs = list(paths) * cores
    rates = [(clips_a_second(jobs[: len(paths)], 1), clips_a_second(jobs, cores)) for _ in range(repeats)]
    table = Table("processes", "clips a second", "times one process", title="Both variants in several processes")
    table.add_row("1", f"{statistics.median(alone for alone, _ in rates):.1f}", "1.00")
    times = statistics.median(together / alone for alone, together in rates)
    table.add_row(str(cores), f"{statistics.median(together for _, together in rates):.1f}", f"{times:.2f}")
    return table


def equal(rows: Sequence[Comparison]) -> bool:
    """True where the differences are within their tolerances, on clips with other beats those of the full variant."""
    close = all(
        parity.mel <= MEL_TOLERANCE and parity.chroma <= CHROMA_TOLERANCE
        for row in rows
        for variant, parity in row.parity.items()
        if variant == "full" or row.same_beats
    )
    return close and sum(row.same_beats for row in rows) >= SAME_BEATS * len(rows)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.extraction",
        description="Time our features beside librosa's on the same clips, and show how far they differ.",
        epilog="Exits with 1 where a difference exceeds .01 dB (mel) or 1e-4 (chroma), or beats differ on over 2 %%.",
    )
    parser.add_argument(
        "--root", type=Path, help="folder with audio, searched with its subfolders (default: made here)"
    )
    parser.add_argument("--clips", type=int, default=20, help="how many clips, spread over the folder (default: 20)")
    parser.add_argument(
        "--cores", type=int, default=2, help="processes of the last table; 1 leaves it out (default: 2)"
    )
    arguments = parser.parse_args()
    for name in ("clips", "cores"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: at least one is needed")
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
        compare(paths[0])  # librosa and our kernels are compiled and loaded on first use
        rows, stages = [], defaultdict(list)
        for path in track(paths, "extracting", console=console, transient=True):
            rows.append(compare(path))
            for stage, seconds in stage_seconds(path).items():
                stages[stage].append(seconds)
        console.print(speed_table(rows), parity_table(rows))
        if others := [row.clip for row in rows if not row.same_beats]:
            console.print(f"other beats: {', '.join(others)}")
        console.print(stage_table(stages))
        if arguments.cores > 1:
            console.print(scaling_table(paths, arguments.cores))
    return 0 if equal(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
