"""Runs gathered by configuration: seeds averaged, folds pooled, each row with its interval."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from music_affect.contracts.errors import MusicAffectError
from music_affect.evaluation.pooling import Pool, pool
from music_affect.evaluation.sweep_report.axes import exact
from music_affect.evaluation.sweep_report.commands import repeat_command
from music_affect.evaluation.sweep_report.resampling import Resampled, clips_of, resample
from music_affect.evaluation.sweep_report.spelling import Spelling
from music_affect.runs.reader import DONE, RunFolder, deciding

REFERENCES = ("linear", "kernel", "majority")
BELOW_LINEAR = "below linear"


@dataclass(frozen=True)
class Row:
    """One configuration.

    Args:
        settings: values of the sweep's axes as people read them, by axis.
        runs: its finished runs, the newest of each seed and fold.
        score: mean over seeds; of folds, over the pooled predictions of each seed.
        spread: standard deviation over seeds, None of a single one.
        seeds: scores by seed.
        pools: test predictions, one a seed; empty where they cannot be read.
        resampled: figures over draws, None where the seeds were tested on different clips, or too few for an interval.
        references: scores of the reference models by name, made from their answers as the score is from the row's own.
        notes: what a reader has to know of this row.
    """

    settings: Mapping[str, str]
    runs: Sequence[RunFolder]
    score: float
    spread: float | None
    seeds: Mapping[str, float]
    pools: Sequence[Pool]
    resampled: Resampled | None
    references: Mapping[str, float]
    notes: Sequence[str]

    @property
    def folds(self) -> int:
        """Folds that were pooled; 0 where there are none."""
        return len({run.fold for run in self.runs} - {None})

    @property
    def clips(self) -> int:
        """Test clips, all folds together."""
        if self.pools:
            return len(self.pools[0].clips)
        tested = {run.fold: run.metrics["clips"]["test"] for run in self.runs}
        return int(sum(tested.values()))

    @property
    def synthetic(self) -> bool:
        return any(run.synthetic for run in self.runs)

    @property
    def validation(self) -> float | None:
        """Score on the validation parts, the mean over runs; None where there is none."""
        return _mean([deciding(run.metrics.get("val")) for run in self.runs])

    @property
    def seconds(self) -> float | None:
        """That training took, the mean over runs."""
        return _mean([(run.metrics.get("seconds") or {}).get("training") for run in self.runs])

    @property
    def parameters(self) -> int | None:
        found = _mean([run.metrics.get("parameters") for run in self.runs])
        return None if found is None else round(found)

    @property
    def alarms(self) -> Counter[str]:
        """Runs by the alarm that they raised; over pooled folds, whether all together are below linear."""
        raised = [{alarm["name"] for alarm in run.metrics.get("alarms", [])} for run in self.runs]
        found = Counter(name for names in raised for name in names)
        if self.folds and "linear" in self.references:
            found.pop(BELOW_LINEAR, None)
            found += Counter({BELOW_LINEAR: len(self.runs) * (self.score < self.references["linear"])})
        return found

    def message(self, name: str) -> str:
        """What an alarm of this row says, that of its first run."""
        if name == BELOW_LINEAR and self.folds and "linear" in self.references:
            linear = self.references["linear"]
            return f"all folds together, {self.score:.3f} is below the linear reference, {linear:.3f}."
        alarms = [alarm for run in self.runs for alarm in run.metrics.get("alarms", [])]
        return str(next(alarm["message"] for alarm in alarms if alarm["name"] == name))

    @property
    def command(self) -> str:
        return repeat_command(self.runs)

    def figures(self) -> dict[str, float]:
        """Macro F1 or Spearman by label."""
        if self.resampled is not None:
            return {name: value for name, value in self.resampled.figures.items() if name != "score"}
        found = [_by_label(run.metrics["test"]) for run in self.runs]
        means = {name: _mean([figures.get(name) for figures in found]) for name in found[0]}
        return {name: value for name, value in means.items() if value is not None}


def rows_of(runs: Sequence[RunFolder], axes: Sequence[str], spelling: Spelling) -> list[Row]:
    """A row for every configuration with a finished run, the best first.

    Args:
        runs: runs with the same labels.
        axes: settings that tell configurations apart.
        spelling: how the settings are told.
    """
    groups: dict[tuple[str | None, ...], list[RunFolder]] = {}
    for run in runs:
        if run.state == DONE:
            groups.setdefault(tuple(exact(run, axis) for axis in axes), []).append(run)
    rows = [_row({axis: spelling(found[0], axis) for axis in axes}, found) for found in groups.values()]
    return sorted(rows, key=lambda row: (-row.score, list(row.settings.values())))


def _row(settings: Mapping[str, str], runs: Sequence[RunFolder]) -> Row:
    newest, notes = _newest(runs)
    by_seed: dict[str, list[RunFolder]] = {}
    for run in newest:
        by_seed.setdefault(str(run.seed), []).append(run)
    folds = max(len(found) for found in by_seed.values())
    for seed in [seed for seed, found in by_seed.items() if len(found) < folds]:
        notes.append(f"seed {seed} is left out: {len(by_seed.pop(seed))} of {folds} folds are done")
    pools, scores = {}, {}
    for seed, found in by_seed.items():
        try:
            pools[seed] = pool(found)
        except MusicAffectError as error:
            notes.append(f"predictions of seed {seed} cannot be pooled: {error.found}")
        scores[seed] = statistics.fmean(run.score or 0.0 for run in found)
    resampled = _resampled(list(pools.values()), notes) if len(pools) == len(by_seed) else None
    scores |= {seed: _score(found) for seed, found in pools.items()}
    kept = [run for found in by_seed.values() for run in found]
    spread = statistics.stdev(scores.values()) if len(scores) > 1 else None
    mean = statistics.fmean(scores.values())
    return Row(
        settings, kept, mean, spread, scores, list(pools.values()), resampled, _references(by_seed, notes), notes
    )


def _newest(runs: Sequence[RunFolder]) -> tuple[list[RunFolder], list[str]]:
    """The newest run of each seed and fold, and a note where there were more."""
    found: dict[tuple[str, str], RunFolder] = {}
    for run in sorted(runs, key=lambda run: (run.path / "metrics.json").stat().st_mtime):
        found[str(run.seed), str(run.fold)] = run
    repeated = len(runs) - len(found)
    older = "1 older run" if repeated == 1 else f"{repeated} older runs"
    notes = [f"{older} of the same seed and fold left out"] if repeated else []
    return [run for _, run in sorted(found.items())], notes


def _resampled(pools: Sequence[Pool], notes: list[str]) -> Resampled | None:
    if len({clips_of(found) for found in pools}) > 1:
        notes.append("the seeds were tested on different clips: no interval")
        return None
    found = resample(pools)
    if not found.units.enough:
        notes.append(f"only {found.units.count} {found.units.over} were tested: no interval")
        return None
    return found


def _references(by_seed: Mapping[str, Sequence[RunFolder]], notes: list[str]) -> dict[str, float]:
    """Scores of the references for all labels, the mean over seeds; a note of any whose answers cannot be read."""
    found = {}
    for name in REFERENCES:
        if not all(_complete(run, name) for runs in by_seed.values() for run in runs):
            continue
        try:
            seeds = [pool(runs, partial(RunFolder.reference, name=name)) for runs in by_seed.values()]
            found[name] = statistics.fmean(map(_score, seeds))
        except MusicAffectError as error:
            notes.append(f"answers of the reference {name} cannot be pooled: {error.found}")
    return found


def _complete(run: RunFolder, name: str) -> bool:
    """Whether a reference was scored for all kinds of labels that the run was."""
    return set(run.metrics["references"].get(name, ())) >= set(run.metrics["test"])


def _score(found: Pool) -> float:
    return resample([found], resamples=1).figures["score"]


def _by_label(test: Mapping[str, Any]) -> dict[str, Any]:
    classes = test.get("classification") or {}
    figures = {str(classes.get("target", "class")): classes["f1_macro"].get("value")} if "f1_macro" in classes else {}
    if tags := test.get("tagging"):
        figures = {str(tags.get("target", "tags")): tags["average_precision"].get("value")}
    scales = (test.get("regression") or {}).get("by_target") or {}
    return figures | {name: (found.get("spearman") or {}).get("value") for name, found in scales.items()}


def _mean(values: Sequence[Any]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return statistics.fmean(known) if known else None
