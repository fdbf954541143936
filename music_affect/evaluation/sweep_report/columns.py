"""The columns of a leaderboard as text, the same on the page, in Markdown and nearly so in the table of figures."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.evaluation.sweep_report.axes import axis_title
from music_affect.evaluation.sweep_report.comparison import NOT_COMPARABLE, Comparison
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
        **{name: cell(labels.get(name)) for name in section.labels},
        "linear": cell(row.reference("linear")),
        "majority": cell(row.reference("majority")),
        "seeds × folds": f"{len(row.seeds)} × {row.folds}" if row.folds else str(len(row.seeds)),
        "clips": str(row.clips),
        "seconds": UNKNOWN if row.seconds is None else f"{row.seconds:.1f}",
        "parameters": UNKNOWN if row.parameters is None else short(row.parameters),
        "alarms": str(len(row.alarms)),
    }


def interval(row: Row) -> str:
    """``[0.621, 0.698]``."""
    return UNKNOWN if row.resampled is None else "[{:.3f}, {:.3f}]".format(*row.resampled.interval)


def compared(section: Section, comparison: Comparison) -> dict[str, str]:
    """One comparison of neighbours by heading."""
    upper, lower = section.rows[comparison.rank - 1 : comparison.rank + 1]
    difference = f"{comparison.difference:+.3f}"
    if comparison.low is not None:
        difference += f" [{comparison.low:+.3f}, {comparison.high:+.3f}]"
    return {
        "higher": f"{comparison.rank}  {section.name(upper)}",
        "lower": f"{comparison.rank + 1}  {section.name(lower)}",
        "difference": difference,
        "p (Holm)": UNKNOWN if comparison.p is None else "< 0.01" if comparison.p < 0.01 else f"{comparison.p:.2f}",
        "verdict": comparison.verdict + (f": {_why(upper, lower)}" if comparison.verdict == NOT_COMPARABLE else ""),
    }


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
        **{f"figure {name}": value for name, value in row.figures().items()},
        "linear": row.reference("linear"),
        "majority": row.reference("majority"),
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


def _why(upper: Row, lower: Row) -> str:
    return "no shared predictions" if upper.resampled is None or lower.resampled is None else "other test clips"


def short(number: float) -> str:
    """``392k``, ``1.2M``, ``73``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"
