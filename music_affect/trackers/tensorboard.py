"""TensorBoard: events inside the run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from music_affect.errors import ConfigurationError
from music_affect.evaluation.run_folder import RunFolder
from music_affect.evaluation.tables import escaped
from music_affect.settings import flat
from music_affect.trackers import outcome
from music_affect.trackers.tracker import ClipPicture, Start, Tracker


def start(run: Start) -> Tracker:
    """Begins to write events.

    Raises:
        ConfigurationError: TensorBoard is not installed.
    """
    if find_spec("tensorboard") is None:
        raise ConfigurationError(
            "logger=tensorboard, and TensorBoard is not installed",
            expected="the package tensorboard",
            fix="pip install 'music_affect[tensorboard]', or choose another logger",
        )
    return TensorBoard(run.folder / "tensorboard", run)


class TensorBoard(Tracker):
    """Writes a run's events.

    Args:
        folder: gets the events.
        run: what begins.
    """

    def __init__(self, folder: Path, run: Start) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        # What an earlier attempt wrote is hidden: a run that is resumed tells its epochs again.
        self._writer = SummaryWriter(str(folder), purge_step=0)
        self._config, self._step = run.config, 0

    def epoch(self, row: Mapping[str, float | int]) -> None:
        self._step = int(row["epoch"])
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, self._step)

    def report(self, run: RunFolder, clips: Sequence[ClipPicture]) -> None:
        figures = outcome.figures(run)
        settings = {name: _plain(value) for name, value in flat(self._config).items()}
        # Writes the figures too; the run's own folder in place of one that is named after the time.
        self._writer.add_hparams(settings, figures, run_name=".", global_step=self._step)
        for name, path in outcome.pictures(run).items():
            self._picture(f"figures/{name}", path)
        for place, clip in enumerate(clips):
            self._picture(f"spectrograms/{place}", clip.path)
            self._writer.add_text(f"spectrograms/{place}", escaped(clip.caption), self._step)
        for name, message in outcome.alarms(run):
            self._writer.add_text(f"alarms/{name}", escaped(message), self._step)

    def close(self, failed: bool) -> None:
        self._writer.add_text("status", "failed" if failed else "finished", self._step)
        self._writer.close()

    def _picture(self, name: str, path: Path) -> None:
        from matplotlib.image import imread

        self._writer.add_image(name, imread(path)[..., :3], self._step, dataformats="HWC")


def _plain(value: object) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else str(value)
