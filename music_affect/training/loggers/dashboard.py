"""The dashboard of this project in Weights & Biases, described in plain containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

AXES = ("model.name", "data.name", "features.name", "task.name")
NAME = "Sweeps by model, data and features"  # letters and commas: W&B takes other signs for emojis
_LOOK = "Grouped by model, data and features over seeds and folds. A bar is a mean, its line one standard deviation."
_ALARMS = (
    "A run with alarms is no result before they are looked at: below a reference, a leak, too few clips. `alarms` "
    "counts them, `alarm_table` says what to do. The record of a run is its folder, not this page."
)

Panel = dict[str, Any]


def specification(entity: str, project: str, monitors: Sequence[str]) -> dict[str, Any]:
    """What the workspace shows.

    Args:
        entity: of W&B, a person or a team.
        project: whose runs are shown.
        monitors: the figures that decide, each with its part before the slash, as the tasks name them.

    Returns:
        ``runs`` (how the table of runs is grouped and sorted) and ``sections``, each a title and panels of a ``kind``:
        ``text``, ``bars``, ``lines``, ``scatter``, ``media``.
    """
    figures = list(dict.fromkeys(monitor.split("/", 1)[1] for monitor in monitors))
    return {
        "entity": entity,
        "project": project,
        "name": NAME,
        "runs": {"group_by": list(AXES[:3]), "order_by": "score", "columns": _columns(figures)},
        "sections": [
            _section("Leaderboard", [_text(_LOOK), _bars("Score beside the references", _beside(figures), AXES[0])]),
            _section("Score by axis", [_bars(f"Score by {axis.split('.')[0]}", ["score"], axis) for axis in AXES]),
            _section("Learning curves", [*_curves("loss"), *(one for name in figures for one in _curves(name))]),
            _section("Confusion and scatter", [_media(f"figures/{name}") for name in ("confusion", "scales")]),
            _section("Clips", [_media("spectrograms"), _media("figures/learning_curves")]),
            _section("Cost against score", [_scatter(cost) for cost in ("seconds/training", "parameters")]),
            _section("Alarms", [_text(_ALARMS), _bars("Alarms by model", ["alarms"], AXES[0])]),
        ],
    }


def _columns(figures: Sequence[str]) -> list[str]:
    tested = [f"test/{name}" for name in figures if name != "score"]
    return ["score", *tested, "parameters", "seconds/training", "alarms", "alarm_names"]


def _beside(figures: Sequence[str]) -> list[str]:
    return [f"{place}/{name}" for name in figures if name != "score" for place in ("test", "linear", "majority")]


def _section(title: str, panels: Sequence[Panel]) -> dict[str, Any]:
    return {"title": title, "panels": list(panels)}


def _text(text: str) -> Panel:
    return {"kind": "text", "text": text}


def _bars(title: str, metrics: Sequence[str], by: str) -> Panel:
    return {"kind": "bars", "title": title, "metrics": list(metrics), "by": by}


def _curves(name: str) -> list[Panel]:
    """Training and validation in panels of their own: runs are told apart by colour."""
    shown: Mapping[str, str] = {"train": "training", "val": "validation"}
    return [
        {"kind": "lines", "title": f"{name}, {part}", "x": "epoch", "y": f"{key}/{name}"} for key, part in shown.items()
    ]


def _media(key: str) -> Panel:
    return {"kind": "media", "title": key.rsplit("/", 1)[-1].replace("_", " "), "key": key}


def _scatter(cost: str) -> Panel:
    return {"kind": "scatter", "title": f"{cost} against score", "x": cost, "y": "score"}
