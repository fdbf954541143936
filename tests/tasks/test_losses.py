"""What a wrong value costs, against the definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from music_affect.tasks.losses import LOSSES, concordance, value_losses


def rows(size: int = 20) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    labels = torch.randn(size, generator=generator, dtype=torch.float64)
    return (0.5 * labels + torch.randn(size, generator=generator, dtype=torch.float64)), labels


def test_mse_is_the_squared_distance() -> None:
    predicted, labels = rows()
    assert torch.allclose(value_losses("mse", predicted, labels), (predicted - labels) ** 2)
    assert torch.isclose(value_losses("mse", predicted, labels).mean(), F.mse_loss(predicted, labels))


def test_huber_is_squared_up_to_one_deviation_and_linear_beyond() -> None:
    distance = torch.tensor([0.0, 0.5, -1.0, 3.0, -10.0])
    wanted = torch.tensor([0.0, 0.125, 0.5, 2.5, 9.5])
    assert torch.allclose(value_losses("huber", distance, torch.zeros(5)), wanted)


def test_ccc_is_one_minus_the_concordance_of_the_batch() -> None:
    predicted, labels = rows()
    x, y = predicted.numpy(), labels.numpy()
    wanted = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert concordance(predicted, labels).item() == pytest.approx(wanted)
    losses = value_losses("ccc", predicted, labels)
    assert losses.shape == (20,)
    assert losses.mean().item() == pytest.approx(1 - wanted)


def test_concordance_knows_agreement_opposition_and_shift() -> None:
    _, labels = rows()
    centred = labels - labels.mean()
    assert concordance(labels, labels).item() == pytest.approx(1)
    assert concordance(-centred, centred).item() == pytest.approx(-1)
    assert concordance(labels + 1, labels) < 0.9 * concordance(labels, labels)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_that_of_the_formula(name: str) -> None:
    predicted, labels = rows(6)
    assert torch.autograd.gradcheck(lambda given: value_losses(name, given, labels), predicted.requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [1, 3])
def test_constants_and_single_rows_give_finite_losses_and_gradients(name: str, size: int) -> None:
    predicted = torch.full((size,), 0.5, requires_grad=True)
    losses = value_losses(name, predicted, torch.full((size,), 0.5))
    (gradient,) = torch.autograd.grad(losses.sum(), predicted)
    assert bool(losses.isfinite().all())
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("name", LOSSES)
def test_a_few_steps_lower_the_loss(name: str) -> None:
    predicted, labels = rows()
    predicted.requires_grad_()
    optimizer = torch.optim.Adam([predicted], lr=0.1)
    first = value_losses(name, predicted, labels).mean().item()
    for _ in range(50):
        predicted.grad = torch.autograd.grad(value_losses(name, predicted, labels).mean(), predicted)[0]
        optimizer.step()
    assert value_losses(name, predicted, labels).mean().item() < 0.1 * first


@pytest.mark.parametrize("name", LOSSES)
def test_a_missing_label_costs_nothing_and_changes_nothing_for_the_others(name: str) -> None:
    predicted, labels = rows(6)
    predicted.requires_grad_()
    gaps = torch.tensor([True, False, True, True, False, True])
    losses = value_losses(name, predicted, torch.where(gaps, labels, torch.nan))
    alone = predicted.detach()[gaps].requires_grad_()
    torch.testing.assert_close(losses[gaps], value_losses(name, alone, labels[gaps]))
    assert losses[~gaps].tolist() == [0.0, 0.0]
    (slope,) = torch.autograd.grad(losses.sum(), predicted)
    (expected,) = torch.autograd.grad(value_losses(name, alone, labels[gaps]).sum(), alone)
    torch.testing.assert_close(slope[gaps], expected)
    assert slope[~gaps].tolist() == [0.0, 0.0]
    assert value_losses(name, predicted, torch.full_like(labels, torch.nan)).tolist() == [0.0] * 6
