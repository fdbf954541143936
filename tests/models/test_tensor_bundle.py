"""TensorFlow's checkpoints read as data, and what is no such checkpoint refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from musicnn_files import bundle, field, table, varint

from music_affect.models.tensor_bundle import read_bundle

ARRAYS = {f"layer_{number}/kernel": np.full((number + 1, 2), number, np.float32) for number in range(40)}
SHAPES = {name: array.shape for name, array in ARRAYS.items()}
ONE = {"a": np.ones(2, np.float32)}


def test_arrays_are_read_by_their_keys() -> None:
    found = read_bundle(*bundle(ARRAYS), SHAPES)
    assert found.keys() == ARRAYS.keys()
    assert all(np.array_equal(found[name], array) for name, array in ARRAYS.items())
    assert read_bundle(*bundle(ARRAYS), {"layer_3/kernel": (4, 2)}).keys() == {"layer_3/kernel"}


def entry(shape: int = 2, offset: int = 0, size: int = 8, shard: int = 0) -> bytes:
    """An index whose only array is described like this."""
    places = field(3, 0, shard) + field(4, 0, offset) + field(5, 0, size)
    return table([(b"a", field(1, 0, 1) + field(2, 2, field(2, 2, field(1, 0, shape))) + places)])


INDEX, DATA = bundle(ONE)
REFUSED = {
    "it holds no array b": (INDEX, DATA, {"b": (2,)}),
    "instead of float32 [3]": (INDEX, DATA, {"a": (3,)}),
    "a is of type 2": (*bundle(ONE, kind=2), {"a": (2,)}),
    "not finite": (*bundle({"a": np.array([1, np.nan], np.float32)}), {"a": (2,)}),
    "no table of tensors": (INDEX[:-8] + bytes(8), DATA, {"a": (2,)}),
    "no table": (b"", DATA, {"a": (2,)}),
    "lies outside": (INDEX, DATA[:4], {"a": (2,)}),
    "a lies outside the file": (entry(offset=2**62), DATA, {"a": (2,)}),
    "a lies outside": (entry(size=2**40), DATA, {"a": (2,)}),
    "shape [1099511627776]": (entry(shape=2**40), DATA, {"a": (2,)}),
    "more than one file": (entry(shard=1), DATA, {"a": (2,)}),
    "is cut off": (varint(2**40) * 2 + INDEX[-48:], DATA, {"a": (2,)}),
    "is compressed": (INDEX[:-53] + b"\1" + INDEX[-52:], DATA, {"a": (2,)}),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        read_bundle(*REFUSED[told])


def test_no_damage_is_more_than_a_refusal() -> None:
    """Whatever byte is another one, the array is read or refused, in no time and without memory."""
    rng = np.random.default_rng(0)
    for place in range(len(INDEX)):
        damaged = bytearray(INDEX)
        damaged[place] = rng.integers(256)
        try:
            assert read_bundle(bytes(damaged), DATA, {"a": (2,)})["a"].shape == (2,)
        except ValueError:
            continue
