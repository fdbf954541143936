"""MLflow: a local store of files, or a tracking server."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from music_affect import files
from music_affect.errors import ConfigurationError
from music_affect.evaluation.run_folder import RunFolder
from music_affect.settings import flat
from music_affect.trackers import outcome
from music_affect.trackers.tracker import ClipPicture, Start, Tracker

_KEPT = "mlflow.txt"  # in the run folder: which run of MLflow it is
_BATCH = 100  # parameters that MLflow takes at once
_LONGEST = 500  # letters of a parameter


def start(run: Start, store: str, experiment: str) -> Tracker:
    """Begins a run, or goes on with the one that the run folder names.

    Args:
        run: what begins.
        store: a folder, or the address of a server or database.
        experiment: name in MLflow.

    Raises:
        ConfigurationError: MLflow is not installed, or the store cannot be used.
    """
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3 wants to be asked for its store of files
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise ConfigurationError(
            "logger=mlflow, and MLflow is not installed",
            expected="the package mlflow-skinny, or mlflow",
            fix="pip install 'music_affect[mlflow]', or choose another logger",
        ) from error
    address = store if "://" in store else str(Path(store).absolute())
    try:
        client = MlflowClient(address)
        return MLflow(client, _run_id(client, run, address, experiment), run)
    except (MlflowException, OSError) as error:
        raise ConfigurationError(
            f"logger=mlflow with logger.store={store} cannot be used ({' '.join(str(error).split())})",
            expected="a folder, or a server or database that MLflow can open",
            fix="correct logger.store or MLFLOW_TRACKING_URI",
        ) from error


class MLflow(Tracker):
    """Writes to a run of MLflow.

    Args:
        client: of its store.
        run_id: in the store.
        run: what begins.
    """

    def __init__(self, client: Any, run_id: str, run: Start) -> None:
        self._client, self._id = client, run_id
        self._step = 0
        self._known = {metric.step for metric in client.get_metric_history(run_id, "epoch")}
        parameters = [_parameter(name, value) for name, value in flat(run.config).items()]
        recorded = client.get_run(run_id).data.params
        new = [parameter for parameter in parameters if parameter.key not in recorded]
        for begin in range(0, len(new), _BATCH):
            client.log_batch(run_id, params=new[begin : begin + _BATCH])

    def epoch(self, row: Mapping[str, float | int]) -> None:
        self._step = int(row["epoch"])
        if self._step not in self._known:
            self._client.log_batch(self._id, metrics=list(_metrics(row, self._step)))

    def report(self, run: RunFolder, clips: Sequence[ClipPicture]) -> None:
        self._client.log_batch(self._id, metrics=list(_metrics(outcome.figures(run), self._step)))
        for name in ("report.md", "metrics.json", "predictions.csv", "config.yaml"):
            self._client.log_artifact(self._id, str(run.path / name))
        for path in outcome.pictures(run).values():
            self._client.log_artifact(self._id, str(path), "figures")
        for clip in clips:
            self._client.log_artifact(self._id, str(clip.path), "spectrograms")
        for name, message in outcome.alarms(run):
            self._client.set_tag(self._id, f"alarm.{_key(name)}", message)

    def close(self, failed: bool) -> None:
        self._client.set_terminated(self._id, "FAILED" if failed else "FINISHED")


def _run_id(client: Any, run: Start, address: str, experiment: str) -> str:
    kept = run.folder / _KEPT
    if kept.is_file() and _goes_on(client, run_id := kept.read_text(encoding="utf-8").strip()):
        return run_id
    tags = {**run.tags, "sweep": run.sweep or "", "run_folder": str(run.folder)}
    made = client.create_run(_experiment_id(client, address, experiment), tags=tags, run_name=run.folder.name)
    files.write_text(kept, f"{made.info.run_id}\n")
    return str(made.info.run_id)


def _goes_on(client: Any, run_id: str) -> bool:
    """Opens an earlier run again; False where the store does not know it, since it is another store by now."""
    from mlflow.exceptions import MlflowException

    try:
        client.update_run(run_id, "RUNNING")
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    return True


def _experiment_id(client: Any, address: str, name: str) -> str:
    """Found or made, by one process at a time: two cells that begin together would both make it."""
    folder = Path.cwd() if "://" in address else Path(address)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".music_affect.lock"):
        found = client.get_experiment_by_name(name)
        return str(found.experiment_id if found is not None else client.create_experiment(name))


def _metrics(row: Mapping[str, float | int], step: int) -> Iterator[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for name, value in row.items():
        yield Metric(_key(name), float(value), now, step)


def _parameter(name: str, value: object) -> Any:
    from mlflow.entities import Param

    return Param(_key(name), str(value)[:_LONGEST])


def _key(name: str) -> str:
    return re.sub(r"[^\w/. -]", "_", name)
