"""One epoch of one stage: what was predicted for every clip.

Predictions of a clip's windows are averaged before anything is scored.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from music_affect.contracts.batch import Batch
from music_affect.system.collectives import gathered, total

Terms = Mapping[str, tuple[Tensor, Tensor]]


class EpochRecord:
    """Collects the rows of an epoch and, once closed, holds one row a clip.

    Attributes:
        clips: places of the clips within the split, ascending, int64 [N]; set by ``close``.
        predictions: by label, mean over each clip's windows, float32 [N, C]; set by ``close``.
        targets: labels by name [N]; set by ``close``.
        losses: by label, mean over the rows that carry it, a scalar; set by ``close``.
    """

    clips: Tensor
    predictions: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]
    losses: Mapping[str, Tensor]

    def __init__(self) -> None:
        self._clips: list[Tensor] = []
        self._targets: list[Mapping[str, Tensor]] = []
        self._terms: list[dict[str, Tensor]] = []
        self._rows: list[dict[str, Tensor]] = []

    def add(self, batch: Batch, terms: Terms, rows: Mapping[str, Tensor]) -> None:
        """Takes a batch.

        Args:
            batch: whose labels and places are kept.
            terms: by label, losses and shares of each row [B], as an ``Objective`` gives them.
            rows: by label, predictions of each row [B, C].
        """
        self._clips.append(batch.clips)
        self._targets.append(batch.targets)
        self._terms.append({name: torch.stack(pair).detach().float().sum(dim=1) for name, pair in terms.items()})
        self._rows.append({name: values.detach().float() for name, values in rows.items()})

    def close(self) -> None:
        """Averages windows and forgets the single rows; those of all processes, where several share the epoch."""
        places = gathered(torch.cat(self._clips))
        self.clips, inverse, counts = torch.unique(places, return_inverse=True, return_counts=True)
        size, device = len(self.clips), places.device
        first = torch.empty_like(self.clips).scatter_(0, inverse, torch.arange(len(places), device=device))
        self.predictions = {}
        for name in self._rows[0]:
            rows = gathered(torch.cat([batch[name] for batch in self._rows]))
            summed = rows.new_zeros(size, rows.shape[1]).index_add_(0, inverse, rows)
            self.predictions[name] = summed / counts.unsqueeze(1)
        names = self._targets[0]
        labels = {name: gathered(torch.cat([targets[name] for targets in self._targets])) for name in names}
        self.targets = {name: values[first] for name, values in labels.items()}
        sums = {name: total(torch.stack([terms[name] for terms in self._terms]).sum(dim=0)) for name in self._terms[0]}
        self.losses = {name: mean_loss(losses, shares) for name, (losses, shares) in sums.items()}
        self._clips, self._targets, self._terms, self._rows = [], [], [], []


def mean_loss(losses: Tensor, shares: Tensor) -> Tensor:
    """Mean over the rows that carry a label, a scalar; 0 where none does.

    Args:
        losses: of the rows, 0 where the label is missing; of any shape.
        shares: of the same shape, 0 where the label is missing.
    """
    return losses.sum() / shares.sum().clamp(min=torch.finfo(losses.dtype).tiny)
