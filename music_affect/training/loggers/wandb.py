"""Weights & Biases: one run a run folder, recorded offline inside it where no server can be reached."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch import loggers

from music_affect.runs.reader import RunFolder
from music_affect.training.loggers import outcome
from music_affect.training.loggers.connection import obstacle
from music_affect.training.loggers.spectrograms import ClipPicture

PATIENCE = 20  # seconds until a server that has answered once is given up at the start of a run
LAST_UPLOAD = 120  # seconds for what is left at its end; `music_affect.track sync` sends the rest

Mode = Literal["online", "offline", "disabled"]

log = logging.getLogger(__name__)


class WandbLogger(loggers.WandbLogger):
    """Lightning's logger of Weights & Biases with the tables and pictures of the report, over epochs.

    It goes on with the run that was recorded in the same folder before.

    Args:
        save_dir: the run folder; its name is that of the run.
        project: in W&B.
        mode: ``online`` falls back to ``offline`` without a key or network, and logs that; ``disabled`` does nothing.
        monitor: the figure that decides; the summary keeps its best value.
        monitor_mode: ``min`` or ``max``.
        settings: of Lightning's logger or of ``wandb.init``: ``group``, ``job_type``, ``tags``, ``entity``…
    """

    def __init__(
        self,
        save_dir: str,
        project: str = "music_affect",
        mode: Mode = "online",
        monitor: str = "val/loss",
        monitor_mode: str = "min",
        **settings: Any,
    ) -> None:
        super().__init__(**{"name": Path(save_dir).name, **settings}, save_dir=save_dir, project=project)
        self._mode = mode
        self._best = {"train/loss": "min", "val/loss": "min", monitor: monitor_mode}

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run, as ``wandb.init`` gives it."""
        if self._experiment is None:
            run = self._experiment = self._open()
            run.define_metric("epoch", hidden=True)
            run.define_metric("*", step_metric="epoch")
            for name, best in self._best.items():
                run.define_metric(name, step_metric="epoch", summary=best)
        return self._experiment

    def replay(self, rows: Sequence[Mapping[str, float | int]]) -> None:
        """Logs the epochs of an earlier attempt that this run does not hold yet: an offline recording begins empty.

        The recordings of earlier attempts are then superseded, and marked as if they had been uploaded.

        Args:
            rows: of ``metrics.csv``.
        """
        run = self.experiment
        known = run.summary.get("epoch", -1) if run.resumed else -1
        for row in rows:
            if row["epoch"] > known:
                run.log(dict(row))
        for file in self._recordings():
            if file.parent != Path(run.sync_dir):
                _mark_uploaded(file)

    def log_report(self, run: RunFolder, clips: Sequence[ClipPicture]) -> None:
        """Logs what a finished run folder holds: figures, predictions, pictures, alarms."""
        import wandb

        alarms = outcome.alarms(run)
        names = ", ".join(dict.fromkeys(name for name, _ in alarms))
        self.experiment.summary.update({**outcome.figures(run), "alarm_names": names})
        if run.synthetic:
            self.experiment.tags = (*(self.experiment.tags or ()), "synthetic")
        pictures = {f"figures/{name}": wandb.Image(str(path)) for name, path in outcome.pictures(run).items()}
        samples = [wandb.Image(str(clip.path), caption=clip.caption) for clip in clips]
        columns, rows = outcome.predictions(run)
        tables = {
            "predictions": wandb.Table(columns=list(columns), data=rows),
            "alarm_table": wandb.Table(columns=["name", "message"], data=[list(alarm) for alarm in alarms]),
        }
        self.experiment.log({**pictures, **tables, "spectrograms": samples, **_charts(run)})

    def finalize(self, status: str) -> None:
        """Ends the run in W&B. What is logged later opens it again."""
        if self._experiment is None:
            return
        super().finalize(status)  # uploads checkpoints, with log_model
        run, self._experiment = self._experiment, None
        online, folder = not run.offline, Path(run.sync_dir)
        try:
            run.finish(exit_code=int(status == "failed"))
        except TimeoutError:
            log.warning("W&B has not taken all of the run: `python -m music_affect.track sync` sends the rest.")
            return
        if online:
            for file in folder.glob("run-*.wandb"):
                _mark_uploaded(file)

    def _open(self) -> Any:
        import wandb

        reason = None
        if self._mode == "online" and (reason := obstacle()) is None:
            try:
                return self._begin("online")
            except (wandb.errors.Error, OSError) as error:
                reason = f"W&B refused the run ({' '.join(str(error).split())})"
        if reason is not None:
            _warn_once(reason)
        return self._begin("offline" if reason else self._mode)

    def _begin(self, mode: Mode) -> Any:
        import wandb

        Path(self.save_dir or ".").mkdir(parents=True, exist_ok=True)  # W&B would take a temporary folder
        earlier = self._recordings()
        given = {name: value for name, value in self._wandb_init.items() if value is not None}
        return wandb.init(
            **(given | {"id": earlier[-1].stem.removeprefix("run-")} if earlier else given),
            mode=mode,
            reinit="create_new",  # another run of this process, a notebook's perhaps, is not touched
            settings=wandb.Settings(
                silent=True,
                console="off",
                init_timeout=PATIENCE,
                finish_timeout=LAST_UPLOAD,
                finish_timeout_raises=True,
            ),
        )

    def _recordings(self) -> list[Path]:
        """What W&B wrote into the run folder, a file for each time that the run was started, the earliest first."""
        found = Path(self.save_dir or ".").glob("wandb/*run-*/run-*.wandb")
        return sorted(found, key=lambda file: file.stat().st_mtime_ns)


def _mark_uploaded(file: Path) -> None:
    """Leaves the mark that ``wandb sync`` leaves, and goes by."""
    file.with_suffix(".wandb.synced").touch()


def _charts(run: RunFolder) -> dict[str, Any]:
    """Charts that W&B draws itself: confusion matrices, and predicted against true values."""
    import wandb

    charts: dict[str, Any] = {}
    for name, kind in run.classes.items():
        rows, place = run.labelled(name), {label: index for index, label in enumerate(kind.classes)}
        true, predicted = ([place[row[column]] for row in rows] for column in (name, f"predicted {name}"))
        charts[f"confusion/{name}"] = wandb.plot.confusion_matrix(
            y_true=true, preds=predicted, class_names=list(kind.classes), title=f"{name}, test clips"
        )
    for name in run.scales:
        points = [[float(row[name]), float(row[f"predicted {name}"])] for row in run.labelled(name)]
        table = wandb.Table(columns=["true", "predicted"], data=points)
        charts[f"scatter/{name}"] = wandb.plot.scatter(table, "true", "predicted", title=f"{name}, test clips")
    return charts


@functools.cache
def _warn_once(reason: str) -> None:
    """One line a process and reason, not one for every run of a sweep."""
    line = f"{reason[0].upper()}{reason[1:]}: logging offline; `python -m music_affect.track sync` uploads it later."
    log.warning(line)
