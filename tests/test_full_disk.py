"""What a run does that meets a full disk, too little memory, a place it may not write to, or no reader."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from interrupted_runs import (
    WORDS,
    at_epoch,
    files_up_to,
    hidden,
    trained,
    write_labelled_music,
)
from running import compose, train_command

from music_affect.contracts.errors import RunFolderError
from music_affect.evaluate import evaluate
from music_affect.evaluation.run_report import write_report
from music_affect.predict import predict
from music_affect.runs import state as run_state
from music_affect.system import files, machine
from music_affect.system.machine import FullDiskError, MachineError
from music_affect.training.checkpoint_io import WholeCheckpoints

SMALL = 20_000  # bytes: of a file of figures, not of a checkpoint


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labelled_music(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def majority(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the quickest model. Not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "majority"
    trained(root, folder, "model=majority")
    return folder


@pytest.fixture
def no_room_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The disk is full as soon as one of the named files is to take its place."""
    names: list[str] = []
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name in names:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr("music_affect.system.files.os.replace", full)
    return names


def test_a_checkpoint_that_finds_no_room_leaves_the_one_before_whole(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "last.ckpt"
    for number in range(2):
        WholeCheckpoints().save_checkpoint({"number": number, "weights": torch.zeros(20_000)}, path)
    with files_up_to(SMALL), pytest.raises(OSError, match=r"last\.ckpt"):
        WholeCheckpoints().save_checkpoint({"number": 2, "weights": torch.zeros(20_000)}, path)
    found = {name.name: torch.load(name, weights_only=True)["number"] for name in path.parent.iterdir()}
    assert found == {"last.ckpt": 1, "last.previous.ckpt": 0}


def test_checkpoints_are_written_beside_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is moved from another file system is copied there, and half of it is there for a while."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    seen: list[Path] = []
    replace = os.replace
    monkeypatch.setattr("music_affect.system.files.os.replace", lambda a, b: (seen.append(Path(a)), replace(a, b)))
    WholeCheckpoints().save_checkpoint({"weights": torch.zeros(3)}, tmp_path / "best.ckpt")
    assert [path.parent for path in seen] == [tmp_path]


def test_a_run_that_fills_the_disk_is_cut_off_and_goes_on_with_room_again(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with ExitStack() as disk:
        disk.enter_context(at_epoch(2, lambda: disk.enter_context(files_up_to(SMALL))))
        with pytest.raises(FullDiskError, match="ckpt"):
            trained(root, folder)
    state = run_state.state(folder)
    assert state.name == "cut off"
    assert "cannot be used" in state.reason
    assert hidden(folder) == []
    metrics = trained(root, folder, "resume=true")
    assert metrics["test"] == trained(root, tmp_path / "whole")["test"]


@pytest.mark.parametrize("name", ["config.yaml", "manifest.json", "last.ckpt", "predictions.csv", "metrics.json"])
def test_whatever_finds_no_room_a_run_is_cut_off_and_goes_on(
    name: str, root: Path, majority: Path, tmp_path: Path, no_room_for: list[str]
) -> None:
    no_room_for.append(name)
    with pytest.raises(FullDiskError, match=name):
        trained(root, tmp_path / "run", "model=majority")
    assert run_state.state(tmp_path / "run").name == "cut off"
    assert hidden(tmp_path / "run") == []
    no_room_for.clear()
    metrics = trained(root, tmp_path / "run", "model=majority", "resume=true")
    assert metrics["test"] == files.read_json(majority / "metrics.json")["test"]


def test_figures_without_room_leave_the_numbers_and_a_report_mends_it(
    root: Path, majority: Path, tmp_path: Path, no_room_for: list[str]
) -> None:
    no_room_for.append("confusion.png")
    with pytest.raises(FullDiskError, match=r"confusion.png cannot be used \(No space left"):
        trained(root, tmp_path / "run", "model=majority")
    metrics = files.read_json(tmp_path / "run" / "metrics.json")
    assert metrics["test"] == files.read_json(majority / "metrics.json")["test"]
    no_room_for.clear()
    assert write_report(tmp_path / "run").is_file()


def test_no_room_for_a_new_run_leaves_the_older_one(
    root: Path, majority: Path, tmp_path: Path, no_room_for: list[str]
) -> None:
    folder = shutil.copytree(majority, tmp_path / "run")
    for name in ("status.json", "last.ckpt"):
        no_room_for[:] = [name]
        with pytest.raises(FullDiskError):
            trained(root, folder, "overwrite=true")
        assert (folder / "metrics.json").read_text() == (majority / "metrics.json").read_text()
        assert run_state.state(folder).name == "done"
        assert hidden(folder) == []


def test_a_command_says_it_in_one_line(
    root: Path, tmp_path: Path, no_room_for: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    no_room_for.append("metrics.json")
    words = [*WORDS, f"data.root={root}", "model=majority", f"paths.outputs={tmp_path / 'outputs'}"]
    assert train_command(tmp_path, *words) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert "No space left on device" in told


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_a_run_without_memory_has_failed_with_that_reason(
    error: Exception, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("music_affect.evaluation.references.fit", refuse)
    with pytest.raises(MachineError, match=r"batch_size"):
        trained(root, tmp_path / "run", "model=majority")
    assert run_state.state(tmp_path / "run").name == "failed"
    assert "batch_size" in run_state.state(tmp_path / "run").reason


def test_a_defect_stays_a_defect() -> None:
    for error in (ZeroDivisionError(), RuntimeError("shapes"), FileNotFoundError(2, "nothing"), KeyError("x")):
        with pytest.raises(type(error)), machine.explained():
            raise error


def test_writers_that_hide_a_full_disk_are_seen_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("music_affect.system.files._is_full", lambda folder: True)

    def write() -> None:
        with files.atomic_path(tmp_path / "table.npy") as temporary:
            np.save(temporary, np.zeros(10_000))

    with files_up_to(1000), pytest.raises(OSError, match=r"table\.npy") as refused:
        write()
    assert refused.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_what_dead_writers_left_goes_and_what_living_ones_write_stays(tmp_path: Path) -> None:
    killed = (
        "import os, signal, sys; from pathlib import Path; from music_affect.system import files\n"
        "with files.atomic_path(Path(sys.argv[1]) / 'metrics.csv'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".csv"]
    (tmp_path / ".notes-12345678.txt").write_text("mine")
    with files.atomic_path(tmp_path / "living.csv") as temporary:
        files.remove_abandoned(tmp_path)  # a second time: the first was before this writing
        assert {path.name for path in tmp_path.iterdir()} == {".notes-12345678.txt", temporary.name}
        temporary.write_text("whole")
    assert (tmp_path / "living.csv").read_text() == "whole"


def test_a_system_without_these_locks_and_signals_writes_and_trains(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "fcntl", None)
    monkeypatch.delattr(signal, "SIGHUP")
    (tmp_path / ".metrics.tmp-abcdefgh.csv").write_text("another's")
    assert trained(root, tmp_path / "run")["status"] == "done"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".metrics.tmp-abcdefgh.csv", "run"]


def test_lines_that_nobody_reads_end_no_program() -> None:
    program = (
        "import sys; from music_affect.system import output; output.keep_going()\n"
        "print('first', flush=True); sys.stdin.readline()\n"
        "for _ in range(9999): print('more')\n"
        "print('done', file=sys.stderr)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "first\n"
        process.stdout.close()
        process.stdin.write("\n")
        process.stdin.close()
        assert process.stderr.read() == "done\n"
    assert process.returncode == 0


def test_a_run_whose_lines_nobody_reads_is_finished(root: Path, tmp_path: Path) -> None:
    words = [*WORDS, f"data.root={root}", "model=majority", f"hydra.run.dir={tmp_path / 'run'}"]
    command = f"'{sys.executable}' -m music_affect.train {' '.join(words)} | head -1"
    subprocess.run(["bash", "-c", command], check=True, capture_output=True, cwd=tmp_path, timeout=300)
    assert run_state.state(tmp_path / "run").name == "done"


def test_results_of_a_run_that_cannot_be_written_to_go_elsewhere(
    majority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: majority not in [path, *path.parents] and access(path, mode))
    for command, job in (("evaluate", evaluate), ("predict", predict)):
        with pytest.raises(RunFolderError, match="add out=FOLDER"):
            job(compose(command, f"checkpoint={majority}"))
        job(compose(command, f"checkpoint={majority}", f"out={tmp_path / 'results'}"))
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    name = files.read_json(majority / "metrics.json")["data"]
    assert found == {f"results/{name}-test/scores.json", f"results/{name}-csv.csv"}
