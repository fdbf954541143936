"""Sentences that stand in the page and in Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence

from music_affect.evaluation.sweep_report.contents import Contents, Section

ALL_SYNTHETIC = "SYNTHETIC music. A program made the clips; no figure here says anything about real music."
SOME_SYNTHETIC = (
    "Partly SYNTHETIC music. The tables marked so are of clips that a program made; "
    "their figures say nothing about real music."
)
NO_SCORES = "No run has a score, so there is nothing to rank. What became of them stands below."
HOW_TO_READ = (
    "Score: the mean over seeds, ± their standard deviation. Where each run has one fold of several, the test clips of "
    "all folds are pooled for each seed before they are scored.",
    "Interval: 95 % bootstrap of the test clips, 2000 draws, the same draws for every row. Whole groups (artists) are "
    "drawn where clips have one, else clips; from three seeds on seeds are drawn as well. With fewer, the luck of "
    "training is not inside.",
    "May be best: the 95 % confidence set of the best, by simultaneous comparisons with the best (Hsu) on the "
    "same draws for all rows. In 95 of 100 such sweeps the row that is truly the best is in it, however many rows.",
    "Differences: a star means significant, all pairs of a table being judged at once (5 % for all together). Not "
    "significantly different is not the same as equal.",
    "Optimism: the highest of several scores is partly the luckiest. What it is expected to exceed its true value by "
    "is estimated by taking the highest anew in every draw, and is too large where one row stands far above equals.",
    "Validation: the score on the validation parts, the mean over runs; – where there are none.",
    "linear, kernel and majority: the references trained on the same clips as each run, scored like the rows: pooled "
    "over folds for each seed. seconds and parameters: means over runs.",
)


def warning(contents: Contents) -> str:
    """What has to be said of synthetic music, or nothing."""
    return {"all": ALL_SYNTHETIC, "some": SOME_SYNTHETIC}.get(contents.synthetic, "")


def verdict(section: Section) -> str:
    """The leaderboard in a sentence: which score is the highest, and whether it is above the linear reference."""
    best = section.rows[0]
    name, several = section.name(best), len(section.rows) > 1
    told = f"{name} has {'the highest score, ' if several else ''}{best.score:.3f}"
    linear = best.references.get("linear")
    if linear is None:
        return f"{told}."
    if best.settings.get("model.name") == "linear":
        return f"{told}: no network scores above the linear model." if several else f"{told}."
    side = "above" if best.score > linear else "not above"
    return f"{told}, {side} its linear reference ({linear:.3f})."


def findings(section: Section) -> list[str]:
    """What the data holds of the order of the rows: the set of the best, what validation chooses, the optimism."""
    rows, compared = section.rows, section.compared
    if len(rows) == 1:
        return []
    if compared is None:
        return ["No two rows were tested on the same clips: none can be called the best.", *_chosen(section)]
    ranks, count = compared.may_be_best, len(compared.ranks)
    others = sorted({*range(1, len(rows) + 1)} - {*compared.ranks})
    among = f"the {count} rows that were tested on the same clips" if others else f"all {count}"
    if len(ranks) == count:
        told = [f"Any of {among} may be the best (95 %)."]
    elif len(ranks) == 1:
        told = [f"Of {among}, only row {ranks[0]} may be the best (95 %)."]
    else:
        told = [f"The best of {among} is among rows {spans(ranks)} (95 %)."]
    if others:
        rest = f"Row {others[0]} is" if len(others) == 1 else f"Rows {spans(others)} are"
        told.append(f"{rest} left out of all comparisons, for other test clips or none that can be read.")
    first, optimism = rows[compared.ranks[0] - 1], compared.comparison.optimism
    told.append(
        f"The highest of {count} scores is expected to be {optimism:.3f} above its true value, for having been picked: "
        f"{first.score:.3f} stands for about {first.score - optimism:.3f}."
    )
    return [*told, *_chosen(section)]


def differences_told(section: Section) -> str:
    """How the table of differences is read."""
    assert section.compared is not None
    shown, count = section.compared.shown, len(section.compared.ranks)
    part = f" The best {len(shown)} of {count} rows are shown." if len(shown) < count else ""
    return (
        "How far each row is above those below it, by rank. Over all pairs at once a difference is significant (*) "
        f"from {section.compared.comparison.critical:.3f} on: each lies within ± that of the true one (95 %).{part}"
    )


def spans(ranks: Sequence[int]) -> str:
    """``1–4, 6``."""
    parts: list[list[int]] = []
    for rank in ranks:
        if parts and rank == parts[-1][-1] + 1:
            parts[-1].append(rank)
        else:
            parts.append([rank])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}–{part[-1]}" for part in parts)


def _chosen(section: Section) -> list[str]:
    """The row that validation chooses, which has not seen the test clips."""
    known = {rank: found for rank, row in enumerate(section.rows, 1) if (found := row.validation) is not None}
    if len(known) < 2:
        return []
    chosen = max(known, key=lambda rank: (known[rank], rank))  # of equals the lowest: the test part must not decide
    row = section.rows[chosen - 1]
    of = "" if len(known) == len(section.rows) else f" of the {len(known)} that have a validation part"
    return [
        f"Validation would choose row {chosen}{of}, {section.name(row)}: {known[chosen]:.3f} there and {row.score:.3f} "
        "on the test clips, which had no part in the choice."
    ]
