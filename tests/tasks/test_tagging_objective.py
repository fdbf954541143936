"""Tags: loss, mixtures, missing labels and figures against their definitions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.classification import multilabel_auroc, multilabel_average_precision

from music_affect.tasks.objective import Mixture
from music_affect.tasks.tagging import Tagging


def rows(size: int = 8) -> tuple[Tagging, Tensor, Tensor]:
    """An objective for four tags, its outputs [B, 4] and labels [B, 4], of which that of row 1 is missing."""
    torch.manual_seed(0)
    labels = torch.randint(0, 2, (size, 4)).float()
    labels[1] = torch.nan
    made = Tagging(3, 4)
    return made, made(torch.randn(size, 3)), labels


def test_the_loss_is_binary_cross_entropy_and_a_missing_label_costs_nothing() -> None:
    made, output, labels = rows()
    losses, shares = made.losses(output, labels, None)
    there = torch.arange(8) != 1
    expected = F.binary_cross_entropy_with_logits(output[there], labels[there])
    assert torch.isclose(losses.sum() / shares.sum(), expected)
    assert (losses[1], shares[1]) == (0, 0)
    losses.sum().backward()
    assert all(bool(parameter.grad.isfinite().all()) for parameter in made.parameters() if parameter.grad is not None)


def test_a_mixed_row_costs_as_much_as_both_labels_by_their_shares() -> None:
    made, output, labels = rows()
    partner, weight = torch.arange(8).flip(0), torch.full((8,), 0.7)
    mixed, shares = made.losses(output, labels, Mixture(partner, weight))
    own, other = (made.losses(output, side, None) for side in (labels, labels[partner]))
    assert torch.allclose(mixed, 0.7 * own[0] + 0.3 * other[0])
    assert shares[[1, 6]].tolist() == pytest.approx([0.3, 0.7])


def test_figures_equal_torchmetrics_over_the_clips_with_a_label() -> None:
    made, output, labels = rows(40)
    probabilities, there = made.predict(output.detach()), torch.arange(40) != 1
    sides = probabilities[there], labels[there].long()
    found = made.scores(probabilities, labels)
    assert found["average_precision"] == pytest.approx(float(multilabel_average_precision(*sides, 4)), abs=1e-6)
    assert found["roc_auc"] == pytest.approx(float(multilabel_auroc(*sides, 4)), abs=1e-6)
    assert torch.equal(made.answers(probabilities), probabilities)


@pytest.mark.parametrize("label", [1.0, torch.nan])
def test_where_no_tag_can_be_scored_the_figures_are_zero(label: float) -> None:
    made, output, _ = rows()
    assert made.scores(made.predict(output.detach()), torch.full((8, 4), label)) == {
        "average_precision": 0.0,
        "roc_auc": 0.0,
    }
