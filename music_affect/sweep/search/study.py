"""Optuna's study of a search: its file, what it proposes next, and what became of its trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from music_affect.contracts.errors import ConfigurationError, RunFolderError
from music_affect.system.machine import blamed_on

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial

JOURNAL = "study.journal"
NAME = "search"  # of the study in its file: the draws of Hyperband's brackets depend on it


def check_installed() -> None:
    """Refuses a search where Optuna is not installed.

    Raises:
        ConfigurationError: with the extra that brings it.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigurationError(
            "hparams_search needs Optuna, which is not installed",
            expected="the extra 'search'",
            fix="pip install 'music_affect[search]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def open_storage(journal: Path) -> JournalStorage:
    """Optuna's storage in a file, which a search and its trials write from processes of their own.

    Its lock is one that every file system has, also those which the nodes of a cluster share.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    return JournalStorage(JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal))))


class Study:
    """The trials of one search.

    Every proposal is drawn from (seed, trial), so a search that was cut off goes on with the proposals that it would
    have made.

    Args:
        journal: the study's file, which is made where it is missing.
        space: Optuna's distributions by setting.
        mode: ``max`` or ``min``.
        seed: of the proposals.
        startup_trials: that are drawn at random before the sampler learns from them.

    Attributes:
        optuna: the study itself.
    """

    def __init__(
        self, journal: Path, space: Mapping[str, BaseDistribution], *, mode: str, seed: int, startup_trials: int
    ) -> None:
        import optuna
        from optuna.study import StudyDirection

        self._space, self._seed, self._startup_trials = dict(space), seed, startup_trials
        direction = StudyDirection.MAXIMIZE if mode == "max" else StudyDirection.MINIMIZE
        self.optuna = optuna.create_study(
            storage=open_storage(journal), study_name=NAME, direction=direction, load_if_exists=True
        )

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials that were proposed in full, in order; a killed process may leave one that was not."""
        return [trial for trial in self.optuna.get_trials(deepcopy=False) if trial.params.keys() == self._space.keys()]

    @property
    def unfinished(self) -> list[FrozenTrial]:
        """Trials without an outcome, among them those of an earlier process, whose runs go on."""
        return [trial for trial in self.trials if not trial.state.is_finished()]

    def check(self) -> None:
        """Refuses trials whose values the space cannot give: they would become overrides of a command line.

        Raises:
            ValueError: there is such a trial.
        """
        for trial in self.optuna.get_trials(deepcopy=False):
            float(trial.value or 0.0)
            for name, value in trial.params.items():
                axis = self._space[name]
                if trial.distributions[name] != axis or not axis._contains(axis.to_internal_repr(value)):
                    raise ValueError(f"trial {trial.number} has {name}={value}")

    def batches(self, trials: int, at_once: int) -> Iterator[list[FrozenTrial]]:
        """Trials to be run, batch after batch, each of which is to be recorded before the next one is proposed.

        A search that was cut off between two proposals of a batch first completes that batch, so that it ends like one
        that never stopped.

        Args:
            trials: in all, those of earlier processes included.
            at_once: trials a batch.
        """
        while True:
            batch, made = self.unfinished, len(self.trials)
            if not batch or made % at_once:
                batch += [self._propose() for _ in range(min(at_once - made % at_once, trials - made))]
            if not batch:
                return
            for start in range(0, len(batch), at_once):
                yield batch[start : start + at_once]

    def record(self, number: int, state: str, value: float) -> None:
        """Ends a trial.

        Args:
            number: of the trial.
            state: of its run: ``done``, ``pruned`` or ``failed``.
            value: that a finished run reached; NaN counts as failed.
        """
        from optuna.trial import TrialState

        if state == "done" and math.isfinite(value):
            self.optuna.tell(number, value)
        else:
            self.optuna.tell(number, state=TrialState.PRUNED if state == "pruned" else TrialState.FAIL)

    def _propose(self) -> FrozenTrial:
        from optuna.samplers import TPESampler

        seed = int(np.random.SeedSequence((self._seed, len(self.trials))).generate_state(1)[0])
        self.optuna.sampler = TPESampler(seed=seed, n_startup_trials=self._startup_trials)
        number = self.optuna.ask(self._space).number
        return self.optuna.get_trials(deepcopy=False)[number]


@contextmanager
def opened(
    folder: Path, space: Mapping[str, BaseDistribution], *, mode: str, seed: int, startup_trials: int
) -> Iterator[Study]:
    """The study in a search's folder, for one process at a time.

    Raises:
        RunFolderError: another process is at work on it, or it is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".search.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunFolderError(
            f"another process runs the search {folder}",
            expected="one process a search; its launcher runs several trials at once",
            fix="wait for it, or give this one another sweep.name",
        ) from error
    try:
        journal = folder / JOURNAL
        with blamed_on(journal, RunFolderError, expected="what a search wrote", fix="give this one another sweep.name"):
            _cut_torn_line(journal)
            study = Study(journal, space, mode=mode, seed=seed, startup_trials=startup_trials)
            study.check()
        yield study
    finally:
        lock.release()


def _cut_torn_line(journal: Path) -> None:
    """Removes the end of a line that a full disk or a lost machine left, since nothing could be appended after it."""
    content = journal.read_bytes() if journal.exists() else b""
    if content and not content.endswith(b"\n"):
        with journal.open("r+b") as stream:
            stream.truncate(content.rfind(b"\n") + 1)
