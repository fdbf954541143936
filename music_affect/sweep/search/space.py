"""The space of a search: which settings are varied, between which limits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from music_affect.contracts.errors import ConfigurationError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DIGITS = 4  # of a number in a trial's command: more of them tell nothing of a learning rate
_PLAIN = re.compile(r"[\w./+-]+")

Axis = Mapping[str, Any] | list[Any]
"""``{low, high, log, step}`` of a range, or the list of its choices."""


def axes(space: Mapping[str, Any]) -> dict[str, Axis]:
    """The axes of a space by setting, ``{"optimizer.lr": {"low": 1e-4, "high": 1e-2}}``.

    Args:
        space: nested like the settings themselves; null stands for a setting that is not varied.

    Raises:
        ConfigurationError: there is none.
    """
    found = dict(_flat(space))
    if not found:
        raise ConfigurationError(
            "search.space is empty",
            expected="a setting to be varied",
            fix="add one, as +search.space.loader.batch_size=[8,16]",
        )
    return found


def distributions(found: Mapping[str, Axis]) -> dict[str, BaseDistribution]:
    """Optuna's distributions of the axes; a choice is the text that stands for it on the command line.

    Raises:
        ConfigurationError: an axis is neither a range nor a list of several choices.
    """
    return {name: _distribution(name, axis) for name, axis in found.items()}


def _distribution(name: str, axis: Any) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    try:
        if isinstance(axis, list) and len(axis) > 1:
            return CategoricalDistribution([word(choice) for choice in axis])
        given = {field: value for field, value in axis.items() if value is not None}
        whole = isinstance(given["low"], int) and isinstance(given["high"], int)
        return IntDistribution(**given) if whole else FloatDistribution(**given)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"search.space.{name}={axis} ({error})",
            expected="{low: 1e-4, high: 1e-2, log: true} with low below high and, for log, above 0, or two choices "
            "and more like [8, 16]",
            fix="correct it, or leave the setting out with null",
        ) from error


def overrides(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The overrides that give a trial its values, ``("optimizer.lr=0.00123", ...)``, in alphabetical order."""
    return tuple(f"{name}={_number(values[name])}" for name in sorted(values))


def examples(found: Mapping[str, Axis]) -> list[str]:
    """Overrides that name every choice, and the lower end of every range: for a check before any work."""
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


def _flat(space: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in space.items():
        if isinstance(value, Mapping) and not value.keys() & {"low", "high"}:
            found += _flat(value, f"{prefix}{key}.")
        elif value is not None:
            found.append((f"{prefix}{key}", value))
    return found
