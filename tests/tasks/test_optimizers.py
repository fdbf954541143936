"""Every optimizer in conf/optimizer learns at the rate that it has by default, and says what its rate and decay are."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from running import compose
from torch import Tensor, nn
from torch.optim import Optimizer

from music_affect.configuration import compose as configuration
from music_affect.tasks.base import parameter_groups

OPTIMIZERS = sorted(path.stem for path in (configuration.conf_folder() / "optimizer").glob("*.yaml"))
SCALED = ["adadelta", "adagrad", "momentum", "sgd"]  # where the recipe's rate is multiplied by more than one
STEPS = 300


@functools.cache
def configured(*words: str) -> DictConfig:
    """Composed once: that takes longer than all the steps of a test."""
    return compose("train", *words)


def optimizer(name: str, net: nn.Module, *words: str) -> Optimizer:
    """As the training makes it, for a network with the recipe of ``model=cnn``: rate 2e-3, decay 1e-2."""
    cfg = configured(f"optimizer={name}", *(words or ["model=cnn"]))
    made = instantiate(cfg.optimizer, _partial_=True, _convert_="all")(parameter_groups(net))
    assert isinstance(made, Optimizer)
    return made


def small_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 1))


def losses(name: str, *words: str, steps: int = STEPS) -> list[float]:
    """Of a small network that learns a curved function of 8 numbers, before the first step and after each."""
    net = small_net()
    made = optimizer(name, net, *words)
    numbers = torch.randn(256, 8, generator=torch.Generator().manual_seed(1))
    values = torch.sin(numbers[:, :1]) + numbers[:, 1:2] * numbers[:, 2:3]
    found = []
    for _ in range(steps + 1):
        loss: Tensor = (net(numbers) - values / values.std()).square().mean()
        found.append(float(loss.detach()))
        made.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        made.step()
    return found


@pytest.mark.parametrize("model", ["cnn", "ast"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_learns_at_its_default_rate(name: str, model: str) -> None:
    found = losses(name, f"model={model}")
    assert all(math.isfinite(loss) for loss in found)
    assert found[-1] < 0.3 * found[0]


@pytest.mark.parametrize("name", SCALED)
def test_the_rate_of_the_recipe_would_be_too_low(name: str) -> None:
    assert losses(name, "model=cnn", "optimizer.lr=2e-3")[-1] > 2 * losses(name)[-1]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rate_and_decay_follow_the_recipe_and_the_command_line(name: str) -> None:
    net = small_net()
    usual, doubled = optimizer(name, net), optimizer(name, net, "model=cnn", "model.recipe.learning_rate=4e-3")
    own = optimizer(name, net, "model=cnn", "optimizer.lr=3e-4", "optimizer.weight_decay=0.5")
    assert doubled.defaults["lr"] == pytest.approx(2 * usual.defaults["lr"])
    assert doubled.defaults["weight_decay"] == usual.defaults["weight_decay"] > 0
    assert [group["lr"] for group in own.param_groups] == [3e-4, 3e-4]
    assert [group["weight_decay"] for group in own.param_groups] == [0.5, 0.0]  # norms and biases are not decayed


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_betas_are_those_of_the_recipe_where_there_are_any(name: str) -> None:
    made = optimizer(name, small_net(), "model=ast")
    assert tuple(made.defaults.get("betas", (0.9, 0.98))) == (0.9, 0.98)


def shrinking(name: str) -> float:
    """Share of a weight that decay takes away in all steps together, where the loss does not pull at it."""
    weight = nn.Parameter(torch.ones(4, 4))
    net = nn.Module()
    net.register_parameter("weight", weight)
    made = optimizer(name, net, "model=cnn", "model.recipe.weight_decay=0.1")
    for _ in range(50):
        weight.grad = torch.zeros_like(weight)
        made.step()
    return 1 - float(weight.detach().mean())


@pytest.mark.parametrize("name", ["sgd", "momentum", "nadam", "radam"])
def test_decay_shrinks_weights_as_much_as_adamw_does(name: str) -> None:
    assert shrinking(name) == pytest.approx(shrinking("adamw"), rel=0.2)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_file_says_where_decay_is_not_kept_apart_from_the_gradient(name: str) -> None:
    content = (configuration.conf_folder() / "optimizer" / f"{name}.yaml").read_text(encoding="utf-8")
    assert ("L2" in content) == (name != "adamw")


def test_momentum_may_be_classical() -> None:
    assert optimizer("momentum", small_net()).defaults["nesterov"] is True
    classical = losses("momentum", "model=cnn", "optimizer.nesterov=false")
    assert classical[-1] < 0.3 * classical[0]
    assert classical != losses("momentum")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_optimizer_goes_on_as_if_it_had_not_stopped(name: str, tmp_path: Path) -> None:
    net = small_net()
    made = optimizer(name, net)
    _steps(net, made, seeds=[1, 2, 3])
    torch.save({"net": net.state_dict(), "optimizer": made.state_dict()}, tmp_path / "last.ckpt")
    _steps(net, made, seeds=[4, 5])
    resumed = small_net()
    made = optimizer(name, resumed)
    content: dict[str, Any] = torch.load(tmp_path / "last.ckpt", weights_only=True)
    resumed.load_state_dict(content["net"])
    made.load_state_dict(content["optimizer"])
    _steps(resumed, made, seeds=[4, 5])
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), resumed.parameters(), strict=True))


def _steps(net: nn.Module, made: Optimizer, seeds: list[int]) -> None:
    for seed in seeds:
        numbers = torch.randn(16, 8, generator=torch.Generator().manual_seed(seed))
        made.zero_grad()
        net(numbers).square().mean().backward()
        made.step()


def test_times_is_a_multiple_of_another_figure() -> None:
    cfg = OmegaConf.create({"rate": 2e-3, "other": "${times:500,${rate}}", "share": "${times:0.5,${rate}}"})
    assert [cfg.other, cfg.share] == pytest.approx([1.0, 1e-3])
    cfg.rate = 1
    assert cfg.other == 500
