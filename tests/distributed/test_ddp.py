"""Several processes train as one does: same weights, same figures, every clip once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from running import TINY, compose

from music_affect.configuration.compose import check_overrides
from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ConfigurationError, RunFolderError, TrainingError
from music_affect.data.augmentation import Augmentation
from music_affect.data.datamodule import ClipDataset, _share
from music_affect.data.sampling import RankSampler, TrainingSampler, WindowSampler
from music_affect.runs.writer import wait_for_rank_0
from music_affect.system import files, launch
from music_affect.train import train
from music_affect.training import experiment

# Batches that do not divide by two, masks, batch norm, and windows of a clip that land in different processes. In
# double precision, since Adam makes steps out of gradients that are nothing but rounding.
WORDS = [
    *TINY,
    "model=cnn_fast",
    "model.net.dropout=0",
    "data=synthetic",
    "trainer.max_epochs=2",
    "trainer.precision=64-true",
    "loader.windows=2",
    "loader.crop_seconds=2",
    "loader.batch_size=9",
    "split.val_fraction=0.15",
    "augmentation=spec_augment",
]


def run(folder: Path, *words: str) -> dict[str, Any]:
    return train(compose("train", *WORDS, *words), folder)


def content(folder: Path, name: str = "last") -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return found


def check_alike(first: Path, second: Path, rounding: float = 1e-6) -> None:
    """Two run folders hold the same weights, figures and answers, up to rounding."""
    one, other = content(first), content(second)
    assert one.keys() == other.keys()
    assert one["callbacks"].keys() == other["callbacks"].keys()
    assert one["state_dict"].keys() == other["state_dict"].keys()
    for name, values in one["state_dict"].items():
        torch.testing.assert_close(other["state_dict"][name], values, rtol=rounding, atol=rounding, msg=name)
    for table in ("metrics.csv", "predictions.csv"):
        rows, others = files.read_csv(first / table), files.read_csv(second / table)
        assert len(rows) == len(others)
        for row, expected in zip(others, rows, strict=True):
            assert row.keys() == expected.keys()
            for name, cell in row.items():
                assert cell == expected[name] or alike(cell, expected[name], rounding), name


def alike(cell: str, other: str, rounding: float) -> bool:
    return float(cell) == pytest.approx(float(other), rel=rounding, abs=rounding)


def row_count(folder: Path) -> int:
    path = folder / "metrics.csv"
    return len(files.read_csv(path)) if path.is_file() else 0


def wait_for(found: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def rank_processes(folder: Path) -> list[int]:
    """Ids of the processes that Lightning started for runs in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"\0{launch.RUN}={folder}".encode() in b"\0" + path.read_bytes():
                found.append(int(path.parent.name))
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "alone"
    run(folder, "trainer=cpu")
    return folder


@pytest.mark.slow
def test_two_processes_train_as_one(alone: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads(), dict(os.environ), list(sys.argv)
    metrics = run(tmp_path / "run", "trainer=ddp")
    check_alike(alone, tmp_path / "run")
    assert metrics["test"] == files.read_json(alone / "metrics.json")["test"]
    assert not rank_processes(tmp_path / "run")
    assert not torch.distributed.is_initialized()
    assert (torch.get_num_threads(), dict(os.environ), list(sys.argv)) == before


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]


def torchrun(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*TORCHRUN, "music_affect.train", *WORDS, "trainer=ddp", f"hydra.run.dir={folder}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
def test_torchrun_trains_as_one_process_and_a_finished_run_stays(alone: Path, tmp_path: Path) -> None:
    first = torchrun(tmp_path / "run")
    assert first.returncode == 0, first.stderr
    check_alike(alone, tmp_path / "run")
    assert first.stdout.count("Report:") == 1, "only rank 0 reports"
    again = torchrun(tmp_path / "run")
    assert again.returncode == 1
    assert again.stderr.count("holds a finished run") == 1


FAILING = """
from pathlib import Path
from torch.distributed import get_rank
from torch.optim import AdamW

class FailsOnce(AdamW):
    steps = 0

    def step(self, closure=None):
        self.steps += 1
        failed = Path(__file__).with_name("failed")
        if get_rank() == 1 and self.steps == 7 and not failed.exists():  # in the second epoch, of five steps each
            failed.touch()
            raise ValueError("no luck here")
        return super().step(closure)
"""


@pytest.mark.slow
def test_an_error_in_another_process_is_told_and_the_run_resumes(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    files.write_text(tmp_path / "own" / "failing.py", FAILING)
    monkeypatch.syspath_prepend(str(tmp_path / "own"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "own"))
    folder, words = tmp_path / "run", ["trainer=ddp", "optimizer._target_=failing.FailsOnce"]
    with pytest.raises(TrainingError, match="process 1 of the run ended with exit code 1"):
        run(folder, *words)
    assert "ValueError: no luck here" in capfd.readouterr().err
    assert not torch.distributed.is_initialized()
    assert files.read_json(folder / "status.json")["state"] == "failed"
    assert row_count(folder) == 1
    run(folder, *words, "resume=true")
    # Lightning reads weights in single precision before it goes on in double: less alike than a run in one piece.
    check_alike(alone, folder, 1e-3)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_a_sweep_trains_every_run_in_two_processes_and_survives_a_killed_one(alone: Path, tmp_path: Path) -> None:
    words = ["model=cnn_fast", "data=synthetic", "augmentation=mixup", "trainer=ddp", "trainer.max_epochs=10"]
    command = [sys.executable, "-m", "music_affect.train", "-m", *TINY, *words, "seed=0,1"]
    first = subprocess.Popen([*command, f"paths.sweeps={tmp_path}"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(row_count(path.parent) for path in tmp_path.rglob("metrics.csv")))
    os.kill(rank_processes(tmp_path)[0], signal.SIGKILL)
    errors = first.communicate(timeout=120)[1]
    assert first.returncode == 1, errors
    assert "process 1 of the run ended with signal 9" in errors
    states = {path.parent.name: files.read_json(path)["state"] for path in tmp_path.rglob("status.json")}
    assert [states[name] for name in sorted(states, key=lambda name: "-s1" in name)] == ["failed", "done"]
    assert not rank_processes(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_no_process_outlives_the_first(alone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "music_affect.train", *WORDS, "trainer=ddp", "trainer.max_epochs=1000"]
    first = subprocess.Popen([*command, f"hydra.run.dir={folder}"], stdout=subprocess.DEVNULL)
    wait_for(lambda: row_count(folder) > 0)
    assert len(rank_processes(folder)) == 1
    first.send_signal(signal.SIGKILL)
    first.wait()
    wait_for(lambda: not rank_processes(folder), 30)


@pytest.mark.parametrize(
    ("words", "reason"),
    {
        ("trainer.devices=-1",): r"trainer\.devices=-1; expected",
        ("trainer.devices=[]",): r"trainer\.devices=\[\]; expected",
        ("trainer.strategy=fsdp",): "`fsdp` requires a GPU accelerator",
        ("trainer.strategy=ddp_spawn",): "forks or spawns its processes",
        ("trainer.strategy=dpd",): "invalid strategy name",
        ("trainer.num_nodes=2",): r"trainer\.num_nodes=2 in a single process",
    }.items(),
)
def test_processes_that_cannot_be_are_refused_before_any_work(
    words: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        experiment._check(check_overrides("train", [*WORDS, "trainer=ddp", *words]))


def test_processes_that_were_not_asked_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "1")
    assert launch.rank() == 1
    with pytest.raises(ConfigurationError, match="3 processes were started and the trainer asks for 2"):
        experiment._check(compose("train", *WORDS, "trainer=ddp"))


def test_whoever_waits_for_a_first_process_that_never_comes_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("music_affect.runs.writer.ABSENT", 0.1)
    with pytest.raises(RunFolderError, match="no process has claimed the run"):
        wait_for_rank_0(tmp_path, overwrite=False)
    files.write_json(tmp_path / "status.json", {"state": "done"})
    assert not wait_for_rank_0(tmp_path, overwrite=False)


LENGTHS = np.array([50, 30, 40, 35, 45, 60, 33], dtype=np.int64)


@pytest.mark.parametrize("sampler", [TrainingSampler(LENGTHS, 4, 20, 0), WindowSampler(LENGTHS, 4, 20, 3)])
def test_processes_share_every_batch(sampler: TrainingSampler | WindowSampler) -> None:
    shares = [list(RankSampler(sampler, rank, 3)) for rank in range(3)]
    for plan, *parts in zip(sampler, *shares, strict=True):
        rows = [(part.clips[part.rows], part.begins[part.rows]) for part in parts]
        taken = sorted(pair for clips, begins in rows for pair in zip(clips, begins, strict=True))
        assert taken == sorted(zip(plan.clips, plan.begins, strict=True))
        assert len(plan.clips) >= sampler.smallest


def test_more_processes_than_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = TrainingSampler(LENGTHS, 4, 20, 0)
    assert _share(sampler, 2) is sampler
    monkeypatch.setattr("music_affect.data.datamodule.world_size", lambda: 2)
    with pytest.raises(ConfigurationError, match="a batch of 3 rows for 2 processes"):
        _share(sampler, 2)


class Ramp:
    """A store of clips that are ones."""

    lengths = LENGTHS

    def gather(self, clips: Any, begins: Any, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.ones(len(clips), frames, 6), torch.full((len(clips),), frames)


def batches(augmentation: Augmentation, rank: int, count: int) -> list[Batch]:
    dataset = ClipDataset(Ramp(), {"genre": torch.arange(7)}, 20, {"mel": (0, 6)}, augmentation)
    sampler = TrainingSampler(LENGTHS, 4, 20, 0)
    return [dataset[plan] for plan in (sampler if count == 1 else RankSampler(sampler, rank, count))]


def test_a_clip_is_masked_as_in_one_process() -> None:
    masks = Augmentation(time_masks=2, time_width=0.5, mel_masks=1, mel_width=0.5)
    for whole, *parts in zip(*(batches(masks, *place) for place in ((0, 1), (0, 2), (1, 2))), strict=True):
        assert float(whole.spectrogram.mean()) < 1
        for rank, part in enumerate(parts):
            assert torch.equal(part.spectrogram, whole.spectrogram[rank::2])


def test_mixup_mixes_within_a_process() -> None:
    first, second = (batches(Augmentation(mixup_alpha=0.4), rank, 2)[0] for rank in range(2))
    assert first.partner is not None
    assert first.weight is not None
    assert second.weight is not None
    assert int(first.partner.max()) < len(first.clips) == 2
    assert not torch.equal(first.weight, second.weight)
