"""MLflow: a local store of files, or a tracking server."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch import loggers

from music_affect.contracts.errors import ConfigurationError
from music_affect.contracts.shapes import flat
from music_affect.runs.reader import RunFolder
from music_affect.system import files
from music_affect.training.loggers import outcome
from music_affect.training.loggers.lifecycle import require
from music_affect.training.loggers.spectrograms import ClipPicture

KEPT = "mlflow.txt"  # in the run folder: which run of MLflow it is
_BATCH = 100  # parameters that MLflow takes at once
_LONGEST = 500  # letters of a parameter


class MLFlowLogger(loggers.MLFlowLogger):
    """Lightning's logger of MLflow with the tables and pictures of the report, over epochs.

    It goes on with the run of MLflow that the run folder names.

    Args:
        save_dir: the run folder; its name is that of the run.
        tracking_uri: a folder, or the address of a server or database.
        experiment_name: in MLflow.
        tags: of the run; those that are None are left out.
        settings: of Lightning's logger.

    Raises:
        ConfigurationError: MLflow is not installed, or refuses the address.
    """

    def __init__(
        self,
        save_dir: str,
        tracking_uri: str = "mlruns",
        experiment_name: str = "music_affect",
        tags: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        require("mlflow", "mlflow")
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3 wants to be asked for its store of files
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # or a dead server is waited for for minutes
        self._folder = Path(save_dir)
        address = tracking_uri if "://" in tracking_uri else str(Path(tracking_uri).absolute())
        known = {name: str(value) for name, value in (tags or {}).items() if value is not None}
        with _refusals(tracking_uri):
            super().__init__(
                experiment_name,
                **{"run_name": self._folder.name, **settings},
                tracking_uri=address,
                tags=known | {"run_folder": save_dir},
            )
        self._recorded: dict[str, set[int]] | None = None  # of a run that goes on: epochs in the store, by figure

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The client of the store, once the run is in it."""
        if not self._initialized:
            with _refusals(self._tracking_uri):
                self._open()
        return self._mlflow_client

    def log_hyperparams(self, params: Any, *given: Any, **settings: Any) -> None:
        from mlflow.entities import Param

        recorded = self.experiment.get_run(self.run_id).data.params  # MLflow refuses a second value
        values = {_key(name): str(value)[:_LONGEST] for name, value in flat(dict(params)).items()}
        new = [Param(name, value) for name, value in values.items() if name not in recorded]
        for begin in range(0, len(new), _BATCH):
            self.experiment.log_batch(self.run_id, params=new[begin : begin + _BATCH])

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs figures over their epoch where they have one; those that the store holds already count once."""
        from mlflow.entities import Metric

        step, now = int(metrics.get("epoch", step or 0)), int(time.time() * 1000)
        new = [
            Metric(_key(name), float(value), now, step)
            for name, value in metrics.items()
            if step not in self._steps(_key(name))
        ]
        self.experiment.log_batch(self.run_id, metrics=new)

    def replay(self, rows: Sequence[Mapping[str, float | int]]) -> None:
        """Logs the epochs of an earlier attempt that the store does not hold yet.

        Args:
            rows: of ``metrics.csv``.
        """
        for row in rows:
            self.log_metrics(row)

    def log_report(self, run: RunFolder, clips: Sequence[ClipPicture]) -> None:
        """Logs what a finished run folder holds: figures, files, pictures, alarms."""
        self.log_metrics(outcome.figures(run), len(run.history))
        client, run_id = self.experiment, self.run_id
        for name in ("report.md", "metrics.json", "predictions.csv", "config.yaml"):
            client.log_artifact(run_id, str(run.path / name))
        for path in outcome.pictures(run).values():
            client.log_artifact(run_id, str(path), "figures")
        for clip in clips:
            client.log_artifact(run_id, str(clip.path), "spectrograms")
        tags = {f"alarm.{_key(name)}": message for name, message in outcome.alarms(run)}
        for name, value in (tags | ({"music": "synthetic"} if run.synthetic else {})).items():
            client.set_tag(run_id, name, value)

    def _open(self) -> None:
        kept = self._folder / KEPT
        if kept.is_file() and self._goes_on(run_id := kept.read_text(encoding="utf-8").strip()):
            self._run_id, self._recorded = run_id, {}
        local = Path.cwd() if "://" in self._tracking_uri else Path(self._tracking_uri)
        local.mkdir(parents=True, exist_ok=True)
        with FileLock(local / ".music_affect.lock"):  # two runs that begin together would both make the experiment
            _ = super().experiment
        files.write_text(kept, f"{self._run_id}\n")

    def _goes_on(self, run_id: str) -> bool:
        """Opens an earlier run again; False where the store does not know it, since it is another store by now."""
        from mlflow.exceptions import MlflowException

        try:
            self._mlflow_client.update_run(run_id, "RUNNING")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def _steps(self, name: str) -> set[int]:
        """Steps at which the store holds a figure of an earlier attempt."""
        if self._recorded is None:
            return set()
        if name not in self._recorded:
            history = self.experiment.get_metric_history(self.run_id, name)
            self._recorded[name] = {metric.step for metric in history}
        return self._recorded[name]


@contextmanager
def _refusals(address: str) -> Iterator[None]:
    """A store that cannot be used is a mistake in the settings; a server may only be down, which costs no run."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        if address.startswith("http"):
            raise
        raise ConfigurationError(
            f"logger=mlflow with tracking_uri={address} cannot be used ({' '.join(str(error).split())})",
            expected="a folder, or a server or database that MLflow can open",
            fix="correct logger.mlflow.tracking_uri or MLFLOW_TRACKING_URI",
        ) from error


def _key(name: str) -> str:
    return re.sub(r"[^\w/. -]", "_", name)
