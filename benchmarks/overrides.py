"""What hostile words on the command line of a training run lead to: ``python -m benchmarks.overrides``.

Every setting of a small run is given values without a meaning (another kind, out of range, not finite, huge), and
groups are taken out, left empty or given a wrong shape. A word is refused in one line, or the run that it asks for
comes to its end; a traceback or a hang is a fault, and ends this program with exit code 1.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from omegaconf import DictConfig, OmegaConf

from music_affect import train
from music_affect.configuration import compose as configuration
from music_affect.contracts import shapes
from music_affect.contracts.errors import MusicAffectError

RUN = ["data=folder", "data.root=music", "model=mlp", "trainer=smoke", "features=mel", "workers=1", "overwrite=true"]
VALUES = [
    "null", "true", "abc", "''", "-1", "0", "-0.0", "0.5", "1", "3", "1e3", "nan", "1e999", "1000000000", "0x10",
    "[1]", "[]", "{a:1}", "2026-11-28", "${nowhere}",
    f"{10**400}",
]  # fmt: skip
SHAPES = [
    "~model", "model=null", "~optimizer", "optimizer=null", "~task", "~trainer", "~data", "~features", "~paths",
    "~loader", "~split", "~logger", "logger=null", "~callbacks", "callbacks=null", "~augmentation",
    "augmentation=null", "~scheduler", "scheduler=null", "~weighting", "~beat_tracker", "beat_tracker=null",
    "~optimizer.lr", "~loader.batch_size", "~data.source", "~data.root", "~data.selection", "~model.net",
    "~model.recipe", "~model.net._target_", "model=[a]", "model=5", "model=true", "model=[mlp,cnn]", "model=''",
    "data=..", "data.source=5", "task.targets=genre", "data.selection=whole", "optimizer.betas=0.9",
    "optimizer.betas=[0.9]", "optimizer.betas=[1,1]", "features.blocks=mel", "features.blocks=[]",
    "features.blocks=[chroma,nothing]", "model.net.hidden=8", "model.net.hidden=[0]", "model.net.hidden=[]",
    "model.net.hidden=[1000000000000]", "model.net._target_=os.getcwd", "model.net._target_=nowhere.Net",
    "optimizer._target_=torch.optim.Nothing", "optimizer._target_=torch.optim.LBFGS", "+optimizer.foo=1",
    "+optimizer.eps=-1", "+optimizer.amsgrad=true", "+model.net.foo=1", "+trainer.max_epoch=1",
    "+trainer.logger=true", "+trainer.plugins=[a]", "+trainer.strategy=ddp", "+trainer.max_steps=1",
    "+trainer.max_steps=-1", "+trainer.max_time=5", "+trainer.max_time=abc", "+trainer.max_time='00:00:00:20'",
    "+trainer.max_time={hours:1}", "+trainer.profiler=simple", "+trainer.min_epochs=5",
    "+trainer.accumulate_grad_batches=2", "+trainer.gradient_clip_algorithm=value", "trainer.accelerator=tpu",
    "trainer.accelerator=mps", "trainer.devices=auto", "trainer.devices=[0]", "trainer.precision=16-mixed",
    "trainer.precision=64-true", "trainer.precision=bf16-true", "trainer.precision=16-true",
    "trainer.precision=transformer-engine", "+trainer.detect_anomaly=true", "+trainer.benchmark=true",
    "+trainer.check_val_every_n_epoch=2", "+trainer.sync_batchnorm=true", "+split.foo=1", "+loader.bach_size=1",
    "+mine.x=nan", "+mine.x=abc", "++optimizer.lr=true", "+model@second=cnn", "seed=٣", "seed=1_000", "tag=a/b",
    "tag=..", "freeze=until_epoch:99", "freeze=backbone", "start_from=.", "seed=1,2", "data.fold=0", "data.fold=9",
    "split.val_fraction=0.99", "split.test_fraction=0.99", "split.num_folds=1000", "debug=overfit", "debug=null",
    "experiment=null", "data@also=null", "grid=null", "data@also=folder", "task=affect", "weighting=fixed",
    "scheduler=plateau", "scheduler=one_cycle", "scheduler.warmup=0.999", "task.monitor=nonsense",
    "task.monitor=val/nothing", "task.mode=up", "task.class_weights=balanced", "task.name=x/y", "model.name=x/y",
    "hydra.run.dir=null", "hydra.run.dir=5", "hydra.mode=x", "hydra.job.name=null", "~hydra",
    "hydra/launcher=nowhere", "hydra.searchpath=5", "hydra.searchpath=[nowhere]", "optimizer.lr=${optimizer.lr}",
    "seed=${oc.env:NOWHERE}", "optimizer.lr=[1,", "=", "a=b=c", "seed", "+seed=1", "foo.bar=1",
    "features.extraction.n_mels=4", "features.extraction.n_fft=8", "features.extraction.hop_length=100000",
    "features.extraction.device=cuda", "features.extraction.device=moon", "data.selection.position=end",
    "data.selection.seconds=0.5", "data.source.labels=nowhere.csv", "data.source.labels=null",
    "data.source.class_targets=[nothing]", "data.source.continuous_targets=[genre]",
    "data.source.ranges={genre:[2,1]}", "data.source.ranges=[1]", "data.source.group=nothing", "run_name=''",
    "paths.cache=/proc/nowhere", "paths.outputs=/proc/nowhere", "loader.num_workers=2", "loader.in_memory_gb=0",
    "loader.overfit_batches=99",
]  # fmt: skip
SHAPES += [f"{name}={'x' * length}" for name, length in (("data.root", 5000), ("data.name", 300), ("tag", 300))]


@dataclass(frozen=True)
class Outcome:
    """What became of a word.

    Args:
        word: of the command line.
        kind: ``refused`` (by the check, before any work), ``refused later``, ``accepted``, ``traceback`` or ``hang``.
        told: the last line.
        seconds: that it took.
    """

    word: str
    kind: str
    told: str
    seconds: float


def words() -> list[str]:
    """Every setting of the run with every value, and words of a wrong shape."""
    cfg = configuration.check_overrides("train", RUN)
    own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    names = [name for name in shapes.flat(_plain(own)) if "_target_" not in name]
    return [*SHAPES, *(f"{name}={value}" for name in names for value in VALUES)]


def _plain(cfg: DictConfig) -> dict[Any, Any]:
    content = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(content, dict)
    return content


def outcome(word: str, folder: Path, timeout: float) -> Outcome:
    """Checks a word, and runs it where the check takes it."""
    began = time.perf_counter()
    process = multiprocessing.get_context("fork").Process(target=_run, args=([*RUN, word], folder))
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
        process.join()
        return Outcome(word, "hang", "", time.perf_counter() - began)
    lines = (folder / "stderr").read_text(errors="replace").strip().splitlines()
    kind = _kind((folder / "code").read_text() if (folder / "code").exists() else "died", lines)
    return Outcome(word, kind, lines[-1] if lines else "", time.perf_counter() - began)


def _kind(code: str, lines: Sequence[str]) -> str:
    if code == "0":
        return "accepted"
    told = [line for line in lines if line.startswith("error: ")]
    return "refused later" if len(told) == 1 and not any("Traceback" in line for line in lines) else "traceback"


def _run(line: Sequence[str], folder: Path) -> None:
    """The command, in a forked process: torch is imported already."""
    folder.mkdir()
    (folder / "music").symlink_to(folder.parent / "music")
    os.chdir(folder)
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), stream)
    sys.argv[1:] = line
    torch.set_num_threads(1)
    try:
        train.main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    Path("code").write_text(str(code))


def _checked(found: Sequence[str]) -> Iterator[Outcome]:
    for word in found:
        began = time.perf_counter()
        try:
            configuration.check_overrides("train", [*RUN, word])
        except MusicAffectError as error:
            told = str(error)
            kind = "traceback" if "\n" in told else "refused"
            yield Outcome(word, kind, told, time.perf_counter() - began)
        except Exception as error:
            yield Outcome(word, "traceback", f"{type(error).__name__}: {error}", time.perf_counter() - began)


def write_music(folder: Path) -> None:
    """18 clips of 4 s in three genres."""
    (folder / "clips").mkdir(parents=True)
    time_axis = np.arange(4 * 22050) / 22050
    rows = [["path", "genre"]]
    for number in range(18):
        noise = np.random.default_rng(number).standard_normal(len(time_axis))
        sound = np.sin(2 * np.pi * 110 * 2 ** (number % 3) * time_axis) * np.exp(-(time_axis % 0.5) * 4) + 0.05 * noise
        soundfile.write(folder / "clips" / f"{number:03d}.wav", (0.3 * sound).astype("float32"), 22050)
        rows.append([f"clips/{number:03d}.wav", ["blues", "jazz", "rock"][number % 3]])
    with (folder / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="words that hold this text")
    parser.add_argument("--every", type=int, default=12, help="one in so many of the settings' values")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=120, help="seconds after which a run hangs")
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        os.environ["MUSIC_AFFECT_CACHE"] = str(root / "cache")
        os.environ.pop("MUSIC_AFFECT_OUTPUTS", None)
        write_music(root / "music")
        chosen = [word for word in words() if given.only in word]
        chosen = [word for place, word in enumerate(chosen) if word in SHAPES or place % given.every == 0]
        ends = list(_checked(chosen))
        left = [word for word in chosen if word not in {end.word for end in ends}]
        assert outcome("tag=first", root / "first", 600).kind == "accepted"  # its features are there for all others
        with ThreadPoolExecutor(given.processes) as pool:
            jobs = [pool.submit(outcome, word, root / str(number), given.timeout) for number, word in enumerate(left)]
            for job in jobs:
                ends.append(job.result())
                _print(ends[-1])
    print()
    for end in ends:
        if end.kind == "traceback":
            _print(end)
    counts: Counter[str] = Counter(end.kind for end in ends)
    print(f"{len(ends)} words: {', '.join(f'{count} {kind}' for kind, count in counts.most_common())}")
    sys.exit(1 if counts["traceback"] or counts["hang"] else 0)


def _print(end: Outcome) -> None:
    told = "" if end.kind == "accepted" else end.told
    print(f"{end.kind:14} {end.seconds:5.1f} s  {end.word[:60]}  {told[:220]}", flush=True)


if __name__ == "__main__":
    main()
