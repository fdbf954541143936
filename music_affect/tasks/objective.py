"""One label's share of a task: head, loss, prediction and figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Mixture:
    """How mixup blended the rows of a batch.

    Args:
        partner: row that each row was mixed with, int64 [B].
        weight: share of the row itself, float32 [B]; the partner's is the rest.
    """

    partner: Tensor
    weight: Tensor


class Objective(nn.Module, ABC):
    """Predicts one label from an embedding.

    A clip may lack the label; it then teaches nothing here and is not scored here.

    Args:
        in_features: D, the size of the embedding.
        outputs: numbers that the head gives a row.

    Attributes:
        categorical: the label is a class or tags, not a value on a scale.
        decides: name of the figure that a choice between models goes by.
    """

    categorical: bool
    decides: str

    def __init__(self, in_features: int, outputs: int) -> None:
        super().__init__()
        self.head = nn.Linear(in_features, outputs)

    def forward(self, embedding: Tensor) -> Tensor:
        """Outputs [B, C] for embeddings [B, D], in single precision at least: here half precision ends.

        Losses would lose digits in it, and the ranks of predictions would tie.
        """
        output: Tensor = self.head(embedding)
        return output.to(torch.promote_types(output.dtype, torch.float32))

    @abstractmethod
    def losses(self, output: Tensor, labels: Tensor, mixture: Mixture | None) -> tuple[Tensor, Tensor]:
        """What each row costs.

        Args:
            output: of the head, [B, C].
            labels: [B], of tags [B, C], some of which may be missing.
            mixture: of the rows, or None where nothing was mixed.

        Returns:
            Losses [B] and their shares [B]: 0 where the label is missing, 1 where it is there. The loss of a batch is
            the sum of the losses over the sum of the shares.
        """

    @abstractmethod
    def predict(self, output: Tensor) -> Tensor:
        """What is averaged over a clip's windows and scored: probabilities [B, C] or values [B, 1]."""

    @abstractmethod
    def answers(self, means: Tensor) -> Tensor:
        """What is said of clips: probabilities [N, C] or values [N], of the means over their windows, [N, C]."""

    @abstractmethod
    def scores(self, predictions: Tensor, labels: Tensor) -> dict[str, float]:
        """Figures over whole clips, those without the label left out.

        Args:
            predictions: as ``predict`` gives them [N, C].
            labels: [N], of tags [N, C].
        """
