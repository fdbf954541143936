"""One step of a task with several labels: losses, figures, and which weights learn how fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from small_tasks import make_task, reading
from torch import Tensor, nn

from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ConfigurationError
from music_affect.tasks.base import Task, parameter_groups
from music_affect.tasks.classification import Classification
from music_affect.tasks.objective import Objective
from music_affect.tasks.regression import Regression
from music_affect.tasks.schedules import constant
from music_affect.tasks.weighting import Fixed, Weighting


class MeanFrame(nn.Module):
    """The mean frame, scaled by one weight each, as the embedding."""

    out_features = 3

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 1))

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        return spectrogram.sum(1) / lengths[:, None] * self.scale[:, 0]


def task(weighting: Weighting | None = None, **settings: float) -> Task:
    torch.manual_seed(0)
    objectives: Mapping[str, Objective] = {
        "genre": Classification(3, 4),
        "valence": Regression(3, 0.5, 0.2),
        "energy": Regression(3, 0.4, 0.1),
    }
    labels = {name: made.categorical for name, made in objectives.items()}
    optimizer = partial(torch.optim.AdamW, lr=0.5, weight_decay=0.1)
    return Task(MeanFrame(), objectives, weighting or Fixed(labels), optimizer, constant, "val/score", **settings)


def batch(size: int = 12) -> Batch:
    """Labels of all kinds; some of each are missing."""
    random = torch.Generator().manual_seed(1)
    targets = {
        "genre": torch.randint(0, 4, (size,), generator=random),
        "valence": torch.rand(size, generator=random),
        "energy": torch.rand(size, generator=random),
    }
    targets["genre"][0], targets["valence"][1], targets["energy"][:6] = -1, torch.nan, torch.nan
    return Batch(torch.randn(size, 5, 3, generator=random), torch.full((size,), 5), targets, torch.arange(size))


def epoch(made: Task, given: Batch) -> dict[str, float]:
    """Figures of an epoch of one batch."""
    made.training_step(given)
    record = made._open.pop("train")
    record.close()
    return made.scores(record)


def test_a_mixed_row_is_scored_as_the_clip_that_is_louder_in_it() -> None:
    values, partner = torch.tensor([0.1, 0.9, 0.3, 0.6, torch.nan]), torch.tensor([1, 0, 3, 4, 2])
    weight = torch.tensor([0.05, 0.02, 0.97, 1.0, 0.1])  # the first two are heard as one another, the last as the third
    heard = torch.tensor([0.9, 0.1, 0.3, 0.6, 0.32])
    given = Batch(heard[:, None, None], torch.ones(5, dtype=torch.int64), {"valence": values}, torch.arange(5))
    made = make_task({"valence": reading(0)})
    unmixed = epoch(made, given)
    figures = epoch(made, replace(given, partner=partner, weight=weight))
    assert figures["spearman"] == pytest.approx(1.0)
    assert figures["mae"] == pytest.approx(0.01 / 4, abs=1e-6), "two rows of one clip are averaged"
    assert unmixed["spearman"] < 0.5


def test_the_loss_is_that_of_the_labels_that_are_there_weighted() -> None:
    weights = {"genre": 1.0, "valence": 2.0, "energy": 0.5}
    made, given = task(Fixed({"genre": True, "valence": False, "energy": False}, weights)), batch()
    outputs = made(given.spectrogram, given.lengths)
    assert {name: output.shape for name, output in outputs.items()} == {
        "genre": (12, 4),
        "valence": (12, 1),
        "energy": (12, 1),
    }
    wanted = weights["genre"] * nn.functional.cross_entropy(outputs["genre"], given.targets["genre"], ignore_index=-1)
    for name, (mean, sd) in {"valence": (0.5, 0.2), "energy": (0.4, 0.1)}.items():
        there = given.targets[name].isfinite()
        values = (given.targets[name][there] - mean) / sd
        wanted = wanted + weights[name] * nn.functional.mse_loss(outputs[name][there, 0], values)
    torch.testing.assert_close(made.training_step(given), wanted)


def test_figures_of_several_labels_have_their_mean_and_their_names() -> None:
    given = batch()
    found = epoch(task(), given)
    assert found["f1_macro"] == found["genre/f1_macro"]
    assert found["spearman"] == pytest.approx((found["valence/spearman"] + found["energy/spearman"]) / 2)
    assert found["score"] == pytest.approx((found["f1_macro"] + found["spearman"]) / 2)
    assert {"genre/loss", "genre/accuracy", "valence/loss", "energy/rmse"} <= found.keys()


def test_a_figure_that_there_is_not_cannot_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    made = task()
    monkeypatch.setattr(made, "log_dict", lambda *figures, **settings: None)
    made.validation_step(batch())
    made.on_validation_epoch_end()
    made._monitor = "val/nothing"
    made.validation_step(batch())
    with pytest.raises(ConfigurationError, match=r"task\.monitor=val/nothing; expected one of val/loss, val/f1_macro"):
        made.on_validation_epoch_end()


def test_norms_biases_and_positions_are_not_decayed() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    module.position = nn.Parameter(torch.zeros(4, 4))  # type: ignore[assignment]
    decayed, plain = parameter_groups(module)
    assert [tuple(p.shape) for p in decayed["params"]] == [(3, 2)]
    assert plain["weight_decay"] == 0.0
    assert len(plain["params"]) == 4


def test_modules_share_groups_and_empty_groups_are_left_out() -> None:
    two = parameter_groups(nn.Linear(2, 3, bias=False), nn.Linear(3, 1, bias=False))
    assert [[tuple(p.shape) for p in group["params"]] for group in two] == [[(3, 2), (1, 3)]]
    assert parameter_groups(nn.ReLU()) == []


def test_the_backbone_learns_at_its_share_of_the_rate_and_every_weight_learns_once() -> None:
    made = task(backbone_rate=0.1)
    made._trainer = SimpleNamespace(estimated_stepping_batches=10, max_epochs=2)  # type: ignore[assignment]
    optimizer = made.configure_optimizers()["optimizer"]  # type: ignore[index,call-overload]
    rates = {parameter: group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
    assert rates[made.backbone.scale] == pytest.approx(0.05)
    assert {rates[parameter] for parameter in made.objectives.parameters()} == {0.5}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(rates) == len(list(made.parameters()))
