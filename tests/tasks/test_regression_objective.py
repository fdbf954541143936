"""A value on a scale: figures against scipy and scikit-learn, bounds, units, missing labels, mixtures, shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from small_tasks import after_testing, batches, make_task, reading
from torch import Tensor

from music_affect.contracts.errors import ConfigurationError, TrainingError
from music_affect.tasks.objective import Mixture
from music_affect.tasks.regression import NAMES, Regression

SIZES = [16, 16, 16, 9]


def split(seed: int = 3) -> tuple[Tensor, Tensor]:
    """Predictions and labels [57] that agree somewhat, with ties and levels that drift from batch to batch."""
    generator = torch.Generator().manual_seed(seed)
    drift = torch.arange(57) / 20
    labels = (torch.rand(57, generator=generator) + drift).round(decimals=1)
    return 0.3 * labels + torch.rand(57, generator=generator) - drift / 3, labels


def test_figures_equal_scipy_and_sklearn_over_the_whole_split() -> None:
    predicted, labels = split()
    task = make_task({"valence": reading(0)})
    record = after_testing(task, batches(predicted[:, None], {"valence": labels}, SIZES))
    found = task.scores(record)
    x, y = predicted.double().numpy(), labels.double().numpy()
    concordance = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    wanted = {
        "spearman": stats.spearmanr(x, y)[0],
        "pearson": stats.pearsonr(x, y)[0],
        "r2": r2_score(y, x),
        "mae": mean_absolute_error(y, x),
        "rmse": mean_squared_error(y, x) ** 0.5,
        "ccc": concordance,
    }
    assert found == {name: pytest.approx(value, abs=1e-5) for name, value in wanted.items()}
    by_batch = [stats.spearmanr(x[i : i + 16], y[i : i + 16])[0] for i in range(0, 57, 16)]
    assert abs(np.mean(by_batch) - found["spearman"]) > 0.05, "batches that would not tell the two ways apart"


def test_clips_without_the_label_are_left_out_of_every_figure() -> None:
    predicted, labels = split()
    there = torch.arange(57) % 3 != 0
    objective = reading(0)
    wanted = objective.scores(predicted[there, None], labels[there])
    assert objective.scores(predicted[:, None], labels.where(there, torch.nan)) == wanted
    assert wanted["spearman"] != objective.scores(predicted[:, None], labels)["spearman"]


@pytest.mark.parametrize("bounded", [True, False])
def test_constant_predictions_count_as_no_correlation(bounded: bool) -> None:
    made = Regression(2, mean=0.4, sd=0.2, low=0.0, high=1.0, bounded=bounded)
    labels = torch.tensor([0.1, 0.9, 0.4, 0.6])
    figures = made.scores(made.predict(torch.zeros(4, 1)), labels)
    assert [figures[name] for name in ("spearman", "pearson", "ccc")] == [0.0, 0.0, 0.0]
    assert figures["r2"] == pytest.approx(r2_score(labels, np.full(4, 0.4)), abs=1e-5)
    assert figures["mae"] == pytest.approx(0.25)


@pytest.mark.parametrize("step", [1e-7, 1e-5, 1e-3])
def test_predictions_that_hardly_move_give_numbers(step: float) -> None:
    labels = torch.tensor([0.1, 0.9, 0.4, 0.6])
    figures = reading(0).scores(0.5 + step * torch.arange(4)[:, None], labels)
    assert all(np.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("labels", [[], [0.3], [torch.nan] * 3, [0.4, 0.4, 0.4]])
def test_a_split_that_allows_no_correlation_gives_zeros(labels: list[float]) -> None:
    figures = reading(0).scores(torch.rand(len(labels), 1), torch.tensor(labels))
    assert tuple(figures) == NAMES
    assert [figures[name] for name in ("spearman", "pearson", "r2", "ccc")] == [0.0] * 4


@pytest.mark.parametrize(("low", "high", "mean", "sd"), [(0, 1, 0.6, 0.2), (1, 9, 4.0, 1.5), (-1, 1, 0.0, 0.4)])
def test_a_bounded_output_has_value_and_slope_of_the_unbounded_one_at_zero(
    low: float, high: float, mean: float, sd: float
) -> None:
    z = torch.zeros(1, 1, requires_grad=True)
    value = Regression(2, mean, sd, low, high).predict(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    assert value.item() == pytest.approx(mean, abs=1e-6)
    assert slope.item() == pytest.approx(sd, rel=1e-5)


@pytest.mark.parametrize("mean", [0.0, 0.001, 0.5, 1.0])
def test_a_bounded_output_stays_inside_and_can_still_learn_at_the_ends(mean: float) -> None:
    made = Regression(2, mean, 0.2, 0.0, 1.0)
    z = torch.tensor([[-1e6], [-5.0], [0.0], [5.0], [1e6]], requires_grad=True)
    values = made.predict(z)
    assert bool(((values >= 0) & (values <= 1)).all())
    assert values[0] == 0.0
    assert values[-1] == 1.0
    (slope,) = torch.autograd.grad(values.sum(), z)
    assert slope[2] > 0.05


@pytest.mark.parametrize("ends", [(None, None), (0.0, None), (None, 1.0)])
def test_a_scale_without_two_ends_is_not_bounded(ends: tuple[float | None, float | None]) -> None:
    values = Regression(2, 0.5, 0.2, *ends).predict(torch.tensor([[-50.0], [50.0]]))
    assert values[:, 0].tolist() == pytest.approx([-9.5, 10.5])


def test_what_is_learnt_is_standardised_and_what_is_given_back_is_not() -> None:
    made = Regression(2, mean=120.0, sd=15.0)
    z = torch.tensor([[-1.0], [0.0], [2.0]])
    assert made.predict(z)[:, 0].tolist() == [105.0, 120.0, 150.0]
    losses, _ = made.losses(z, torch.tensor([105.0, 135.0, 120.0]), None)
    assert losses.tolist() == [0.0, 1.0, 4.0]


def test_mean_and_spread_travel_with_the_weights() -> None:
    fresh = Regression(2)
    fresh.load_state_dict(Regression(2, mean=120.0, sd=15.0).state_dict())
    assert fresh.predict(torch.ones(1, 1)).item() == 135.0


@pytest.mark.parametrize("loss", ["mse", "huber", "ccc"])
def test_a_missing_label_gives_no_gradient_and_no_share(loss: str) -> None:
    labels = torch.tensor([0.2, torch.nan, 0.9, 0.5, torch.nan])
    there = labels.isfinite()
    made = Regression(3, 0.5, 0.2, 0.0, 1.0, loss=loss)
    output = made(torch.randn(5, 3, generator=torch.Generator().manual_seed(0)))
    losses, shares = made.losses(output, labels, None)
    (gradient,) = torch.autograd.grad(losses.sum(), output)
    assert torch.equal(shares, there.float())
    assert not losses[~there].any()
    assert not gradient[~there].any()
    assert bool(gradient[there].all())
    alone, _ = made.losses(output[there], labels[there], None)
    assert torch.equal(losses[there], alone)


@pytest.mark.parametrize("loss", ["mse", "huber", "ccc"])
def test_a_batch_without_the_label_costs_nothing(loss: str) -> None:
    output = torch.zeros(3, 1, requires_grad=True)
    losses, shares = Regression(2, loss=loss).losses(output, torch.full((3,), torch.nan), None)
    assert losses.tolist() == shares.tolist() == [0.0, 0.0, 0.0]


def test_mixed_rows_are_learnt_towards_the_blend_of_their_labels() -> None:
    made, labels = Regression(2), torch.tensor([1.0, 3.0, torch.nan])
    mixture = Mixture(partner=torch.tensor([1, 0, 2]), weight=torch.tensor([0.75, 1.0, 0.5]))
    losses, shares = made.losses(torch.zeros(3, 1), labels, mixture)
    assert losses.tolist() == [1.5**2, 9.0, 0.0]
    assert shares.tolist() == [1.0, 1.0, 0.0]


def test_a_mixed_row_without_its_own_label_is_learnt_by_the_share_of_its_partner() -> None:
    made, labels = Regression(2), torch.tensor([2.0, torch.nan])
    mixture = Mixture(partner=torch.tensor([1, 0]), weight=torch.tensor([0.75, 0.75]))
    losses, shares = made.losses(torch.zeros(2, 1), labels, mixture)
    assert losses.tolist() == [0.75 * 4.0, 0.25 * 4.0]
    assert shares.tolist() == [0.75, 0.25]


@pytest.mark.parametrize("shape", [(4, 1), (1, 4), (1,), (5,)])
def test_labels_of_another_shape_are_refused_instead_of_broadcast(shape: tuple[int, ...]) -> None:
    with pytest.raises(TrainingError, match="would be broadcast, and the mean be learnt") as caught:
        Regression(2).losses(torch.zeros(4, 1), torch.zeros(shape), None)
    assert f"values of shape [4] against labels of shape {list(shape)}" in caught.value.found


def test_half_precision_outputs_are_ranked_as_single_precision() -> None:
    made = Regression(1, mean=100.0, sd=1.0).half()
    torch.nn.init.ones_(made.head.weight)
    torch.nn.init.zeros_(made.head.bias)
    embedding = torch.linspace(-0.01, 0.01, 32)[:, None].half()
    assert len(set(made.predict(made(embedding))[:, 0].tolist())) == len(set(embedding[:, 0].tolist())) > 20


@pytest.mark.parametrize("bounded", [True, False])
def test_double_precision_stays_double(bounded: bool) -> None:
    made = Regression(2, mean=0.4, sd=0.2, low=0.0, high=1.0, bounded=bounded).double()
    labels = torch.tensor([0.1, torch.nan, 0.9], dtype=torch.float64)
    losses, shares = made.losses(torch.zeros(3, 1, dtype=torch.float64), labels, None)
    assert losses.tolist() == pytest.approx([1.5**2, 0.0, 2.5**2], rel=1e-7)  # more than single precision has
    assert (losses.dtype, shares.tolist()) == (torch.float64, [1.0, 0.0, 1.0])


def test_an_unknown_loss_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"loss=hubert, did you mean 'huber'\?; expected one of mse, huber"):
        Regression(2, loss="hubert")
