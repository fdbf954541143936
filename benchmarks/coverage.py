"""How often a "95 %" interval holds the true figure, by simulation: clips drawn, and whole groups drawn.

    python -m benchmarks.coverage
    python -m benchmarks.coverage --samples 1000

Data sets are drawn from made-up artists, and the truth is that of 20,000 other artists. Every interval is computed by
what writes a report, but for those in columns that say otherwise.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.made_up_artists import ABSENT_IS_0, FIGURES, SEED_TASTE, Sample, artists, draw, sizes, true_figures
from music_affect.evaluation.intervals import LEVEL, Counts, Floats, draw_seeds, draws, ends
from music_affect.evaluation.units import Units, units


def within(ends_of: tuple[Floats, Floats], truth: Floats) -> NDArray[np.bool_]:
    """Whether intervals hold the truth, figure by figure."""
    return (ends_of[0] <= truth) & (truth <= ends_of[1])


def middle(drawn: Floats) -> tuple[Floats, Floats]:
    """Ends of the middle 95 % of draws [R, K], [K] each: what reports used to give."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def reported(values: Floats, drawn: Floats, over: Units) -> tuple[Floats, Floats]:
    """Ends of the intervals that a report gives, [K] each, from draws [R, K]."""
    low, high = zip(*(ends(value, own, over, -1.0) for value, own in zip(values, drawn.T, strict=True)), strict=True)
    return np.array(low), np.array(high)


def coverage(groups: int, arguments: argparse.Namespace, *, rare: bool) -> Iterator[list[str]]:
    """Rows of the first table: one a figure."""
    rng = np.random.default_rng(arguments.seed)
    truth, (classes, shares) = true_figures(rng, rare=rare, luck=0.0), artists(groups, rare=rare)
    held, widths = [], []
    for trial in range(arguments.samples):
        made = draw(classes, sizes(classes, shares, rng), rng, 1, 0.0)
        once = made.figures(np.ones((1, len(made.truth)), np.int64))[0]
        over = [units([None] * len(made.truth)), units([str(group) for group in made.groups])]
        clips, whole = (draws(made.figures, one, arguments.draws, trial) for one in over)
        found = [reported(once, clips, over[0]), middle(whole), reported(once, whole, over[1])]
        held.append([within(one, truth) for one in found])
        widths.append([high - low for low, high in (found[0], found[2])])
    shares_held, mean_widths = np.mean(held, axis=0), np.mean(widths, axis=0)
    for k, name in enumerate(FIGURES):
        if name == ABSENT_IS_0 and not rare:
            continue  # the same as macro F1: no resample lacks a class
        music = f"{groups} artists{', one class rare' if rare else ''}"
        told = [f"{share:.3f}" for share in shares_held[:, k]]
        yield [music, name, f"{truth[k]:.3f}", *told, f"{mean_widths[1, k] / mean_widths[0, k]:.2f}"]


def coverage_of_seeds(groups: int, seeds: int, arguments: argparse.Namespace) -> list[str]:
    """A row of the second table: macro F1, the mean over seeds, without and with the luck of training."""
    rng, place = np.random.default_rng(arguments.seed), FIGURES.index("macro F1")
    truth, (classes, shares) = true_figures(rng, rare=False, luck=SEED_TASTE)[place], artists(groups, rare=False)
    held, spreads = [], []
    for trial in range(arguments.samples):
        made = draw(classes, sizes(classes, shares, rng), rng, seeds, SEED_TASTE)

        def each(counts: Counts, made: Sample = made) -> Floats:
            return np.stack([made.figures(counts, seed)[:, place] for seed in range(seeds)], axis=1)

        alone, over = each(np.ones((1, len(made.truth)), np.int64))[0], units([str(group) for group in made.groups])
        drawn = draws(each, over, arguments.draws, trial)
        mean = drawn.mean(axis=1, keepdims=True)
        free = draw_seeds(mean, [own[:, None] - mean for own in drawn.T], trial)
        held.append([within(reported(alone[None].mean(axis=1), one, over), truth)[0] for one in (mean, free)])
        spreads.append(alone.std(ddof=1))
    without, drawn_too = np.mean(held, axis=0)
    return [f"{groups} artists", str(seeds), f"{np.mean(spreads):.3f}", f"{without:.3f}", f"{drawn_too:.3f}"]


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=400, help="made-up data sets a row")
    parser.add_argument("--draws", type=int, default=400, help="bootstrap resamples of each")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table = Table(title=f"Share of {arguments.samples} '95 %' intervals that hold the truth", title_justify="left")
    for heading in ("music", "figure", "truth", "clips drawn", "groups, quantiles", "groups, as reported", "wider by"):
        table.add_column(heading)
    for groups, rare in ((180, False), (107, False), (107, True), (40, False), (12, False)):
        for row in coverage(groups, arguments, rare=rare):
            table.add_row(*row)
    Console(width=120).print(table)
    lucky = Table(title="Macro F1, the mean over seeds, as reported", title_justify="left")
    for heading in ("music", "seeds", "spread between seeds", "groups drawn", "groups and seeds drawn"):
        lucky.add_column(heading)
    for seeds in (3, 5):
        lucky.add_row(*coverage_of_seeds(107, seeds, arguments))
    Console(width=120).print(lucky)


if __name__ == "__main__":
    main()
