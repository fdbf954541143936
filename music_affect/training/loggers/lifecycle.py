"""Loggers from the start of a run to its report. They mirror the run; none of them can stop or lose it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_utilities.core.rank_zero import rank_zero_only

from music_affect.contracts.errors import ConfigurationError, MusicAffectError
from music_affect.runs.reader import read_run
from music_affect.training.loggers import outcome
from music_affect.training.loggers.spectrograms import draw_test_clips

if TYPE_CHECKING:
    import numpy as np
    from lightning.pytorch.loggers import Logger
    from numpy.typing import NDArray

GUARDED = (
    "log_metrics",
    "log_hyperparams",
    "log_graph",
    "save",
    "after_save_checkpoint",
    "replay",  # of ours: epochs of an earlier attempt
    "log_report",  # of ours: tables and pictures of the finished run
)

log = logging.getLogger(__name__)


@contextmanager
def opened(loggers: Sequence[Logger], config: Mapping[str, Any]) -> Iterator[list[Logger]]:
    """Opens loggers for the time of a run, and finalises each with the status that the run ends with.

    A logger that fails is dropped with one line, at the start or later, whoever wrote it. Lightning finalises its
    loggers after each fit, test and signal; within the block this is put off, since the report comes later.

    Args:
        loggers: of Lightning, built but not used yet.
        config: of the run, resolved; they log it as its hyperparameters.

    Yields:
        Those that could be opened, for the Trainer. They are the same objects, of the same classes.

    Raises:
        MusicAffectError: a logger of ours has settings that cannot work.
    """
    guards = [_Guard(logger) for logger in loggers]
    status = "failed"
    try:
        for guard in guards:
            guard.open(config)
        yield [guard.logger for guard in guards if guard.working]
        status = "success"
    finally:
        for guard in guards:
            guard.close(status)


def report(
    loggers: Sequence[Logger],
    folder: Path,
    features: Callable[[str], NDArray[np.float32]],
    blocks: Mapping[str, tuple[int, int]],
) -> None:
    """Hands a finished run to its loggers: all that they can show to ours, the figures to others.

    Args:
        loggers: as ``opened`` yields them.
        folder: the run folder, with its report.
        features: of a test clip by its id, before standardisation, float32 [T, F].
        blocks: the columns of each kind of features.
    """
    if not loggers:
        return
    run = read_run(folder)
    reporting = [getattr(logger, "log_report", None) for logger in loggers]
    clips = draw_test_clips(run, features, blocks) if any(reporting) else []
    for logger, log_report in zip(loggers, reporting, strict=True):
        if log_report is not None:
            log_report(run, clips)
        else:
            logger.log_metrics(outcome.figures(run), step=len(run.history))


def require(package: str, extra: str) -> None:
    """Refuses a logger whose package is not installed.

    Raises:
        ConfigurationError: with what to install.
    """
    if find_spec(package) is None:
        raise ConfigurationError(
            f"logger={extra}, and {package} is not installed",
            expected=f"the package {package}",
            fix=f"pip install 'music_affect[{extra}]', or choose another logger",
        )


class _Guard:
    """Stands in front of the methods of a logger, on the instance itself: ``isinstance`` sees the logger's class."""

    def __init__(self, logger: Logger) -> None:
        self.logger, self.working = logger, True
        for name in GUARDED:
            if hasattr(logger, name):
                setattr(logger, name, partial(self._attempt, name))
        logger.finalize = self._put_off  # type: ignore[method-assign]

    def open(self, config: Mapping[str, Any]) -> None:
        try:
            getattr(self.logger, "experiment", None)  # connects to a server, where there is one
        except MusicAffectError:
            raise
        except Exception as error:
            self._drop(error)
        self.logger.log_hyperparams(dict(config))

    def close(self, status: str) -> None:
        for name in (*GUARDED, "finalize"):
            vars(self.logger).pop(name, None)
        self._attempt("finalize", status, even_after_failure=True)

    def _put_off(self, status: str) -> None:
        """Takes the place of ``finalize``."""

    def _attempt(self, name: str, *given: Any, even_after_failure: bool = False, **settings: Any) -> None:
        if getattr(rank_zero_only, "rank", 0) != 0 or not (self.working or even_after_failure):
            return
        try:
            getattr(type(self.logger), name)(self.logger, *given, **settings)
        except Exception as error:
            self._drop(error)

    def _drop(self, error: Exception) -> None:
        if self.working:
            reason = " ".join(str(error).split()) or type(error).__name__
            log.warning("%s failed (%s): the run goes on without it.", type(self.logger).__name__, reason)
        self.working = False
