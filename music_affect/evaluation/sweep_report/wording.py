"""Sentences that stand in the page and in Markdown alike."""

from __future__ import annotations

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
    "Comparison: difference of two neighbours on the same draws, Holm-corrected over the neighbours of one table; "
    "better means p < 0.05. Not significantly different is not the same as equal.",
    "linear and majority: the references trained on the same clips as each run, the mean over runs and not pooled over "
    "folds. seconds and parameters: means over runs.",
)


def warning(contents: Contents) -> str:
    """What has to be said of synthetic music, or nothing."""
    return {"all": ALL_SYNTHETIC, "some": SOME_SYNTHETIC}.get(contents.synthetic, "")


def verdict(section: Section) -> str:
    """The leaderboard in a sentence: who leads, by how much, and whether it beats the linear reference."""
    best = section.rows[0]
    name, several = section.name(best), len(section.rows) > 1
    told = f"{name} {'leads with' if several else 'has'} {best.score:.3f}"
    if section.comparisons:
        first = section.comparisons[0]
        told += {
            "better": f", better than the next by {first.difference:.3f}",
            "not significantly different": ", not significantly different from the next",
        }.get(first.verdict, ", not comparable with the next")
    linear = best.reference("linear")
    if linear is None:
        return f"{told}."
    if best.settings.get("model.name") == "linear":
        return f"{told}: no network is above the linear model." if several else f"{told}."
    alike = best.run_score if best.folds else best.score  # the reference is not pooled over folds either
    side = "above" if alike > linear else "not above"
    figures = f"{alike:.3f} against {linear:.3f}, means over folds" if best.folds else f"{linear:.3f}"
    return f"{told}, {side} its linear reference ({figures})."
