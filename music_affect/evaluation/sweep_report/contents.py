"""What a sweep's report says, before it is written as a page or as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from music_affect.evaluation.sweep_report.axes import NAMES, axis_title, find_axes
from music_affect.evaluation.sweep_report.compared_rows import ComparedRows, compare_rows
from music_affect.evaluation.sweep_report.leaderboard import REFERENCES, Row, rows_of
from music_affect.evaluation.sweep_report.spelling import Spelling
from music_affect.evaluation.tables import UNKNOWN
from music_affect.runs.reader import DONE, RunFolder

_MODEL = "model.name"


@dataclass(frozen=True)
class Section:
    """One leaderboard: rows of one task on one music, whose scores may stand beside each other.

    Args:
        task: its name.
        music: name of the data set, the same for full-rate and beat-synchronous features.
        axes: settings that vary among the rows, the model always.
        rows: the best first.
        compared: the rows on the same clips against one another; None where no two were tested on the same.
        undone: runs of this task and music that have no score.
        spelling: how settings are told.
    """

    task: str
    music: str
    axes: Sequence[str]
    rows: Sequence[Row]
    compared: ComparedRows | None
    undone: Sequence[RunFolder]
    spelling: Spelling

    @property
    def title(self) -> str:
        names = sorted({row.settings["data.name"] for row in self.rows})
        return f"{self.task} on {' and '.join(names)}"

    @property
    def synthetic(self) -> bool:
        return any(row.synthetic for row in self.rows)

    @property
    def score_name(self) -> str:
        """What decides: macro F1, Spearman, their mean, or macro average precision."""
        test = self.rows[0].runs[0].metrics["test"]
        if test.get("tagging"):
            return "macro average precision"
        scales = (test.get("regression") or {}).get("by_target") or {}
        spearman = "mean Spearman" if len(scales) > 1 else "Spearman"
        if test.get("classification") and test.get("regression"):
            return f"score (mean of macro F1 and {spearman})"
        return "macro F1" if test.get("classification") else spearman

    @property
    def labels(self) -> list[str]:
        """Labels with a figure of their own, where there are several."""
        names = list(dict.fromkeys(name for row in self.rows for name in row.figures()))
        return names if len(names) > 1 else []

    @property
    def references(self) -> list[str]:
        """Names of the reference models that any row has a score of."""
        return [name for name in REFERENCES if any(name in row.references for row in self.rows)]

    def name(self, row: Row) -> str:
        """A row by what it has in the section's axes: ``cnn · mel · optimizer.lr 0.01``."""
        return " · ".join(told(axis, row.settings[axis]) for axis in self.axes)

    def notes(self, row: Row) -> list[str]:
        """What a reader has to know of a row, the runs that it lacks included."""
        lacking = sum(all(self.spelling(run, key) == told for key, told in row.settings.items()) for run in self.undone)
        runs = "1 more run has" if lacking == 1 else f"{lacking} more runs have"
        return [*row.notes, *([f"{runs} no score"] if lacking else [])]

    @property
    def commands(self) -> list[str]:
        """Lines of a shell: each row's name as a comment, and the command that repeats it."""
        return [line for row in self.rows for line in (f"# {self.name(row)}", row.command)]

    @property
    def all_notes(self) -> list[str]:
        """Notes of all rows as sentences."""
        return [f"{self.name(row)}: {note}." for row in self.rows for note in self.notes(row)]


@dataclass(frozen=True)
class Contents:
    """A whole report.

    Args:
        title: name of the folder.
        runs: every run found, at least one.
        axes: settings that vary.
        sections: one a task and music, in the order of their names.
        spelling: how settings are told.
    """

    title: str
    runs: Sequence[RunFolder]
    axes: Sequence[str]
    sections: Sequence[Section]
    spelling: Spelling

    @cached_property
    def undone(self) -> list[RunFolder]:
        """Runs without a score."""
        return [run for run in self.runs if run.state != DONE]

    @property
    def synthetic(self) -> str:
        """``all``, ``some`` or nothing, of the finished runs; of all runs where none is finished."""
        found = [run.synthetic for run in self.runs if run.state == DONE] or [run.synthetic for run in self.runs]
        return "all" if all(found) else "some" if any(found) else ""

    @property
    def states(self) -> dict[str, int]:
        """Runs by state, the finished first."""
        counts = Counter(run.state for run in self.runs)
        return {DONE: counts.pop(DONE, 0), **dict(sorted(counts.items()))}

    def values(self, axis: str) -> list[str]:
        """What the runs have for an axis."""
        return sorted({self.spelling(run, axis) for run in self.runs} - {UNKNOWN}, key=_numeric)

    @property
    def varied(self) -> dict[str, str]:
        """What was varied and the values that occur, by the setting's name."""
        return {axis_title(axis): ", ".join(self.values(axis)) for axis in self.axes}

    @property
    def facts(self) -> dict[str, str]:
        """The header, line by line."""
        seeds = sorted({str(run.seed) for run in self.runs if run.seed is not None}, key=_numeric)
        folds = sorted({str(run.fold) for run in self.runs if run.fold is not None}, key=_numeric)
        clips = {section.music: max(row.clips for row in section.rows) for section in self.sections}
        return {
            "runs": ", ".join(f"{count} {state}" for state, count in self.states.items()),
            "configurations": str(sum(len(section.rows) for section in self.sections)),
            "seeds": ", ".join(seeds) or "not recorded",
            "folds": ", ".join(folds) or "none",
            "test clips": ", ".join(f"{count} of {music}" for music, count in clips.items()) or "none",
        }


@dataclass(frozen=True)
class AlarmGroup:
    """One kind of alarm over the whole sweep.

    Args:
        name: of the alarm.
        runs: that raised it.
        rows: names of their configurations.
        message: that of the first run.
    """

    name: str
    runs: int
    rows: Sequence[str]
    message: str


def gather(title: str, runs: Sequence[RunFolder]) -> Contents:
    """Sorts runs into leaderboards.

    Args:
        title: name of the folder.
        runs: every run found, at least one.
    """
    axes, spelling = find_axes(runs), Spelling(runs)
    tables: dict[tuple[str, ...], list[RunFolder]] = {}
    for run in runs:
        if run.state == DONE:
            tables.setdefault(_table(run, spelling), []).append(run)
    sections = [_section(key, done, axes, runs, spelling) for key, done in sorted(tables.items())]
    return Contents(title, runs, axes, sections, spelling)


def told(axis: str, value: str) -> str:
    """A setting in a row's name; names of models and the like speak for themselves."""
    return value if axis in NAMES else f"{axis_title(axis)} {value}"


def alarm_groups(contents: Contents) -> list[AlarmGroup]:
    """Alarms by name, those of most runs first."""
    groups: dict[str, dict[str, Any]] = {}
    for section in contents.sections:
        prefix = f"{section.task}: " if len(contents.sections) > 1 else ""
        for row in section.rows:
            for name, count in row.alarms.items():
                group = groups.setdefault(name, {"runs": 0, "rows": [], "message": row.message(name)})
                group["runs"] += count
                group["rows"].append(f"{prefix}{section.name(row)}")
    found = [AlarmGroup(name, **group) for name, group in groups.items()]
    return sorted(found, key=lambda group: (-group.runs, group.name))


def _section(
    key: tuple[str, ...], done: Sequence[RunFolder], axes: Sequence[str], runs: Sequence[RunFolder], spelling: Spelling
) -> Section:
    task, music = key[:2]
    rows = rows_of(done, list(dict.fromkeys([*axes, *NAMES])), spelling)
    varied = [axis for axis in axes if len({row.settings[axis] for row in rows}) > 1]
    shown = [_MODEL, *(axis for axis in varied if axis != _MODEL)]
    undone = [run for run in runs if run.state != DONE and _place(run, spelling) == (task, music)]
    return Section(task, music, shown, rows, compare_rows(rows), undone, spelling)


def _table(run: RunFolder, spelling: Spelling) -> tuple[str, ...]:
    """Runs that agree in this share a leaderboard: task, music, and the labels with their classes."""
    kinds = (f"{name} {kind}" for name, kind in sorted(run.targets.items()))
    return (*_place(run, spelling), *kinds)


def _place(run: RunFolder, spelling: Spelling) -> tuple[str, str]:
    return spelling(run, "task.name"), spelling(run, "data.name").removesuffix("_beat")


def _numeric(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdigit() else (0, text)
