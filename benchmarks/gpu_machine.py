"""Feature extraction on the device, a group of one process, and the device lock, for ``benchmarks.gpu``."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed import HashStore  # type: ignore[attr-defined]

from benchmarks.gpu_settings import Figures, Settings
from music_affect.features.extractor import AudioExtractor
from music_affect.features.spectrogram import Floats
from music_affect.system import files

RATE = 22050
LEVEL, CHROMA = 0.01, 1e-3  # largest differences allowed, in dB and in energy


def extraction(settings: Settings, figures: Figures) -> None:
    """Features of made songs on the device and on the CPU: the largest differences, and clips a second."""
    count, seconds = (2, 3) if settings.tiny else (12, 30)
    songs = [song(90 + 5 * number, seconds, number) for number in range(count)]
    for beat in (False, True):
        what = "a row a beat" if beat else "full rate"
        settings.check_time(what)
        found, speeds = [], []
        for device in (settings.device, "cpu"):
            extractor = AudioExtractor(beat=beat, device=device)
            extractor.extract(songs[0])  # compiled, and the device awake
            began = settings.clock()
            found.append([extractor.extract(audio) for audio in songs])
            speeds.append(count / (settings.clock() - began))
        same = [pair for pair in zip(*found, strict=True) if pair[0].shape == pair[1].shape]
        level, chroma = (
            max((float(np.abs(one[:, columns] - other[:, columns]).max()) for one, other in same), default=np.inf)
            for columns in (slice(0, 128), slice(128, 140))
        )
        figures.add(
            f"{what}: mel off by dB, chroma off by; clips with as many rows",
            f"{level:.5f}, {chroma:.6f}; {len(same)} of {count}",
            expected=f"{LEVEL}, {CHROMA}" + ("" if beat else f"; {count} of {count}"),
            # Beats move on rare clips, and levels with them.
            holds=None if beat else level <= LEVEL and chroma <= CHROMA and len(same) == count,
            level=level,
            chroma=chroma,
        )
        figures.add(f"{what}: clips/s on the device, on one core", f"{speeds[0]:.2f}, {speeds[1]:.2f}", speeds=speeds)


def song(bpm: float, seconds: float, seed: int) -> Floats:
    """Clicks over a held chord and noise, float32 [samples]."""
    at = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal((2, len(at)))
    audio = sum(0.1 * np.sin(2 * np.pi * pitch * at) for pitch in (262, 330, 392)) + 0.01 * noise[0]
    made: Floats = (audio + 0.5 * np.exp(-(at % (60 / bpm)) * 60) * noise[1]).astype(np.float32)
    return made


def collective(settings: Settings, figures: Figures) -> None:
    """What the processes of a run tell each other, by one process to itself."""
    began = time.perf_counter()
    backend = "gloo" if settings.device == "cpu" else "nccl"
    dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    try:
        values = torch.arange(4.0, device=settings.device)
        parts = [torch.empty_like(values)]
        dist.all_reduce(values)
        dist.all_gather(parts, values)
        backend, right = dist.get_backend(), bool((parts[0] == torch.arange(4.0, device=settings.device)).all())
    finally:
        dist.destroy_process_group()
    seconds = time.perf_counter() - began
    expected = "gloo" if settings.tiny else "nccl"
    figures.add(
        f"sum and gathering by {backend}, s", f"{seconds:.2f}", expected=expected, holds=right and backend == expected
    )


def lock(settings: Settings, figures: Figures) -> None:
    """Two runs of a sweep that start at once on one device: both end, and one waits for the other."""
    settings.check_time("the sweep")
    words = [
        "data=synthetic",
        "data.source.num_clips=40",
        "data.source.seconds=3",
        "workers=1",
        "model=mlp",
        "seed=0,1",
    ]
    words += ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "sweep.devices=[0]", "trainer.max_epochs=20"]
    words += [
        f"paths.cache={settings.folder}/lock",
        f"paths.outputs={settings.folder}/runs",
        f"paths.sweeps={settings.folder}/sweeps",
    ]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "music_affect.train", "-m", *settings.trainer, *words],
        capture_output=True,
        text=True,
        timeout=max(30.0, settings.ends - time.monotonic()),
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    states = [files.read_json(path)["state"] for path in (settings.folder / "sweeps").rglob("status.json")]
    waited = "Waiting for one of device-" in done.stdout + done.stderr
    figures.add(
        "two runs, s", f"{time.perf_counter() - began:.1f}", expected="done, done", holds=states == ["done", "done"]
    )
    figures.add("one run waited for the other", str(waited), expected="True", holds=waited)
    if done.returncode:
        raise RuntimeError(f"the sweep ended with {done.returncode}: {done.stderr[-1500:]}")
