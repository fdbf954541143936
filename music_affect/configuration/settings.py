"""Settings under their full names, as a command line writes them, and what each of them may be.

What stands here is plain: no configuration library, nothing heavy. The kind of a setting is that of its usual value
(``check``), so a new file in ``conf/`` is checked without an entry; its range comes from ``setting_rules``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from music_affect.configuration.setting_kinds import ANYTHING, GROUP, NULL, Rule, like
from music_affect.configuration.setting_kinds import shown as shown
from music_affect.configuration.setting_rules import COMPLETE, NAMED, RULES
from music_affect.contracts.errors import ConfigurationError, did_you_mean

GONE = object()  # a setting that was taken out
UNKNOWN = object()  # the usual value of a setting that is new
LARGEST = 2**63  # of a whole number that tensors and files can hold
FINITE = Rule("numbers that are finite and fit 64 bits", lambda value: False)


def check(given: Mapping[Any, Any], usual: Mapping[Any, Any], prefix: str = "") -> None:
    """Refuses the first setting whose kind, range or absence has no meaning.

    Args:
        given: nested, resolved.
        usual: likewise, with the same choices and none of the user's values.
        prefix: of the names, with its point.

    Raises:
        ConfigurationError: with the setting, what it may be, and its usual value.
    """
    for key in {**usual, **given}:
        name, value, before = f"{prefix}{key}", given.get(key, GONE), usual.get(key, UNKNOWN)
        if (value is GONE or value is None) and prefix.rstrip(".") in NAMED:
            continue
        if before is UNKNOWN:
            _check_known(name, usual)
        rule = rule_of(name, before)
        if rule in (GROUP, ANYTHING) and isinstance(value, Mapping):
            check(value, before if isinstance(before, Mapping) else {}, f"{name}.")
        else:
            check_one(name, value, before)


def check_one(name: str, value: Any, before: Any) -> None:
    """Refuses a value of a setting; ``before`` is its usual one.

    Raises:
        ConfigurationError: with what it may be.
    """
    rule = rule_of(name, before)
    usual = type(value) is type(before) and value == before
    if not usual and not rule.holds(None if value is GONE else value):
        raise _refusal(name, value, rule, before)
    unsound = next((one for one in _numbers(value) if not _is_sound(one)), None)
    if unsound is not None:
        raise _refusal(name, value, FINITE, before)


def written(raw: Mapping[Any, Any], usual: Mapping[Any, Any]) -> dict[Any, Any]:
    """A configuration with the usual value in place of each reference (``${…}``): what a person has written."""
    found: dict[Any, Any] = {}
    for key, value in raw.items():
        before = usual.get(key, GONE)
        if isinstance(value, Mapping):
            found[key] = written(value, before if isinstance(before, Mapping) else {})
        elif not (isinstance(value, str) and "${" in value):
            found[key] = value
        elif before is not GONE:
            found[key] = before
    return found


def rule_of(name: str, before: Any) -> Rule:
    """What a setting may be: by its name, where its usual value keeps to that; else as the usual value is.

    The longest end of the name that has a rule decides: ``model.net.inner_dropout`` is a ``dropout``.
    """
    if before is UNKNOWN:
        return RULES.get(name, ANYTHING)
    for rule in (RULES[end] for end in _ends(name) if end in RULES):
        if before is None:
            return rule | NULL
        if rule.holds(before):
            return rule
    return like(before)


def _ends(name: str) -> Iterator[str]:
    yield name
    for place, letter in enumerate(name):
        if letter in "._":
            yield name[place + 1 :]


def _check_known(name: str, usual: Mapping[Any, Any]) -> None:
    """In some groups, a word that nobody reads is a mistake."""
    group, _, word = name.rpartition(".")
    known = {*map(str, usual), *(key.rpartition(".")[2] for key in RULES if key.rpartition(".")[0] == group)}
    if group in COMPLETE and word not in known:
        near = did_you_mean(name, [f"{group}.{one}" for one in known])
        raise ConfigurationError(
            f"unknown setting '{name}'{near}",
            expected=f"a setting that {group} has" + ("" if near else f": {', '.join(sorted(known))}"),
            fix="correct the word",
        )


def _refusal(name: str, value: Any, rule: Rule, before: Any) -> ConfigurationError:
    found = f"{name} is taken out" if value is GONE else f"{name}={shown(value)}"
    if isinstance(value, str) and rule.words:
        found += did_you_mean(value, rule.words)
    if rule is GROUP:
        single = ", ".join(f"{name}.{key}" for key in before) if before else f"{name}.NAME"
        return ConfigurationError(found, expected=f"settings of its own: {single}", fix="leave it out, or change these")
    return ConfigurationError(found, expected=rule.says, fix=_fix(name, value, rule, before))


def _fix(name: str, value: Any, rule: Rule, before: Any) -> str:
    if isinstance(value, float) and value.is_integer() and rule.holds(int(value)):
        return f"write {int(value)}"
    if isinstance(value, int | float) and rule.holds(str(value)):
        return f"""quote it: '{name}="{shown(value)}"'"""
    if before is GONE or before is UNKNOWN or before is None or isinstance(before, Mapping):
        return "correct it"
    return f"correct it (it usually is {shown(before)})"


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _numbers(inner)
    elif isinstance(value, int | float):
        yield value


def _is_sound(value: int | float) -> bool:
    return -LARGEST <= value < LARGEST if isinstance(value, int) else math.isfinite(value)
