"""The run folder while a run writes it: claimed by one process, never mixed with an older run."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from music_affect.contracts.errors import MusicAffectError, RunFolderError
from music_affect.contracts.shapes import flat
from music_affect.runs import replacement
from music_affect.runs import state as run_state
from music_affect.system import files, launch, machine
from music_affect.system.machine import blamed_on

LAST_CHECKPOINT = Path("checkpoints") / "last.ckpt"
PREVIOUS_CHECKPOINT = Path("checkpoints") / "last.previous.ckpt"
ABSENT = 60.0  # seconds without a rank 0 until the other processes give up
PROBE = 0.5  # seconds: whoever only looks whether a run is claimed holds its lock for a moment


def wait_for_rank_0(folder: Path, *, overwrite: bool) -> bool:
    """Waits until rank 0 of the same start has prepared the data and may be joined, through the run's folder.

    Args:
        folder: of the run.
        overwrite: rank 0 replaces what is there.

    Returns:
        False where the run is finished and there is nothing to join.

    Raises:
        RunFolderError: for a minute no process has had the run.
    """
    seen = time.monotonic()
    while True:
        status = run_state.read_status(folder)
        if status.get("state") == "running" and status.get("job") == launch.job():
            return True
        if status.get("state") == "done" and not overwrite:
            return False
        if files.locked(folder / ".lock"):
            seen = time.monotonic()
        if time.monotonic() - seen > ABSENT:
            raise RunFolderError(
                f"no process has claimed the run {folder}",
                expected="rank 0 to prepare the data",
                fix="see what it printed; all processes have to see the same paths.outputs",
            )
        time.sleep(PROBE / 2)


class RunWriter:
    """A claimed run folder.

    Args:
        path: the folder.

    Attributes:
        finished: the folder already holds a finished run of the same configuration, and it was asked to resume.
    """

    def __init__(self, path: Path, finished: bool = False) -> None:
        self.path, self.finished = path, finished

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def resume_from(self) -> Path | None:
        """Checkpoint of the last finished epoch of an interrupted run."""
        path = self.path / LAST_CHECKPOINT
        return path if path.is_file() else None

    def has_begun(self) -> None:
        """The run is there to be resumed: what it replaces is removed."""
        replacement.let_go(self.path)

    def write_json(self, name: str, content: Any) -> None:
        """Replaces a JSON file in the folder."""
        files.write_json(self.path / name, content)

    def read_metrics(self) -> dict[str, Any]:
        """Figures of the finished run."""
        metrics: dict[str, Any] = files.read_json(self.path / "metrics.json")
        return metrics

    def set_status(self, state: str, **more: Any) -> None:
        """Records ``running``, ``done`` or ``failed``."""
        self.write_json("status.json", {"state": state, "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **more})


@contextmanager
def claim(path: Path, config: Mapping[str, Any], *, resume: bool, overwrite: bool) -> Iterator[RunWriter]:
    """Makes the folder ours for the time of the block, and records how the block ended.

    Args:
        path: the run folder.
        config: the resolved configuration.
        resume: go on with an interrupted run of the same configuration.
        overwrite: remove an earlier run.

    Raises:
        RunFolderError: the folder is in use, holds another run, or cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / ".lock")
        lock.acquire(timeout=PROBE)
    except Timeout as error:
        raise RunFolderError(
            f"another process is writing the run {path}",
            expected="one process a run folder",
            fix="wait for it, or add tag=WORD to write elsewhere",
        ) from error
    except OSError as error:
        raise RunFolderError(
            f"the run folder {path} cannot be written ({error.strerror})",
            expected="a writable folder",
            fix="set paths.outputs to one",
        ) from error
    try:
        with machine.explained(), _restored(path):
            writer = RunWriter(path, _prepare(path, config, resume, overwrite))
            if writer.finished:
                yield writer
                return
            writer.set_status("running")  # first: a folder without it that holds anything is no run
            files.write_text(path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(dict(config))))
            with _recorded(writer):
                yield writer
            writer.has_begun()
            writer.set_status("done")
    finally:
        lock.release()


@contextmanager
def _restored(path: Path) -> Iterator[None]:
    """Leaves one whole run behind: the older one, unless what replaces it has begun to train."""
    files.remove_abandoned(path)
    replacement.put_back(path)  # a command was killed before its run had begun
    try:
        yield
    finally:
        with suppress(OSError):  # the next command puts it back
            if replacement.put_back(path):
                print(f"The earlier run in {path} was put back.", file=sys.stderr)


def clear_failed(path: Path) -> None:
    """Empties the folder of a run that failed, unless another process is at work on it or has finished it."""
    try:
        with FileLock(path / ".lock", timeout=PROBE):
            if run_state.state(path).name == "failed":
                replacement.remove(path)
    except Timeout:
        return


@contextmanager
def _recorded(writer: RunWriter) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if run_state.is_interruption(error):
            raise  # it stays "running" without a process: cut off
        told = machine.explanation(error) or error
        state = told.state if isinstance(told, MusicAffectError) else "failed"
        with suppress(OSError):  # no room for it: without a living process "running" means cut off
            writer.set_status(state, reason=str(told) or type(told).__name__, traceback=traceback.format_exc())
        raise


def _prepare(path: Path, config: Mapping[str, Any], resume: bool, overwrite: bool) -> bool:
    """Checks or clears what is there; True where a finished run of this configuration is to be kept."""
    state = run_state.state(path).name
    if state == "new":
        foreign = [entry.name for entry in path.iterdir() if entry.name not in (".lock", ".hydra")]
        if foreign:
            raise RunFolderError(
                f"{path} holds files that are no run ({', '.join(sorted(foreign)[:3])})",
                expected="an empty folder or a run",
                fix="choose another folder",
            )
        return False
    done = state == "done"
    if overwrite:
        replacement.set_aside(path)
        return False
    if resume:
        if (path / "config.yaml").is_file():
            _refuse_changes(path, config)
        return done
    if done or any((path / name).is_file() for name in (LAST_CHECKPOINT, PREVIOUS_CHECKPOINT)):
        raise RunFolderError(
            f"{path} holds {'a finished' if done else 'an interrupted'} run",
            expected="a new run folder",
            fix=f"add {'' if done else 'resume=true to go on, '}overwrite=true to replace it or tag=WORD to keep both",
        )
    return False


def _refuse_changes(path: Path, config: Mapping[str, Any]) -> None:
    settings = path / "config.yaml"
    with blamed_on(settings, RunFolderError, expected="the settings of a run", fix="add overwrite=true or tag=WORD"):
        files.read_yaml(settings)  # refuses references that would grow without end
        earlier = OmegaConf.to_container(OmegaConf.load(settings))
        assert isinstance(earlier, dict)
    changed = first_change(earlier, config)
    if changed:
        key, before, now = changed
        raise RunFolderError(
            f"the run in {path} was started with {key}={before} and this command says {now}",
            expected="the same settings to resume",
            fix="repeat the first command with resume=true, or add overwrite=true or tag=WORD",
        )


def first_change(earlier: Mapping[Any, Any], config: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first setting in which two runs differ, with both values; where and how they run does not count."""
    before, now = flat(earlier), flat(config)
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    # In a sweep a run gets whichever GPU is free, and goes on with another one.
    changed = [key for key in changed if key.split(".")[0] not in run_state.NOT_COMPARED and key != "trainer.devices"]
    return (changed[0], before.get(changed[0]), now.get(changed[0])) if changed else None
