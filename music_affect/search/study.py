"""A search on disk: what was proposed, what came of it, and what is proposed next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from music_affect.errors import RunFolderError
from music_affect.machine import blamed_on
from music_affect.search.space import overrides
from music_affect.search.storage import JOURNAL, NAME, open_storage

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

PRUNED = "pruned"  # the mark by which a stopped trial tells the search, whatever became of its process


@dataclass(frozen=True)
class Proposal:
    """Settings to try.

    Args:
        number: of the trial.
        words: of a command line, with its values.
    """

    number: int
    words: tuple[str, ...]


class Study:
    """The trials of one search. Everything random is drawn from (seed, trial), so a search that was cut off goes on
    with the proposals that it would have made.

    Args:
        journal: the study's file.
        space: by setting.
        mode: ``max`` or ``min``.
        seed: of the proposals.
        startup_trials: that are drawn at random before the sampler learns from them.
    """

    def __init__(
        self, journal: Path, space: Mapping[str, BaseDistribution], *, mode: str, seed: int, startup_trials: int
    ) -> None:
        import optuna
        from optuna.study import StudyDirection

        self._space, self._seed, self._startup_trials = dict(space), seed, startup_trials
        direction = StudyDirection.MAXIMIZE if mode == "max" else StudyDirection.MINIMIZE
        self._study = optuna.create_study(
            storage=open_storage(journal), study_name=NAME, direction=direction, load_if_exists=True
        )

    @property
    def optuna(self) -> OptunaStudy:
        return self._study

    @property
    def trials(self) -> list[FrozenTrial]:
        """All that were proposed in full, in order."""
        return [trial for trial in self._study.get_trials(deepcopy=False) if trial.params.keys() == self._space.keys()]

    def check(self) -> None:
        """Refuses trials whose values the space cannot give: they would become words of a command line.

        Raises:
            ValueError: there is such a trial.
        """
        for trial in self._study.get_trials(deepcopy=False):
            float(trial.value or 0.0)
            for name, value in trial.params.items():
                axis = self._space[name]
                if trial.distributions[name] != axis or not axis._contains(axis.to_internal_repr(value)):
                    raise ValueError(f"trial {trial.number} has {name}={value}")

    def unfinished(self) -> list[Proposal]:
        """Trials without an outcome; those of an earlier process too, whose run folders are gone on with."""
        return [
            Proposal(trial.number, overrides(trial.params)) for trial in self.trials if not trial.state.is_finished()
        ]

    def propose(self, count: int) -> list[Proposal]:
        """New trials."""
        from optuna.samplers import TPESampler

        made = []
        for index in range(len(self.trials), len(self.trials) + count):
            seed = int(np.random.SeedSequence((self._seed, index)).generate_state(1)[0])
            self._study.sampler = TPESampler(seed=seed, n_startup_trials=self._startup_trials)
            trial = self._study.ask(self._space)
            made.append(Proposal(trial.number, overrides(trial.params)))
        return made

    def outcomes(self) -> dict[tuple[str, ...], int]:
        """Numbers of finished trials by their words."""
        return {overrides(trial.params): trial.number for trial in self.trials if trial.state.is_finished()}

    def record(self, proposal: Proposal, value: float) -> None:
        """Ends a trial: as stopped where it left that mark, as failed where its value is not finite."""
        from optuna.trial import TrialState

        trial = self._trial(proposal.number)
        if trial.user_attrs.get(PRUNED):
            self._study.tell(proposal.number, state=TrialState.PRUNED)
        elif math.isfinite(value):
            self._study.tell(proposal.number, value)
        else:
            self._study.tell(proposal.number, state=TrialState.FAIL)

    def repeat(self, proposal: Proposal, number: int) -> None:
        """Ends a trial like a finished one of the same settings, since it would be the same run."""
        from optuna.trial import TrialState

        twin = self._trial(number)
        value = twin.value if twin.state == TrialState.COMPLETE else None
        self._study.tell(proposal.number, value, state=twin.state)

    def _trial(self, number: int) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[number]


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
            study = Study(journal, space, mode=mode, seed=seed, startup_trials=startup_trials)
            study.check()
        yield study
    finally:
        lock.release()
