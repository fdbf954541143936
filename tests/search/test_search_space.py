"""The space of a search: what it understands, what it refuses, and the words it gives to a run."""

from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from music_affect.contracts.errors import ConfigurationError
from music_affect.sweep.search import space as spaces


def test_a_nested_space_is_read_by_setting_and_null_leaves_one_out() -> None:
    space = {
        "optimizer": {"lr": {"low": 1e-4, "high": 1e-2, "log": True}, "weight_decay": None},
        "model": {"net": {"num_layers": {"low": 1, "high": 3}}},
        "loader": {"batch_size": [8, 16]},
    }
    made = spaces.distributions(spaces.axes(space))
    assert made == {
        "optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
        "model.net.num_layers": IntDistribution(1, 3),
        "loader.batch_size": CategoricalDistribution(["8", "16"]),
    }


@pytest.mark.parametrize(
    ("axis", "told"),
    [
        ([8], "two choices and more"),
        ("interval(1,2)", "low below high"),
        ({"low": 2, "high": 1}, "low below high"),
        ({"low": 0.0, "high": 1.0, "log": True}, "above 0"),
        ({"low": 1}, "low below high"),
        ({"low": 1.0, "high": 2.0, "step": 0}, "low below high"),
        ({"low": 1.0, "high": 2.0, "logg": True}, "logg"),
    ],
)
def test_a_range_that_cannot_be_is_refused(axis: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        spaces.distributions(spaces.axes({"optimizer": {"lr": axis}}))
    assert "search.space.optimizer.lr" in str(caught.value)


def test_a_space_without_a_setting_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"search\.space is empty"):
        spaces.axes({"optimizer": None})


@pytest.mark.parametrize("value", [None, True, 8, 0.5, 1e-05, "relu", "until_epoch:5", "a b", [32, 64], ["relu", None]])
def test_hydra_reads_the_word_of_a_choice_as_that_choice(value: Any) -> None:
    override = OverridesParser.create().parse_override(f"some.setting={spaces.word(value)}")
    read = override.value()
    plain = [getattr(one, "text", one) for one in read] if isinstance(read, list) else getattr(read, "text", read)
    assert plain == value


def test_numbers_of_a_trial_are_short_and_in_the_order_of_the_alphabet() -> None:
    words = spaces.overrides({"optimizer.lr": 0.00123456789, "loader.batch_size": "8", "model.net.num_layers": 2})
    assert words == ("loader.batch_size=8", "model.net.num_layers=2", "optimizer.lr=0.001235")
