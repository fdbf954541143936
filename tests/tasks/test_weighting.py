"""How the losses of several labels become one: formulas, refusals, and what a run logs of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from running import train_quickly

from music_affect.contracts.errors import ConfigurationError
from music_affect.system import files
from music_affect.tasks.weighting import Balanced, Fixed, Uncertainty, Weighting

JOINT = {"genre": True, "valence": False, "energy": False}
LOSSES = {"genre": torch.tensor(2.0), "valence": torch.tensor(0.5), "energy": torch.tensor(1.5)}


def test_sum_counts_every_label_once() -> None:
    assert Fixed(JOINT)(LOSSES).item() == pytest.approx(4.0)


def test_fixed_multiplies_by_name_whatever_the_order() -> None:
    weights = {"energy": 0.5, "genre": 3.0, "valence": 0.0}
    assert Fixed(JOINT, weights)(LOSSES).item() == pytest.approx(6.75)


def test_balanced_lets_the_class_weigh_as_much_as_all_scales() -> None:
    assert Balanced(JOINT)(LOSSES).item() == pytest.approx(2.0 + (0.5 + 1.5) / 2)
    scales = {"valence": False, "energy": False}
    assert Balanced(scales)({name: LOSSES[name] for name in scales}).item() == pytest.approx(1.0)
    assert Balanced({"genre": True})({"genre": LOSSES["genre"]}).item() == pytest.approx(2.0)


def test_uncertainty_follows_its_formula() -> None:
    made = Uncertainty(JOINT)
    with torch.no_grad():
        made.log_variances.copy_(torch.tensor([0.2, -1.0, 0.7]))
    wanted = 2.0 * math.exp(-0.2) + 0.5 * math.exp(1.0) / 2 + 1.5 * math.exp(-0.7) / 2 + (0.2 - 1.0 + 0.7) / 2
    assert made(LOSSES).item() == pytest.approx(wanted)
    found = {name: float(value.detach()) for name, value in made.weights().items()}
    assert found == pytest.approx({"genre": math.exp(-0.2), "valence": math.e / 2, "energy": math.exp(-0.7) / 2})


def test_learned_weights_settle_where_each_label_contributes_alike() -> None:
    made = Uncertainty(JOINT)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.2)
    for _ in range(300):
        optimizer.zero_grad()
        made(LOSSES).backward()
        optimizer.step()
    for name, weight in made.weights().items():
        assert float(weight.detach() * LOSSES[name]) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("kind", [Fixed, Balanced])
def test_only_uncertainty_learns(kind: type[Weighting]) -> None:
    assert not list(kind(JOINT).parameters())
    assert not kind(JOINT).learned
    assert Uncertainty(JOINT).learned


@pytest.mark.parametrize(
    "weights",
    [{"genre": 1, "valence": 1}, {"genre": 1, "valence": 1, "enrgy": 1}, {**dict.fromkeys(JOINT, 1), "power": 1}],
)
def test_other_names_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="a weight of 0 or more for each of genre, valence, energy"):
        Fixed(JOINT, weights)


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"weighting\.weights=.*-1"):
        Fixed(JOINT, {"genre": 1, "valence": -1, "energy": 1})


def test_a_run_with_wrong_names_ends_with_the_reason(tmp_path: Path) -> None:
    words = ["task=affect", "weighting=fixed", "weighting.weights={valence:2,engery:1}"]
    with pytest.raises(ConfigurationError, match="for each of valence, energy, danceability"):
        train_quickly(tmp_path / "run", *words)


def test_learned_weights_are_logged_and_move(tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", "task=joint", "weighting=uncertainty", "optimizer.lr=0.02")
    history = files.read_csv(tmp_path / "run" / "metrics.csv")
    first = {"genre": 1.0, "valence": 0.5, "energy": 0.5, "danceability": 0.5}
    for name, start in first.items():
        logged = [float(row[f"weight/{name}"]) for row in history]
        assert len(set(logged)) == len(logged) == 3
        assert max(abs(value - start) for value in logged) > 1e-3
        tested = logged[metrics["weights"]["epoch"]]
        assert metrics["weighting"][name] == pytest.approx(tested, rel=1e-6)


def test_weights_that_are_not_learned_are_not_logged(tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", "task=affect", "trainer.max_epochs=1")
    assert metrics["weighting"] is None
    assert not [name for name in files.read_csv(tmp_path / "run" / "metrics.csv")[0] if name.startswith("weight/")]
