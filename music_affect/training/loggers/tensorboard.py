"""TensorBoard: events inside the run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch import loggers

from music_affect.contracts.shapes import flat
from music_affect.evaluation.tables import escaped
from music_affect.runs.reader import RunFolder
from music_affect.training.loggers import outcome
from music_affect.training.loggers.lifecycle import require
from music_affect.training.loggers.spectrograms import ClipPicture


class TensorBoardLogger(loggers.TensorBoardLogger):
    """Lightning's logger of TensorBoard with the pictures and alarms of the report, over epochs.

    Args:
        save_dir: the run folder, which gets a folder ``tensorboard``.
        settings: of Lightning's logger or of ``SummaryWriter``.

    Raises:
        ConfigurationError: TensorBoard is not installed.
    """

    def __init__(self, save_dir: str, **settings: Any) -> None:
        require("tensorboard", "tensorboard")
        # What an earlier attempt wrote is hidden, since ``replay`` repeats its epochs.
        usual: dict[str, Any] = {"name": "tensorboard", "version": "", "purge_step": 0}
        super().__init__(save_dir, default_hp_metric=False, **(usual | settings))
        self._settings: dict[str, Any] = {}

    def log_hyperparams(self, params: Any, *given: Any, **settings: Any) -> None:
        """Keeps the settings for the report: TensorBoard takes them together with the final figures."""
        self._settings |= flat(dict(params))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs figures over their epoch where they have one."""
        figures = {name: value for name, value in metrics.items() if name != "epoch"}
        super().log_metrics(figures, int(metrics.get("epoch", step or 0)))

    def replay(self, rows: Sequence[Mapping[str, float | int]]) -> None:
        """Logs the epochs of an earlier attempt.

        Args:
            rows: of ``metrics.csv``.
        """
        for row in rows:
            self.log_metrics(row)

    def log_report(self, run: RunFolder, clips: Sequence[ClipPicture]) -> None:
        """Logs what a finished run folder holds: settings with figures, pictures, alarms."""
        step = len(run.history)
        super().log_hyperparams(self._settings, outcome.figures(run), step)
        for name, path in outcome.pictures(run).items():
            self._picture(f"figures/{name}", str(path), step)
        for place, clip in enumerate(clips):
            self._picture(f"spectrograms/{place}", str(clip.path), step)
            self.experiment.add_text(f"spectrograms/{place}", escaped(clip.caption), step)
        for name, message in outcome.alarms(run):
            self.experiment.add_text(f"alarms/{name}", escaped(message), step)

    def save(self) -> None:
        """Writes out what is waiting. The settings are in the events, and no file of their own."""
        self.experiment.flush()

    def finalize(self, status: str) -> None:
        self.experiment.add_text("status", "failed" if status == "failed" else "finished")
        super().finalize(status)

    def _picture(self, name: str, path: str, step: int) -> None:
        from matplotlib.image import imread

        self.experiment.add_image(name, imread(path)[..., :3], step, dataformats="HWC")
