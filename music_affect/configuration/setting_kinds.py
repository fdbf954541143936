"""Kinds of settings: what a value may be, and the words that say so."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True)
class Rule:
    """What a setting may be.

    Args:
        says: the end of a sentence, after "expected".
        holds: whether a value, as plain containers, keeps to it.
        words: the choices, where it is a choice.
    """

    says: str
    holds: Callable[[Any], bool]
    words: tuple[str, ...] = field(default=())

    def __or__(self, other: Rule) -> Rule:
        if self.says.endswith(other.says):
            return self
        return Rule(
            f"{self.says} or {other.says}",
            lambda value: self.holds(value) or other.holds(value),
            (*self.words, *other.words),
        )


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and abs(value) >= 10**SHOWN  # Python refuses to print the largest


def _is_number(value: Any) -> bool:
    return (type(value) is int and not _is_huge(value)) or (type(value) is float and math.isfinite(value))


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _range(kind: str, low: float | None, high: float | None) -> str:
    if high is not None:
        return f"{kind} from {low} to {high}"
    return kind if low is None else f"{kind} from {low} up"


def whole(low: int | None = None, high: int | None = None) -> Rule:
    """A whole number from ``low`` to ``high``, both included; true and 1.0 are none."""
    says = _range("a whole number", low, high)
    return Rule(says, lambda value: type(value) is int and _within(value, low, high))


def number(low: float | None = None, high: float | None = None) -> Rule:
    """A finite number from ``low`` to ``high``, both included; true is none."""
    return Rule(_range("a number", low, high), lambda value: _is_number(value) and _within(value, low, high))


def above(low: float, high: float | None = None) -> Rule:
    """A finite number above ``low``, up to ``high``."""
    says = f"a number above {low:g}" + ("" if high is None else f", up to {high:g}")
    return Rule(says, lambda value: _is_number(value) and value > low and _within(value, low, high))


def below(high: float, *, low: float = 0, above_low: bool = False) -> Rule:
    """A share: from ``low`` (or above it) to below ``high``."""
    says = f"a number {'above' if above_low else 'from'} {low:g} {'and' if above_low else 'to'} below {high:g}"
    return Rule(says, lambda value: _is_number(value) and low <= value < high and not (above_low and value == low))


def choice(*words: str) -> Rule:
    """One of some words."""
    says = f"one of {', '.join(word or repr(word) for word in words)}" if len(words) > 1 else words[0]
    return Rule(says, lambda value: isinstance(value, str) and value in words, words)


def listed(each: Rule, *, exactly: int | None = None, least: int = 0) -> Rule:
    """A list."""
    count = f" of {exactly} values" if exactly is not None else "" if not least else f" of {least} or more"
    says = f"a list{count}, each {each.says}" if each.says != ANYTHING.says else f"a list{count}"

    def holds(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) >= least
            and exactly in (None, len(value))
            and all(each.holds(one) for one in value)
        )

    return Rule(says, holds)


def named(each: Rule) -> Rule:
    """A value for each of some names."""
    says = f"NAME: VALUE in braces, each {each.says}"
    return Rule(says, lambda value: isinstance(value, Mapping) and all(each.holds(one) for one in value.values()))


ANYTHING = Rule("a value", lambda value: True)
NULL = Rule("null", lambda value: value is None)
YES_NO = Rule("true or false", lambda value: isinstance(value, bool))
TEXT = Rule("text", lambda value: isinstance(value, str))
WORD = Rule("text that is not empty", lambda value: isinstance(value, str) and bool(value.strip()))
NUMBER, WHOLE = number(), whole()
GROUP = Rule("a group of settings, each with a name of its own", lambda value: isinstance(value, Mapping))


def like(usual: Any) -> Rule:
    """What keeps to the kind of a usual value; null where that is null."""
    if isinstance(usual, list):
        kinds = {like(one).says: like(one) for one in usual}
        return listed(next(iter(kinds.values())) if len(kinds) == 1 else ANYTHING)
    kinds_of = {bool: YES_NO, int: WHOLE, float: NUMBER, str: TEXT if usual == "" else WORD}
    return GROUP if isinstance(usual, Mapping) else kinds_of.get(type(usual), ANYTHING)


def shown(value: Any) -> str:
    """A value as a command line writes it, on one line and not too long."""
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in _written(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}: {_written(inner)}' for key, inner in value.items())}}}"
    return f"an integer of {value.bit_length()} bits" if _is_huge(value) else str(value)
