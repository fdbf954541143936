"""False and true findings of comparing the systems of a sweep, by simulation: the report's ways beside neighbours'.

    python -m benchmarks.comparisons
    python -m benchmarks.comparisons --samples 1000

Ten systems answer the same 300 clips of 150 artists, or of fewer. What they get wrong has a part that all share
(of the artist and of the clip) and parts of their own, so that their errors resemble one another as those of networks
trained on the same clips do. The truth of a system is the mean of its score over all simulated sweeps.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import ndtri

from music_affect.contracts.confusion import confusions, headlines
from music_affect.evaluation.intervals import Counts, Floats, draws
from music_affect.evaluation.sweep_report.comparison import compare
from music_affect.evaluation.tables import UNKNOWN
from music_affect.evaluation.units import Units, units

CLIPS, CLASSES, SYSTEMS = 300, 4, 10
SHARED_ARTIST, SHARED_CLIP, OWN_ARTIST = (
    0.15,
    0.45,
    0.1,
)  # shares of the variance of an error; the rest is the clip's own
LEVEL = 0.05
Flags = NDArray[np.bool_]
SWEEPS = {
    "ten equal": np.full(SYSTEMS, 0.6),
    "even steps, 0.14 in all": np.linspace(0.67, 0.53, SYSTEMS),
    "one above nine by 0.08": np.array([0.66, *[0.58] * (SYSTEMS - 1)]),
}


@dataclass(frozen=True)
class Sweep:
    """Scores of the systems of one simulated sweep, with their draws.

    Args:
        scores: macro F1, [K].
        drawn: over draws of artists, [R, K].
        over: the artists.
    """

    scores: Floats
    drawn: Floats
    over: Units


@dataclass(frozen=True)
class Findings:
    """What is found in one sweep.

    Args:
        in_set: whether each system may be the best, [K].
        studentised: the same, from differences that are divided by their spreads.
        pairs: whether each system is found better than each other one, [K, K].
        neighbours: the same, where only neighbours by score are compared.
        optimism: that is expected of the highest score.
    """

    in_set: Flags
    studentised: Flags
    pairs: Flags
    neighbours: Flags
    optimism: float


def simulate(skills: Floats, artists: int, draws_each: int, trial: int) -> Sweep:
    """Draws a sweep of systems of such true accuracies, which are their macro F1 as well but for small samples."""
    rng = np.random.default_rng([trial, artists])
    of = np.concatenate([np.arange(artists), rng.integers(0, artists, CLIPS - artists)])
    truth = of % CLASSES

    def normal(share: float, *size: int) -> Floats:
        return np.asarray(np.sqrt(share) * rng.normal(size=size), np.float64)

    own = 1 - SHARED_ARTIST - SHARED_CLIP - OWN_ARTIST
    hard = normal(SHARED_ARTIST, artists)[of][:, None] + normal(SHARED_CLIP, CLIPS)[:, None]
    hard = hard + normal(OWN_ARTIST, artists, len(skills))[of] + normal(own, CLIPS, len(skills))
    wrong = (truth[:, None] + rng.integers(1, CLASSES, (CLIPS, len(skills)))) % CLASSES
    predicted = np.where(hard < ndtri(skills), truth[:, None], wrong)

    def figures(counts: Counts) -> Floats:
        found = [headlines(confusions(truth, chosen, CLASSES, counts))[:, 0] for chosen in predicted.T]
        return np.asarray(np.stack(found, axis=1), np.float64)

    over = units([str(artist) for artist in of])
    return Sweep(figures(np.ones((1, CLIPS), np.int64))[0], draws(figures, over, draws_each, trial), over)


def findings(sweep: Sweep) -> Findings:
    """What the report finds, and what neighbours compared by Holm's method find."""
    found = compare(sweep.scores, sweep.drawn, sweep.over.count - 1)
    pairs = found.difference > found.critical
    return Findings(found.may_be_best, studentised(sweep), pairs, neighbours(sweep), found.optimism)


def studentised(sweep: Sweep) -> Flags:
    """The set of the best, [K], had each difference been divided by its spread over the draws."""
    freedom = sweep.over.count - 1
    chi = np.sqrt(np.random.default_rng(0).chisquare(freedom, len(sweep.drawn)) / freedom)
    held = []
    for place, score in enumerate(sweep.scores):
        apart = np.delete(sweep.drawn - sweep.drawn[:, [place]], place, axis=1)
        above = np.delete(sweep.scores - score, place)
        spread, errors = apart.std(axis=0), (apart - apart.mean(axis=0)) / chi[:, None]
        held.append((above / spread).max() <= np.quantile((errors / spread).max(axis=1), 1 - LEVEL))
    return np.array(held)


def neighbours(sweep: Sweep) -> Flags:
    """The baseline: each system against the next by score, p values from the tails of the draws, corrected by Holm.

    Reference:
        Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics, 1979.
    """
    order = np.argsort(-sweep.scores, kind="stable")
    pairs = list(itertools.pairwise(order))
    apart = [sweep.drawn[:, upper] - sweep.drawn[:, lower] for upper, lower in pairs]
    tails = [2 * (1 + min((one <= 0).sum(), (one >= 0).sum())) / (1 + len(one)) for one in apart]
    found, held = np.zeros((len(order), len(order)), np.bool_), True
    for rank, place in enumerate(np.argsort(tails, kind="stable")):
        held = held and (len(pairs) - rank) * tails[place] < LEVEL
        found[pairs[place]] = held
    return found


def row(skills: Floats, artists: int, arguments: argparse.Namespace) -> list[str]:
    """Shares of sweeps, and the optimism that was expected beside what it was."""
    sweeps = [simulate(skills, artists, arguments.draws, trial) for trial in range(arguments.samples)]
    found = [findings(sweep) for sweep in sweeps]
    scores = np.array([sweep.scores for sweep in sweeps])
    # Equal skills have equal truths, so they are averaged together.
    truths = np.array([scores[:, skills == skill].mean() for skill in skills])
    best, last, first = skills == skills.max(), skills.argmin(), skills.argmax()
    false = ~(skills[:, None] > skills)  # a finding between these is wrong
    real = np.mean([sweep.max() - truths[sweep.argmax()] for sweep in scores])
    plugged = np.mean([plain(sweep) for sweep in sweeps])
    return [
        f"{artists}",
        f"{np.mean([one.in_set[first] for one in found]):.3f}",
        f"{np.mean([one.studentised[first] for one in found]):.3f}",
        f"{np.mean([one.in_set.sum() for one in found]):.1f}",
        *(f"{np.mean([(pairs & false).any() for pairs in kind]):.3f}" for kind in kinds(found)),
        *(UNKNOWN if best.all() else chances(kind, int(last), skills) for kind in kinds(found)),
        f"{real:.4f}",
        f"{np.mean([one.optimism for one in found]):.4f}",
        f"{plugged:.4f}",
    ]


def kinds(found: list[Findings]) -> tuple[list[Flags], list[Flags]]:
    """Findings of neighbours, then of all pairs."""
    return [one.neighbours for one in found], [one.pairs for one in found]


def chances(kind: list[Flags], last: int, skills: Floats) -> str:
    """Share of sweeps in which the last system is found below any other, and share of all true differences found."""
    true = skills[:, None] > skills
    below = np.mean([pairs[:, last].any() for pairs in kind])
    return f"{below:.3f}, {np.mean([pairs[true].mean() for pairs in kind]):.3f}"


def plain(sweep: Sweep) -> float:
    """Optimism as the bootstrap alone has it, the scores being taken for the true values."""
    errors = sweep.drawn - sweep.drawn.mean(axis=0)
    return float(errors[np.arange(len(errors)), (sweep.scores + errors).argmax(axis=1)].mean())


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=300, help="simulated sweeps a row")
    parser.add_argument("--draws", type=int, default=400, help="bootstrap resamples of each")
    arguments = parser.parse_args()
    for name, skills in SWEEPS.items():
        table = Table(title=f"{SYSTEMS} systems: {name}; shares of {arguments.samples} sweeps", title_justify="left")
        for heading in (
            "artists", "best in set", "the same, studentised", "size of set", "false: neighbours", "false: pairs",
            "true: neighbours (last row, all)", "true: pairs (last row, all)",
            "optimism", "expected", "bootstrap alone",
        ):  # fmt: skip
            table.add_column(heading)
        for artists in (150, 40, 12):
            table.add_row(*row(skills, artists, arguments))
        Console(width=160).print(table)


if __name__ == "__main__":
    main()
