"""Weights & Biases: one run a cell, offline inside its run folder where no server can be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from music_affect.evaluation.run_folder import RunFolder
from music_affect.trackers import outcome, recordings
from music_affect.trackers.connection import obstacle
from music_affect.trackers.tracker import ClipPicture, Say, Start, Tracker

PATIENCE = 20  # seconds until a server that has answered once is given up at the start of a run
LAST_UPLOAD = 120  # seconds for what is left at its end; `music_affect.track sync` sends the rest
Mode = Literal["online", "offline", "disabled"]


def start(run: Start, project: str, mode: Mode = "online", group: str | None = None) -> Tracker | None:
    """Begins a run, or goes on with the one that was recorded in the same run folder.

    Args:
        run: what begins.
        project: in W&B.
        mode: ``online`` falls back to ``offline`` without a key or network, and says so; ``disabled`` does nothing.
        group: None is the sweep.
    """
    if mode == "disabled":
        return None
    reason = obstacle() if mode == "online" else None
    made = None
    if mode == "online" and reason is None:
        made, reason = _try_online(run, project, group)
    if reason is not None:
        _tell_once(run, reason)
    return WeightsAndBiases(made or _begin(run, project, "offline", group), run.config["task"], run.say)


class WeightsAndBiases(Tracker):
    """Writes to a run of W&B.

    Args:
        run: as ``wandb.init`` gives it.
        task: configuration of the task, which names what decides: ``monitor`` and ``mode``.
        say: prints a line for people.
    """

    def __init__(self, run: Any, task: Mapping[str, Any], say: Say) -> None:
        self._run, self._say, self._step = run, say, 0
        run.define_metric("epoch", hidden=True)
        run.define_metric("*", step_metric="epoch")
        for name, best in {"train/loss": "min", "val/loss": "min", task["monitor"]: task["mode"]}.items():
            run.define_metric(name, step_metric="epoch", summary=best)

    def epoch(self, row: Mapping[str, float | int]) -> None:
        # W&B ignores a step that it has already, so epochs that a resumed run tells again count once.
        self._step = int(row["epoch"]) + 1
        self._run.log(dict(row), step=int(row["epoch"]))

    def report(self, run: RunFolder, clips: Sequence[ClipPicture]) -> None:
        import wandb

        found = outcome.alarms(run)
        self._run.summary.update(
            {**outcome.figures(run), "alarm_names": ", ".join(dict.fromkeys(name for name, _ in found))}
        )
        pictures = {f"figures/{name}": wandb.Image(str(path)) for name, path in outcome.pictures(run).items()}
        samples = [wandb.Image(str(clip.path), caption=clip.caption) for clip in clips]
        columns, rows = outcome.answers(run)
        tables = {
            "predictions": wandb.Table(columns=list(columns), data=rows),
            "alarm_table": wandb.Table(columns=["name", "message"], data=[list(alarm) for alarm in found]),
        }
        self._run.log({**pictures, **tables, "spectrograms": samples, **_charts(run)}, step=self._step)

    def close(self, failed: bool) -> None:
        online, folder = not self._run.offline, Path(self._run.sync_dir)
        try:
            self._run.finish(exit_code=int(failed))
        except TimeoutError:
            self._say("W&B has not taken all of the run: `python -m music_affect.track sync` sends the rest.")
            return
        if online:
            recordings.mark_sent(folder)


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


def _try_online(run: Start, project: str, group: str | None) -> tuple[Any, str | None]:
    """The run, or None and the reason."""
    import wandb

    try:
        return _begin(run, project, "online", group), None
    except (wandb.errors.Error, OSError) as error:
        return None, f"W&B refused the run ({' '.join(str(error).split())})"


def _begin(run: Start, project: str, mode: Mode, group: str | None) -> Any:
    import wandb

    earlier = recordings.of_run(run.folder)
    settings = wandb.Settings(
        silent=True,
        console="off",
        init_timeout=PATIENCE,
        finish_timeout=LAST_UPLOAD,
        finish_timeout_raises=True,
    )
    return wandb.init(
        project=project,
        dir=str(run.folder),
        name=run.folder.name,
        group=group or run.sweep,
        job_type=run.config["task"]["name"],
        tags=list(dict.fromkeys(run.tags.values())),
        config=dict(run.config),
        mode=mode,
        id=earlier[-1].id if earlier else None,
        resume="allow" if earlier else None,
        reinit="create_new",  # another run of this process, a notebook's perhaps, is none of our business
        settings=settings,
    )


_told: set[str] = set()


def _tell_once(run: Start, reason: str) -> None:
    """One line a process and reason, not one a cell."""
    if reason not in _told:
        _told.add(reason)
        run.say(
            f"{reason[0].upper()}{reason[1:]}: logging offline; `python -m music_affect.track sync` uploads it later."
        )
