"""One epoch of one stage: what was predicted for every clip.

Predictions of a clip's windows are averaged before anything is scored.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from music_affect.batch import Batch


class EpochRecord:
    """Collects the rows of an epoch and, once closed, holds one row a clip.

    Attributes:
        clips: places of the clips within the split, ascending, int64 [N]; set by ``close``.
        predictions: mean over each clip's windows, float32 [N, C]; set by ``close``.
        targets: labels by target name [N]; set by ``close``.
        loss: mean over the rows; set by ``close``.
    """

    clips: Tensor
    predictions: Tensor
    targets: Mapping[str, Tensor]
    loss: float

    def __init__(self) -> None:
        self._clips: list[Tensor] = []
        self._targets: list[Mapping[str, Tensor]] = []
        self._losses: list[Tensor] = []
        self._rows: list[Tensor] = []

    def add(self, batch: Batch, losses: Tensor, rows: Tensor) -> None:
        """Takes a batch.

        Args:
            batch: whose labels and places are kept.
            losses: of each row [B].
            rows: predictions of each row [B, C].
        """
        self._clips.append(batch.clips)
        self._targets.append(batch.targets)
        self._losses.append(losses.detach().float())
        self._rows.append(rows.detach().float())

    def close(self) -> None:
        """Averages windows and forgets the single rows."""
        places = torch.cat(self._clips)
        rows = torch.cat(self._rows)
        self.clips, inverse, counts = torch.unique(places, return_inverse=True, return_counts=True)
        total = rows.new_zeros(len(self.clips), rows.shape[1]).index_add_(0, inverse, rows)
        self.predictions = total / counts.unsqueeze(1)
        first = torch.empty_like(self.clips).scatter_(0, inverse, torch.arange(len(places), device=places.device))
        names = self._targets[0]
        self.targets = {name: torch.cat([targets[name] for targets in self._targets])[first] for name in names}
        self.loss = float(torch.cat(self._losses).mean())
        self._clips, self._targets, self._losses, self._rows = [], [], [], []
