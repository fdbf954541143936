"""The configured tracker over a whole run. It mirrors the run; it can neither stop nor lose it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from music_affect import build
from music_affect.evaluation.run_folder import RunFolder, read_run
from music_affect.trackers.spectrograms import draw_clip
from music_affect.trackers.tracker import ClipPicture, Say, Start, Tracker

if TYPE_CHECKING:
    from music_affect.data.view import View
    from music_affect.preparation import Prepared

SHOWN = 3  # test clips whose features are pictured


@contextmanager
def opened(cfg: DictConfig, folder: Path, synthetic: bool, console: Console) -> Iterator[Tracker | None]:
    """The configured tracker for the time of the block, closed with the right status; None where there is none.

    Args:
        cfg: of the run.
        folder: the run folder.
        synthetic: the music was made by a program.
        console: for people to read.

    Raises:
        ConfigurationError: what the tracker needs is not installed or cannot be opened.
    """
    say: Say = console.print

    made = _start(cfg, Start(folder, build.plain(cfg), synthetic, _sweep(), say))
    if made is None:
        yield None
        return
    tracker = Guarded(made, say)
    try:
        yield tracker
    except BaseException:
        tracker.close(failed=True)
        raise
    tracker.close(failed=False)


def report(tracker: Tracker, folder: Path, prepared: Prepared, view: View) -> None:
    """Hands a finished run to its tracker, with pictures of some test clips.

    Args:
        tracker: of the run.
        folder: the run folder, with its report.
        prepared: clips and cached features.
        view: the columns that the model saw.
    """
    run = read_run(folder)
    tracker.report(run, _clips(run, prepared, view))


class Guarded(Tracker):
    """A tracker that is let go, in one line, where it fails: a full disk or a dead server costs no run.

    Args:
        tracker: that may fail.
        say: prints the line.
    """

    def __init__(self, tracker: Tracker, say: Say) -> None:
        self._tracker, self._say, self._working = tracker, say, True

    def epoch(self, row: Mapping[str, float | int]) -> None:
        self._try(lambda: self._tracker.epoch(row))

    def report(self, run: RunFolder, clips: Sequence[ClipPicture]) -> None:
        self._try(lambda: self._tracker.report(run, clips))

    def close(self, failed: bool) -> None:
        self._try(lambda: self._tracker.close(failed), even_after_failure=True)

    def _try(self, action: Callable[[], None], even_after_failure: bool = False) -> None:
        if not (self._working or even_after_failure):
            return
        try:
            action()
        except Exception as error:
            if self._working:
                reason = " ".join(str(error).split()) or type(error).__name__
                self._say(f"{type(self._tracker).__name__} failed ({reason}): the run goes on without it.")
            self._working = False


def _start(cfg: DictConfig, run: Start) -> Tracker | None:
    if "_target_" not in cfg.logger:
        return None
    made: Tracker | None = build.make(cfg.logger, run=run)
    return made


def _sweep() -> str | None:
    """Name of the folder of the sweep that this run is a cell of."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return Path(HydraConfig.get().sweep.dir).name


def _clips(run: RunFolder, prepared: Prepared, view: View) -> list[ClipPicture]:
    """Pictures of test clips, evenly spread over the part."""
    rows = [row for row in run.predictions if row["split"] == "test"]
    places = dict.fromkeys(np.linspace(0, len(rows) - 1, SHOWN).round().astype(int).tolist())
    found = []
    for number, place in enumerate(places):
        row = rows[place]
        path = run.path / "figures" / "clips" / f"{number}.png"
        caption = f"{row['id']}: {', '.join(_answer(row, name) for name in run.targets)}"
        draw_clip(view(prepared.cache.clip(row["id"])), view.own_blocks, path, caption, synthetic=run.synthetic)
        found.append(ClipPicture(path, caption))
    return found


def _answer(row: Mapping[str, Any], name: str) -> str:
    return f"{name} {row[name] or 'unknown'}, predicted {row[f'predicted {name}']}"
