"""The columns of a leaderboard as text, the same on the page, in Markdown and nearly so in the table of figures."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.evaluation.sweep_report.axes import axis_title
from music_affect.evaluation.sweep_report.contents import Section
from music_affect.evaluation.sweep_report.leaderboard import Row
from music_affect.evaluation.tables import UNKNOWN, cell
from music_affect.runs.reader import RunFolder

SCORE, INTERVAL, NAME = "score", "95 % interval", "configuration"


def texts(section: Section, row: Row) -> dict[str, str]:
    """One row of the leaderboard by heading."""
    labels = row.figures()
    return {
        "#": str(section.rows.index(row) + 1),
        NAME: section.name(row),
        SCORE: f"{row.score:.3f}" + ("" if row.spread is None else f" ± {row.spread:.3f}"),
        INTERVAL: interval(row),
        "may be best": membership(section, row),
        "validation": cell(row.validation),
        **{name: cell(labels.get(name)) for name in section.labels},
        **{name: cell(row.references.get(name)) for name in section.references},
        "seeds × folds": f"{len(row.seeds)} × {row.folds}" if row.folds else str(len(row.seeds)),
        "clips": str(row.clips),
        "seconds": UNKNOWN if row.seconds is None else f"{row.seconds:.1f}",
        "parameters": UNKNOWN if row.parameters is None else short(row.parameters),
        "alarms": str(len(row.alarms)),
    }


def interval(row: Row) -> str:
    """``[0.621, 0.698]``."""
    return UNKNOWN if row.resampled is None else "[{:.3f}, {:.3f}]".format(*row.resampled.interval)


def membership(section: Section, row: Row) -> str:
    """``yes`` where a row is in the confidence set of the best, ``no`` where not, ``–`` where it is not compared."""
    rank = section.rows.index(row) + 1
    if section.compared is None or rank not in section.compared.ranks:
        return UNKNOWN
    return "yes" if rank in section.compared.may_be_best else "no"


def differences(section: Section) -> list[dict[str, str]]:
    """How far rows are above those below them, by rank; significant differences are marked by a star."""
    compared = section.compared
    if compared is None:
        return []
    found = []
    for upper in compared.shown[:-1]:
        pairs = {lower: compared.difference(upper, lower) for lower in compared.shown[1:]}
        cells = {str(lower): "" if pair is None else f"{pair[0]:.3f}{'*' * pair[1]}" for lower, pair in pairs.items()}
        found.append({"": f"{upper}  {section.name(section.rows[upper - 1])}", **cells})
    return found


def undone(run: RunFolder) -> dict[str, str]:
    """A run without a score by heading."""
    return {"run": run.path.name, "state": run.state, "reason": run.reason}


def record(section: Section, row: Row, axes: list[str]) -> Mapping[str, object]:
    """One row of ``leaderboard.csv``: figures as they are."""
    low, high = row.resampled.interval if row.resampled is not None else (None, None)
    return {
        "table": section.title,
        "rank": section.rows.index(row) + 1,
        **{axis_title(axis): row.settings[axis] for axis in axes},
        "decided_by": section.score_name,
        "score": row.score,
        "sd": row.spread,
        "low": low,
        "high": high,
        "may_be_best": membership(section, row),
        "validation": row.validation,
        **{f"figure {name}": value for name, value in row.figures().items()},
        **row.references,
        "seeds": len(row.seeds),
        "folds": row.folds,
        "clips": row.clips,
        "runs": len(row.runs),
        "training_seconds": row.seconds,
        "parameters": row.parameters,
        "alarms": "; ".join(f"{name} ({count})" for name, count in sorted(row.alarms.items())),
        "synthetic": row.synthetic,
        "notes": "; ".join(section.notes(row)),
        "command": row.command,
    }


def short(number: float) -> str:
    """``392k``, ``1.2M``, ``73``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"
