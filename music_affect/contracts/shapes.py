"""What plain containers read from a file have to look like, checked before anything is taken from them.

A shape is a type; a text, which stands for itself; ``None``; ``[shape]``, a list of them; ``{str: shape}``, a mapping
with names of any kind; ``{"name": shape, "other?": shape}``, a mapping with these names at least, where a question mark
makes one optional; or a tuple of alternatives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

DEEPEST, MOST = 40, 1_000_000
_NAMES = {int: "a whole number", float: "a finite number", str: "text", bool: "true or false", list: "a list"}


def mismatch(value: Any, shape: Any, place: str = "") -> str | None:
    """The first thing that is not as it should be, in words; None where all is."""
    if isinstance(shape, tuple):
        found = [mismatch(value, one, place) for one in shape]
        return None if None in found else found[0]
    if isinstance(shape, list):
        return _first(mismatch(item, shape[0], f"{place}[{number}]") for number, item in _items(value)) or (
            None if isinstance(value, list | tuple) else _told(value, list, place)
        )
    if not isinstance(shape, dict):
        return None if _is(value, shape) else _told(value, shape, place)
    if not isinstance(value, Mapping):
        return _told(value, dict, place)
    return _first(_inner(value, shape, f"{place}." if place else ""))


def optional(shape: Any) -> Any:
    """The same shape, of which any name may be missing."""
    if isinstance(shape, tuple):
        return tuple(optional(one) for one in shape)
    if isinstance(shape, list):
        return [optional(one) for one in shape]
    if not isinstance(shape, dict):
        return shape
    return {name if name is str else f"{name.removesuffix('?')}?": optional(own) for name, own in shape.items()}


def check_size(content: Any, deepest: int = DEEPEST, most: int = MOST) -> None:
    """Refuses containers that hold themselves or one another so often that walking through them would not end.

    Raises:
        ValueError: they are nested too deeply, or hold too much.
    """
    waiting, seen = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > deepest or seen > most:
            raise ValueError(f"is nested more than {deepest} deep or holds more than {most} entries")
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        waiting.extend((one, depth + 1) for one in inner)


def _inner(value: Mapping[Any, Any], shape: Mapping[Any, Any], prefix: str) -> Iterator[str | None]:
    for name, own in shape.items():
        if name is str:
            yield from (
                mismatch(one, own, f"{prefix}{key}") if isinstance(key, str) else _told(key, str, f"a name in {prefix}")
                for key, one in value.items()
            )
        elif (key := name.removesuffix("?")) in value:
            yield mismatch(value[key], own, f"{prefix}{key}")
        elif key == name:
            yield f"{prefix}{key} is missing"


def _is(value: Any, shape: Any) -> bool:
    if shape is None or isinstance(shape, str):
        return bool(value == shape) if type(value) is type(shape) else False
    if shape in (int, float):
        return type(value) in (int, shape) and math.isfinite(value)
    return isinstance(value, Mapping if shape is dict else shape)


def _items(value: Any) -> Iterator[tuple[int, Any]]:
    return iter(enumerate(value)) if isinstance(value, list | tuple) else iter(())


def _first(found: Iterator[str | None]) -> str | None:
    return next((what for what in found if what is not None), None)


def _told(value: Any, shape: Any, place: str) -> str:
    wanted = shape if isinstance(shape, str) else _NAMES.get(shape, "names with values" if shape is dict else "nothing")
    return f"{place or 'the whole'} is of the kind {type(value).__name__}, not {wanted}"


def flat(settings: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration as ``{"optimizer.lr": 0.002}``; an empty group stays one."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return found
