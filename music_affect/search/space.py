"""The space of a search: which settings are varied, between which limits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from music_affect.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FIELDS = ("low", "high", "log", "step")
DIGITS = 4  # of a number in a trial's command: more of them tell nothing of a learning rate
_PLAIN = re.compile(r"[\w./+-]+")

Axis = Mapping[str, Any] | list[Any]
"""``{low, high, log, step}`` of a range, or the list of its choices."""


def axes(space: Mapping[str, Any]) -> dict[str, Axis]:
    """The axes of a space by setting, ``{"optimizer.lr": {"low": 1e-4, "high": 1e-2}}``.

    Args:
        space: nested like the settings themselves; null stands for a setting that is not varied.

    Raises:
        ConfigurationError: an axis is neither a range nor a list, or there is none.
    """
    found = dict(_flat(space))
    if not found:
        raise ConfigurationError(
            "search.space is empty",
            expected="a setting to be varied",
            fix="add one, as +search.space.loader.batch_size=[8,16]",
        )
    for name, axis in found.items():
        _check(name, axis)
    return found


def distributions(found: Mapping[str, Axis]) -> dict[str, BaseDistribution]:
    """Optuna's words for the axes; a choice is the word that stands for it on the command line."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    made: dict[str, BaseDistribution] = {}
    for name, axis in found.items():
        if isinstance(axis, list):
            made[name] = CategoricalDistribution([word(choice) for choice in axis])
        elif isinstance(axis["low"], int) and isinstance(axis["high"], int):
            made[name] = IntDistribution(axis["low"], axis["high"], log=_log(axis), step=axis.get("step") or 1)
        else:
            made[name] = FloatDistribution(axis["low"], axis["high"], log=_log(axis), step=axis.get("step"))
    return made


def overrides(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The words that give a trial its values, ``("optimizer.lr=0.00123", ...)``, in the order of the alphabet."""
    return tuple(f"{name}={_number(values[name])}" for name in sorted(values))


def examples(found: Mapping[str, Axis]) -> list[str]:
    """Words that name every choice, and the lower end of every range: for a check before any work."""
    return [
        f"{name}={','.join(map(word, axis)) if isinstance(axis, list) else axis['low']}" for name, axis in found.items()
    ]


def word(value: Any) -> str:
    """A value as it is written on a command line of Hydra."""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value)


def _number(value: Any) -> str:
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def _log(axis: Mapping[str, Any]) -> bool:
    return bool(axis.get("log", False))


def _flat(space: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in space.items():
        if isinstance(value, Mapping) and not value.keys() & {"low", "high"}:
            found += _flat(value, f"{prefix}{key}.")
        elif value is not None:
            found.append((f"{prefix}{key}", value))
    return found


def _check(name: str, axis: Any) -> None:
    if isinstance(axis, list):
        sound = len(axis) > 1
    elif isinstance(axis, Mapping):
        for field in axis:
            if field not in FIELDS:
                raise ConfigurationError(
                    f"search.space.{name}.{field}{did_you_mean(str(field), FIELDS)}",
                    expected=f"one of {', '.join(FIELDS)}",
                    fix="correct the word",
                )
        sound = _is_range(axis)
    else:
        sound = False
    if not sound:
        raise ConfigurationError(
            f"search.space.{name}={axis}",
            expected="{low: 1e-4, high: 1e-2, log: true} with low below high and, for log, above 0, or two choices "
            "and more like [8, 16]",
            fix="correct it, or leave the setting out with null",
        )


def _is_range(axis: Mapping[str, Any]) -> bool:
    ends = axis.get("low"), axis.get("high")
    if any(isinstance(end, bool) or not isinstance(end, int | float) for end in ends):
        return False
    step = axis.get("step")
    if step is not None and (_log(axis) or not step > 0):
        return False
    return bool(axis["low"] < axis["high"] and (axis["low"] > 0 or not _log(axis)))
