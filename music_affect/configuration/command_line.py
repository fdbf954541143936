"""What every entry point does: check the words on the command line, hand them to its job, report errors as one line.

Imports Hydra and nothing heavier, so that a mistake is answered within a second.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from music_affect.configuration import completion, help_text
from music_affect.configuration.compose import check_overrides, check_single, conf_folder, variable
from music_affect.configuration.overrides import arguments
from music_affect.configuration.plan import overrides_of, plan
from music_affect.contracts.errors import MusicAffectError, RunFolderError
from music_affect.system import log, machine, output
from music_affect.system.plain_text import on_one_line

Job = Callable[[DictConfig], Any]
Check = Callable[[DictConfig], None]
OWN_SWEEPER = "hydra_plugins.music_affect_sweeper."


class JobRefusedError(CompactHydraException):
    """Tells Hydra that a job was refused in another process, which has said why; printed without a traceback."""


def run(
    config_name: str,
    job: Job,
    *,
    description: str,
    going_on: str = "Run the same command to go on.",
    check: Check | None = None,
) -> None:
    """Runs an entry point: composes the configuration from the command line and hands it to the job.

    Args:
        config_name: file in ``conf/``.
        job: what to do.
        description: what the command is for, with examples: the docstring of its module.
        going_on: how an interrupted job is continued, a sentence.
        check: refuses settings, before any job starts.

    Exits with code 1 and one line on a user's mistake, or where the machine has no room, memory or right (2 where
    nothing at all was given that has to be); of several jobs a line for each that is refused, when all have ended.
    ``MUSIC_AFFECT_TRACEBACK=1`` adds the traceback.
    """
    refused: list[MusicAffectError] = []
    launch = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name=config_name)
    start = launch(_explained(job, going_on, refused))
    output.keep_going()
    log.show()
    find_own_modules()
    line = sys.argv[1:]
    try:
        sys.argv[1:], given = arguments(line)
        if given.help:
            print(help_text.page(config_name, description, sys.argv[1:]))
            return
        if given.shell_completion and not completion.prepare(" ".join(given.overrides)):
            print(completion.script())
            return
        if not (given.hydra_help or given.cfg or given.info or given.shell_completion):
            words = [word for word in sys.argv[1:] if not word.startswith("-")]
            cfg = check_overrides(config_name, words)
            several = given.multirun or cfg.hydra.mode == RunMode.MULTIRUN
            if not (
                several and str(cfg.hydra.sweeper._target_).startswith(OWN_SWEEPER)
            ):  # which checks its runs itself
                _check(config_name, cfg, words, several, check)
    except Exception as error:
        _explain(_ours(error))
        sys.exit(1 if line else 2)
    start()
    if refused:
        sys.exit(1)


def _check(config_name: str, cfg: DictConfig, words: list[str], several: bool, check: Check | None) -> None:
    """Refuses jobs that cannot be done, before the first of them starts."""
    if not several:
        check_single(words)
    for one in [run.cfg for run in plan(config_name, overrides_of(cfg, words))] if several else [cfg]:
        if check is not None:
            check(one)
    if several:  # its own name is the time at which Hydra starts, which is a little later
        _check_output(Path(cfg.hydra.sweep.dir).parent, "hydra.sweep.dir")
    else:
        _check_output(Path(cfg.hydra.run.dir), "paths.outputs")


def find_own_modules() -> None:
    """Classes of a person's own may stand in a module of the working folder, whichever way the command was started.

    It comes last: a file ``random.py`` there is no module of Python's.
    """
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())


def reported(job: Callable[[], None]) -> None:
    """Runs a job that takes no configuration, with the same answer to a user's mistake."""
    output.keep_going()
    log.show()
    try:
        job()
    except Exception as error:
        _explain(_ours(error))
        sys.exit(1)


def _check_output(folder: Path, setting: str) -> None:
    """Hydra makes this folder before the job starts, and would answer with a traceback."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"the output folder {folder} cannot be made ({error.strerror})",
            expected="a writable place",
            fix=f"set {setting} to one",
        ) from error


def _explained(job: Job, going_on: str, refused: list[MusicAffectError]) -> Job:
    def explained(cfg: DictConfig) -> Any:
        log.show()  # in the processes that a launcher starts, too
        try:
            return job(cfg)
        except Exception as raised:
            error = _ours(raised)
            _explain(error)
            _remove_empty_output()
            if not _is_sweep():
                sys.exit(1)
            if HydraConfig.get().runtime.choices.get("hydra/launcher") != "basic":
                raise JobRefusedError("error: not all jobs could be done; each has said why.") from None
            refused.append(error)  # the jobs after it run nevertheless
        except KeyboardInterrupt:
            print(f"Interrupted; what was finished is kept. {going_on}", file=sys.stderr)
            sys.exit(130)

    return explained


def _remove_empty_output() -> None:
    """Hydra makes the output folder before the job starts; a refused job leaves none behind."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    while folder != Path.cwd() and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _is_sweep() -> bool:
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def _ours(error: Exception) -> MusicAffectError:
    """The error as one line can tell it; a defect of ours is raised again."""
    told = error if isinstance(error, MusicAffectError) else machine.explanation(error)
    if told is None:
        raise error
    return told


def _explain(error: MusicAffectError) -> None:
    if variable("MUSIC_AFFECT_TRACEBACK"):
        traceback.print_exc()
    print(f"error: {on_one_line(error)}", file=sys.stderr)
