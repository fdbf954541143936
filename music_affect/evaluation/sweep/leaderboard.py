"""Runs gathered by configuration: seeds averaged, folds pooled, each row with its interval over clips."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from music_affect.errors import MusicAffectError
from music_affect.evaluation.pooling import Pool, pool
from music_affect.evaluation.sweep.axes import exact
from music_affect.evaluation.sweep.cells import DONE, Cell, deciding
from music_affect.evaluation.sweep.commands import repeat_command
from music_affect.evaluation.sweep.resampling import Resampled, clips_of, resample
from music_affect.evaluation.sweep.spelling import Spelling


@dataclass(frozen=True)
class Row:
    """One configuration.

    Args:
        settings: values of the sweep's axes as people read them, by axis.
        cells: its finished runs, the newest of each seed and fold.
        score: mean over seeds; of folds, over the pooled predictions of each seed.
        spread: standard deviation over seeds, None of a single one.
        seeds: scores by seed.
        pools: test predictions, one a seed; empty where they cannot be read.
        resampled: figures over drawn clips, None where the seeds were tested on different clips.
        notes: what a reader has to know of this row.
    """

    settings: Mapping[str, str]
    cells: Sequence[Cell]
    score: float
    spread: float | None
    seeds: Mapping[str, float]
    pools: Sequence[Pool]
    resampled: Resampled | None
    notes: Sequence[str]

    @property
    def folds(self) -> int:
        """Folds that were pooled; 0 where there are none."""
        return len({cell.fold for cell in self.cells} - {None})

    @property
    def clips(self) -> int:
        """Test clips, all folds together."""
        if self.pools:
            return len(self.pools[0].clips)
        tested = {cell.fold: (cell.metrics.get("clips") or {}).get("test", 0) for cell in self.cells}
        return int(sum(tested.values()))

    @property
    def synthetic(self) -> bool:
        return any(cell.synthetic for cell in self.cells)

    @property
    def run_score(self) -> float:
        """Score of a single run, the mean over runs: what the references may be compared with."""
        return statistics.fmean(cell.score or 0.0 for cell in self.cells)

    @property
    def seconds(self) -> float | None:
        """That training took, the mean over runs."""
        return _mean([(cell.metrics.get("seconds") or {}).get("training") for cell in self.cells])

    @property
    def parameters(self) -> int | None:
        found = _mean([cell.metrics.get("parameters") for cell in self.cells])
        return None if found is None else round(found)

    @property
    def alarms(self) -> Counter[str]:
        """Runs by the alarm that they raised."""
        return Counter(name for cell in self.cells for name in {alarm.get("name", "?") for alarm in alarms_of(cell)})

    @property
    def command(self) -> str:
        return repeat_command(self.cells)

    def reference(self, name: str) -> float | None:
        """Score of ``linear`` or ``majority``, the mean over runs."""
        return _mean([deciding((cell.metrics.get("references") or {}).get(name)) for cell in self.cells])

    def figures(self) -> dict[str, float]:
        """Macro F1 or Spearman by label."""
        if self.resampled is not None:
            return {name: value for name, value in self.resampled.figures.items() if name != "score"}
        found = [_by_label(cell.metrics.get("test") or {}) for cell in self.cells]
        means = {name: _mean([figures.get(name) for figures in found]) for name in found[0]}
        return {name: value for name, value in means.items() if value is not None}


def rows_of(cells: Sequence[Cell], axes: Sequence[str], spelling: Spelling) -> list[Row]:
    """A row for every configuration with a finished run, the best first.

    Args:
        cells: runs with the same labels.
        axes: settings that tell configurations apart.
        spelling: how the settings are told.
    """
    groups: dict[tuple[str | None, ...], list[Cell]] = {}
    for cell in cells:
        if cell.state == DONE:
            groups.setdefault(tuple(exact(cell, axis) for axis in axes), []).append(cell)
    rows = [_row({axis: spelling(found[0], axis) for axis in axes}, found) for found in groups.values()]
    return sorted(rows, key=lambda row: (-row.score, list(row.settings.values())))


def alarms_of(cell: Cell) -> list[Mapping[str, Any]]:
    """Alarms of a run, as its metrics tell them."""
    return [alarm for alarm in cell.metrics.get("alarms") or [] if isinstance(alarm, Mapping)]


def _row(settings: Mapping[str, str], cells: Sequence[Cell]) -> Row:
    newest, notes = _newest(cells)
    by_seed: dict[str, list[Cell]] = {}
    for cell in newest:
        by_seed.setdefault(str(cell.seed), []).append(cell)
    folds = max(len(found) for found in by_seed.values())
    for seed in [seed for seed, found in by_seed.items() if len(found) < folds]:
        notes.append(f"seed {seed} is left out: {len(by_seed.pop(seed))} of {folds} folds are done")
    pools, scores = {}, {}
    for seed, found in by_seed.items():
        try:
            pools[seed] = pool([cell.path for cell in found])
        except MusicAffectError as error:
            notes.append(f"predictions of seed {seed} cannot be pooled: {error.found}")
        scores[seed] = statistics.fmean(cell.score or 0.0 for cell in found)
    resampled = _resampled(list(pools.values()), notes) if len(pools) == len(by_seed) else None
    scores |= {seed: resample([found], resamples=1).figures["score"] for seed, found in pools.items()}
    kept = [cell for found in by_seed.values() for cell in found]
    spread = statistics.stdev(scores.values()) if len(scores) > 1 else None
    mean = statistics.fmean(scores.values())
    return Row(settings, kept, mean, spread, scores, list(pools.values()), resampled, notes)


def _newest(cells: Sequence[Cell]) -> tuple[list[Cell], list[str]]:
    """The newest run of each seed and fold, and a note where there were more."""
    found: dict[tuple[str, str], Cell] = {}
    for cell in sorted(cells, key=lambda cell: (cell.path / "metrics.json").stat().st_mtime):
        found[str(cell.seed), str(cell.fold)] = cell
    repeated = len(cells) - len(found)
    runs = "1 older run" if repeated == 1 else f"{repeated} older runs"
    notes = [f"{runs} of the same seed and fold left out"] if repeated else []
    return [cell for _, cell in sorted(found.items())], notes


def _resampled(pools: Sequence[Pool], notes: list[str]) -> Resampled | None:
    if len({clips_of(found) for found in pools}) == 1:
        return resample(pools)
    notes.append("the seeds were tested on different clips: no interval")
    return None


def _by_label(test: Mapping[str, Any]) -> dict[str, Any]:
    classes = test.get("classification") or {}
    figures = {str(classes.get("target", "class")): classes["f1_macro"].get("value")} if "f1_macro" in classes else {}
    scales = (test.get("regression") or {}).get("by_target") or {}
    return figures | {name: (found.get("spearman") or {}).get("value") for name, found in scales.items()}


def _mean(values: Sequence[Any]) -> float | None:
    known = [float(value) for value in values if isinstance(value, int | float)]
    return statistics.fmean(known) if known else None
