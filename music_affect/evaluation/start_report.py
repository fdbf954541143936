"""What a run took over from another one, and what that was worth."""

from __future__ import annotations

from collections.abc import Mapping
from glob import escape
from typing import Any

from music_affect.contracts.errors import RunFolderError
from music_affect.evaluation.tables import UNKNOWN, Markdown, code, table, with_interval
from music_affect.runs.reader import RunFolder, read_run
from music_affect.system.plain_text import is_word

_WORDS = {"checkpoint": "started from", "task": "trained for", "freeze": "freeze"}
_OPTIONAL = {"backbone_rate": "learning rate of the backbone, times that of the heads", "tensors": "tensors loaded"}
_PARTS = {"loaded": "loaded", "new": "new, from random weights", "unused": "left behind"}

Figure = Mapping[str, float | None]


def start_section(run: RunFolder) -> Markdown:
    """What was loaded, and the run beside the same one from scratch, where that has finished.

    Args:
        run: one whose ``metrics["start"]`` is not None.
    """
    start: Mapping[str, Any] = run.metrics["start"]
    facts = {title: start.get(name) for name, title in _WORDS.items()}
    facts |= {title: start[name] for name, title in _OPTIONAL.items() if name in start}
    facts |= {title: ", ".join(start.get(name) or []) or "nothing" for name, title in _PARTS.items()}
    shown = table(["", "this run"], facts.items())
    return Markdown(f"{shown}\n\n### Transfer beside from scratch\n\n{_beside_scratch(run)}")


def _beside_scratch(run: RunFolder) -> str:
    name = run.metrics["start"].get("scratch_run")
    scratch = _sibling(run, name)
    if scratch is None:
        where = f" ({code(name)})" if name else ""
        return f"No finished run from scratch{where} lies beside this one: train it, then write this report again."
    own, other = headline_figures(run), headline_figures(scratch)
    rows = [
        [title, with_interval(own[title]), with_interval(other[title]), _difference(own[title], other[title])]
        for title in own
        if title in other
    ]
    found = table(["", "transfer", "from scratch", "difference"], rows) if rows else "The two runs share no label."
    warning = "" if _same_clips(run, scratch) else "\n\n**The two were tested on different clips.**"
    return f"{found}\n\nFrom scratch: {code(scratch.path.name)}.{warning}"


def _sibling(run: RunFolder, name: str | None) -> RunFolder | None:
    """The finished run of that name in the same folder, in a sweep before its digest; never the run itself."""
    own = run.path.resolve()
    if not is_word(name):
        return None
    digest = "[0-9a-f]" * 8
    for folder in [own.parent / str(name), *sorted(own.parent.glob(f"{escape(str(name))}-{digest}"))]:
        if folder != own:
            try:
                return read_run(folder)
            except RunFolderError:
                continue
    return None


def headline_figures(run: RunFolder) -> dict[str, Figure]:
    """The test figures that stand for a run, by their names."""
    found: dict[str, Figure] = {}
    if run.classes:
        scores = run.metrics["test"]["classification"]
        found |= {"macro F1": scores["f1_macro"], "accuracy": scores["accuracy"]}
    if run.tags:
        scores = run.metrics["test"]["tagging"]
        found |= {"macro average precision": scores["average_precision"], "macro ROC-AUC": scores["roc_auc"]}
    if run.scales:
        scores = run.metrics["test"]["regression"]
        found |= {"mean Spearman": scores["spearman"]} if len(run.scales) > 1 else {}
        found |= {f"Spearman, {name}": scores["by_target"][name]["spearman"] for name in run.scales}
    return found


def _difference(own: Figure, other: Figure) -> str:
    first, second = own.get("value"), other.get("value")
    return UNKNOWN if first is None or second is None else f"{first - second:+.3f}"


def _same_clips(run: RunFolder, scratch: RunFolder) -> bool:
    tested = [{row["id"] for row in found.predictions if row["split"] == "test"} for found in (run, scratch)]
    return tested[0] == tested[1]
