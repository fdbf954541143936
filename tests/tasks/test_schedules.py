"""Learning rates of every schedule in conf/scheduler: where they begin, peak and end, and after an interruption."""

from __future__ import annotations

import functools
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from running import compose
from torch import nn
from torch.optim import SGD, Adagrad, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from music_affect.configuration import compose as configuration
from music_affect.contracts.errors import ConfigurationError

SCHEDULES = sorted(path.stem for path in (configuration.conf_folder() / "scheduler").glob("*.yaml"))
BY_STEP = [name for name in SCHEDULES if name != "plateau"]
RATE, STEPS = 2.0, 100

# Rates of 100 steps by their number, as shares of the configured one; 100 is what stands after the last.
EXPECTED = {
    "constant": {0: 1.0, 50: 1.0, 99: 1.0, 100: 1.0},
    "none": {0: 1.0, 50: 1.0, 99: 1.0, 100: 1.0},
    "cosine": {0: 1.0, 50: 0.5, 100: 0.0},
    "exponential": {0: 1.0, 50: 0.1, 100: 0.01},
    "linear": {0: 1.0, 25: 0.75, 50: 0.5, 100: 0.0},
    "one_cycle": {0: 0.04, 29: 1.0, 100: 0.04 / 10_000},
    "step": {0: 1.0, 49: 1.0, 50: 0.1, 74: 0.1, 75: 0.01, 100: 0.01},
    "warmup_cosine": {0: 0.05, 19: 1.0, 60: 0.5, 100: 0.0},
}
PEAKS = {"warmup_cosine": 19, "one_cycle": 29}  # the others begin with theirs


def weights(kind: type[Optimizer] = SGD) -> Optimizer:
    """An optimizer of two groups, the first at a tenth of the second's rate, as a backbone may be."""
    first, second = [nn.Parameter(torch.zeros(1))], [nn.Parameter(torch.zeros(1))]
    groups: list[dict[str, Any]] = [{"params": first, "lr": RATE / 10}, {"params": second}]
    return kind(groups, lr=RATE)  # type: ignore[call-arg]


@functools.cache
def configured(*words: str) -> DictConfig:
    """Composed once: that takes longer than all the steps of a test."""
    return compose("train", *words)


def schedule(name: str, optimizer: Optimizer, *words: str, steps: int = STEPS) -> LRScheduler | ReduceLROnPlateau:
    """As a task makes it from the configuration."""
    cfg = configured(f"scheduler={name}", *words)
    made = instantiate(cfg.scheduler, _partial_=True, _convert_="all")(optimizer, total_steps=steps, epochs=10)
    assert isinstance(made, LRScheduler | ReduceLROnPlateau)
    return made


def advance(optimizer: Optimizer, made: LRScheduler | ReduceLROnPlateau, steps: int) -> list[list[float]]:
    """Rates of both groups at each of the next steps."""
    assert isinstance(made, LRScheduler)
    found = []
    for _ in range(steps):
        found.append([float(group["lr"]) for group in optimizer.param_groups])
        optimizer.step()
        made.step()
    return found


def rates(name: str, *words: str, steps: int = STEPS) -> list[float]:
    """Of the second group at every step of a run and after the last, as shares of the configured one."""
    optimizer = weights()
    found = advance(optimizer, schedule(name, optimizer, *words, steps=steps), steps)
    found.append([float(group["lr"]) for group in optimizer.param_groups])
    for first, second in found:
        assert first == pytest.approx(second / 10)
    return [second / RATE for _, second in found]


def test_the_shape_of_every_schedule_is_known() -> None:
    assert sorted(EXPECTED) == BY_STEP


@pytest.mark.parametrize("name", BY_STEP)
def test_rates_begin_turn_and_end_where_they_should(name: str) -> None:
    found = rates(name)
    assert {step: found[step] for step in EXPECTED[name]} == pytest.approx(EXPECTED[name], abs=1e-9)


@pytest.mark.parametrize("name", BY_STEP)
def test_rates_rise_to_the_configured_one_and_never_again(name: str) -> None:
    found, peak = rates(name)[:STEPS], PEAKS.get(name, 0)
    assert max(found) == pytest.approx(1.0)
    assert all(before < after for before, after in pairwise(found[: peak + 1]))
    assert all(before >= after for before, after in pairwise(found[peak:]))


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("name", BY_STEP)
def test_the_shortest_runs_have_rates_too(name: str, steps: int) -> None:
    found = rates(name, steps=steps)[:steps]
    assert all(math.isfinite(rate) and 0 <= rate <= 1 + 1e-9 for rate in found)
    assert found[0] > 0


@pytest.mark.parametrize("warmup", [0.05, 0.2, 0.25, 0.5, 0.95])
@pytest.mark.parametrize("steps", [1, 2, 4, 5, 20])
def test_one_cycle_is_never_without_a_phase(warmup: float, steps: int) -> None:
    found = rates("one_cycle", f"scheduler.warmup={warmup}", steps=steps)[:steps]
    assert all(math.isfinite(rate) and 0 < rate <= 1 for rate in found)


@pytest.mark.parametrize("kind", [SGD, Adagrad, AdamW])
def test_one_cycle_leaves_momentum_and_betas_as_they_are(kind: type[Optimizer]) -> None:
    optimizer = weights(kind)
    before = [{key: group.get(key) for key in ("momentum", "betas")} for group in optimizer.param_groups]
    advance(optimizer, schedule("one_cycle", optimizer), 50)
    assert [{key: group.get(key) for key in ("momentum", "betas")} for group in optimizer.param_groups] == before


@pytest.mark.parametrize(
    ("name", "words", "step", "share"),
    [
        ("exponential", ["scheduler.final=0.25"], 50, 0.5),
        ("step", ["scheduler.milestones=[0.1,0.2]", "scheduler.gamma=0.5"], 20, 0.25),
        ("one_cycle", ["scheduler.warmup=0.5", "scheduler.div_factor=2"], 0, 0.5),
        ("one_cycle", ["scheduler.warmup=0.5"], 49, 1.0),
        ("warmup_cosine", ["scheduler.warmup=0"], 0, 1.0),
        ("warmup_cosine", ["scheduler.warmup=0.5"], 49, 1.0),
    ],
)
def test_settings_change_the_shape(name: str, words: list[str], step: int, share: float) -> None:
    assert rates(name, *words)[step] == pytest.approx(share)


@pytest.mark.parametrize("stop", [0, 1, 37, 75])
@pytest.mark.parametrize("name", BY_STEP)
def test_a_resumed_run_has_the_rates_it_would_have_had(name: str, stop: int, tmp_path: Path) -> None:
    optimizer = weights()
    made = schedule(name, optimizer)
    advance(optimizer, made, stop)
    torch.save([optimizer.state_dict(), made.state_dict()], tmp_path / "state.pt")
    expected = advance(optimizer, made, STEPS - stop)
    optimizer = weights()
    made = schedule(name, optimizer)
    states = torch.load(tmp_path / "state.pt", weights_only=True)
    optimizer.load_state_dict(states[0])
    made.load_state_dict(states[1])
    assert advance(optimizer, made, STEPS - stop) == expected


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("scheduler=step scheduler.milestones=[30,40]", "scheduler.milestones holds 30"),
        ("scheduler=exponential scheduler.final=0", "scheduler.final holds 0"),
        ("scheduler=one_cycle scheduler.warmup=10", "scheduler.warmup holds 10"),
        ("scheduler=warmup_cosine scheduler.warmup=5", "scheduler.warmup holds 5"),
        ("scheduler=plateau scheduler.factor=2", "scheduler.factor holds 2"),
    ],
)
def test_what_is_no_share_of_the_run_is_refused(word: str, told: str) -> None:
    name, setting = word.split()
    with pytest.raises(ConfigurationError, match=told) as refused:
        schedule(name.removeprefix("scheduler="), weights(), setting)
    assert "a share above 0 and below 1; write 0.5 for one half" in str(refused.value)


def on_plateau(figures: list[float], *words: str) -> list[float]:
    """Rates of the second group after every epoch with such a figure, as shares of the configured one."""
    optimizer = weights()
    made = schedule("plateau", optimizer, *words)
    assert isinstance(made, ReduceLROnPlateau)
    found = []
    for figure in figures:
        made.step(figure)
        first, second = (float(group["lr"]) for group in optimizer.param_groups)
        assert first == pytest.approx(second / 10)
        found.append(second / RATE)
    return found


def test_a_plateau_lowers_the_rate_after_its_patience() -> None:
    found = on_plateau([0.1, 0.2, 0.3, *[0.3] * 6, *[0.29] * 6])
    assert found == pytest.approx([1.0] * 8 + [0.3] * 6 + [0.09])


def test_a_plateau_is_passed_by_a_better_figure() -> None:
    assert on_plateau([0.3, *[0.2] * 5, 0.4, *[0.2] * 5]) == [1.0] * 12


def test_a_plateau_goes_by_the_direction_of_the_task() -> None:
    words = ["scheduler.patience=1", "scheduler.factor=0.5"]
    falling = [1.0, 0.9, 0.8, 0.7]
    assert on_plateau(falling, *words)[-1] == 0.5
    assert on_plateau(falling, *words, "task.mode=min")[-1] == 1.0


def test_the_figure_of_a_plateau_is_that_of_the_task() -> None:
    cfg = compose("train", "scheduler=plateau")
    assert cfg.scheduler.mode == cfg.task.mode
    assert "monitor" not in cfg.scheduler
    assert cfg.scheduler.patience < cfg.callbacks.early_stopping.patience


def test_a_plateau_remembers_what_it_saw(tmp_path: Path) -> None:
    optimizer = weights()
    made = schedule("plateau", optimizer)
    for figure in (0.4, *[0.3] * 5):
        made.step(figure)  # type: ignore[arg-type]
    torch.save(made.state_dict(), tmp_path / "state.pt")
    resumed = schedule("plateau", optimizer)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.step(0.3)  # type: ignore[arg-type]
    assert optimizer.param_groups[1]["lr"] == pytest.approx(0.3 * RATE)
