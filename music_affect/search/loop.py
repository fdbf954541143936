"""Ask and tell: batches of proposals are launched and their outcomes recorded until there are enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from music_affect.search.study import Proposal, Study

Launch = Callable[[Sequence[Proposal]], Sequence[float]]
"""Runs trials, and returns what each is worth; NaN where one has failed or was stopped."""


def search(study: Study, launch: Launch, *, trials: int, at_once: int, told: Callable[[int], None]) -> None:
    """Goes on until the study has its trials.

    Args:
        study: that remembers everything.
        launch: runs a batch.
        trials: in all, those of earlier processes included.
        at_once: trials a batch. A search that was cut off between two proposals of a batch first completes it, so that
            it ends like one that never stopped.
        told: is called with the number of every trial that ended.
    """
    while True:
        batch, made = study.unfinished(), len(study.trials)
        if not batch or made % at_once:
            batch += study.propose(max(0, min(at_once - made % at_once, trials - made)))
        if not batch:
            return
        for start in range(0, len(batch), at_once):
            _run(study, launch, batch[start : start + at_once], told)


def _run(study: Study, launch: Launch, batch: Sequence[Proposal], told: Callable[[int], None]) -> None:
    known = study.outcomes()
    fresh = {proposal.words: proposal for proposal in reversed(batch) if proposal.words not in known}
    first = sorted(fresh.values(), key=lambda proposal: proposal.number)
    if first:
        for proposal, value in zip(first, launch(first), strict=True):
            study.record(proposal, value)
            known[proposal.words] = proposal.number
    for proposal in batch:
        if proposal not in first:
            study.repeat(proposal, known[proposal.words])
        told(proposal.number)
