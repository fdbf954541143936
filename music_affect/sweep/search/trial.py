"""A trial's side of a search: its figures are reported as they come, and a hopeless trial is to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from music_affect.sweep.search.study import NAME, open_storage

if TYPE_CHECKING:
    from lightning.pytorch import Callback
    from optuna.pruners import BasePruner


def trial_callbacks(cfg: DictConfig) -> list[Callback]:
    """What a run needs as a trial of a search; nothing where it is none."""
    given = cfg.get("search")
    if given is None or given.trial is None:
        return []
    from music_affect.training.callbacks.pruning import Pruning

    pruner = make_pruner(
        given.pruner,
        grace_epochs=given.grace_epochs,
        startup_trials=given.startup_trials,
        epochs=cfg.trainer.max_epochs,
    )
    return [Pruning(cfg.task.monitor, TrialReport(Path(given.study), given.trial, pruner))]


def make_pruner(name: str, *, grace_epochs: int, startup_trials: int, epochs: int) -> BasePruner:
    """What decides that a trial is hopeless.

    Args:
        name: ``median`` stops a trial whose best figure so far is below the median of the others at the same epoch;
            ``hyperband`` lets the better third go on to three times as many epochs; ``none`` stops nothing.
        grace_epochs: that every trial is given.
        startup_trials: finished ones, before ``median`` stops any.
        epochs: of a whole trial.

    Reference:
        Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 18, 2018.
    """
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner

    if name == "median":
        return MedianPruner(n_startup_trials=startup_trials, n_warmup_steps=grace_epochs)
    if name == "hyperband":
        return HyperbandPruner(min_resource=max(1, grace_epochs), max_resource=max(1, grace_epochs, epochs))
    return NopPruner()


class TrialReport:
    """Reports of one trial to its study.

    Args:
        journal: the study's file.
        number: of the trial.
        pruner: decides.
    """

    def __init__(self, journal: Path, number: int, pruner: BasePruner) -> None:
        import optuna

        storage = open_storage(journal)
        study = optuna.load_study(study_name=NAME, storage=storage, pruner=pruner)
        study_id = storage.get_study_id_from_name(NAME)
        self._trial = optuna.Trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, number))

    def __call__(self, epochs: int, value: float) -> bool:
        """Reports a figure.

        Args:
            epochs: that are done, 1 after the first.
            value: of the figure that decides.

        Returns:
            Whether the trial is to stop.
        """
        self._trial.report(value, epochs)
        return self._trial.should_prune()
