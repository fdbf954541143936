"""Reads TensorFlow's checkpoint format as data: no TensorFlow, no pickle, and nothing in the files runs.

A bundle is an index (a sorted table of keys, each with type, shape, offset and size of an array as a protocol-buffer
message) beside a file of little-endian arrays. The bytes may be a stranger's: every length is checked against what is
there before anything is taken from it, and an array is made only in the shape that the reader asks for.

Reference:
    tensorflow/core/protobuf/tensor_bundle.proto; the table format of LevelDB, doc/table_format.md.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

FLOAT32 = 1  # TensorFlow's number of the type
_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48  # bytes at the table's end: places of its two indices, then the magic number
_LONGEST_VARINT = 10


def read_bundle(index: bytes, data: bytes, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """The arrays of a bundle that are asked for; others are passed over.

    Args:
        index: content of the ``.index`` file.
        data: content of the ``.data-00000-of-00001`` file.
        shapes: of the arrays that are wanted, by their keys.

    Returns:
        Finite arrays by their keys, float32.

    Raises:
        ValueError: the bytes are no bundle, or an array is missing or is not what is wanted.
    """
    entries = dict(_entries(index))
    absent = [name for name in shapes if name not in entries]
    if absent:
        raise ValueError(f"it holds no array {absent[0]}")
    return {name: _array(name, entries[name], data, shape) for name, shape in shapes.items()}


def _array(name: str, entry: bytes, data: bytes, shape: tuple[int, ...]) -> NDArray[np.float32]:
    kind, found, offset, size = _described(entry)
    if kind != FLOAT32 or found != shape:
        raise ValueError(f"{name} is of type {kind} and shape {list(found)} instead of float32 {list(shape)}")
    if size != 4 * math.prod(shape) or offset + size > len(data):
        raise ValueError(f"{name} lies outside the file of arrays")
    array = np.frombuffer(data, "<f4", math.prod(shape), offset).reshape(shape).astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")
    return array


def _described(entry: bytes) -> tuple[int, tuple[int, ...], int, int]:
    """Type, shape, offset and size out of a ``BundleEntryProto``."""
    kind, shard, offset, size = (_number(entry, field) for field in (1, 3, 4, 5))
    if shard != 0:
        raise ValueError("its arrays lie in more than one file")
    dimensions = [dimension for shape in _messages(entry, 2) for dimension in _messages(shape, 2)]
    return kind, tuple(_number(dimension, 1) for dimension in dimensions), offset, size


def _number(message: bytes, field: int) -> int:
    """A number that stands in a message, which leaves out zeros."""
    return next((value for found, value in fields(message) if found == field and isinstance(value, int)), 0)


def _messages(message: bytes, field: int) -> list[bytes]:
    """The messages that stand in a message under a number."""
    return [value for found, value in fields(message) if found == field and isinstance(value, bytes)]


def _entries(table: bytes) -> Iterator[tuple[str, bytes]]:
    """Keys and values of a table whose blocks are not compressed."""
    if len(table) < _FOOTER or struct.unpack("<Q", table[-8:])[0] != _MAGIC:
        raise ValueError("its index is no table of tensors")
    place = len(table) - _FOOTER
    for _ in range(2):  # of the index of metadata, which is not needed
        _, place = _varint(table, place)
    for _, handle in _block(table, *_handle(table, place)):
        for key, value in _block(table, *_handle(handle, 0)):
            yield key.decode("utf-8"), value


def _handle(buffer: bytes, place: int) -> tuple[int, int]:
    offset, place = _varint(buffer, place)
    return offset, _varint(buffer, place)[0]


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block, in which a key names only how it differs from the one before."""
    if offset + size + 1 > len(table) or size < 4:
        raise ValueError("its index is cut off")
    if table[offset + size] != 0:
        raise ValueError("its index is compressed")
    block = table[offset : offset + size]
    restarts = struct.unpack("<I", block[-4:])[0]
    end = size - 4 * (restarts + 1)
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        length, place = _varint(block, place)
        if place + own + length > end:
            raise ValueError("its index is damaged")
        key = key[:shared] + block[place : place + own]
        yield key, block[place + own : place + own + length]
        place += own + length


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a protocol-buffer message: varints as numbers, all else as bytes."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield field, value
            continue
        if kind == 2:
            length, place = _varint(message, place)
        else:
            length = {1: 8, 5: 4}.get(kind, len(message) + 1)
        if place + length > len(message):
            raise ValueError("its index is damaged")
        yield field, message[place : place + length]
        place += length


def _varint(buffer: bytes, place: int) -> tuple[int, int]:
    """A number of variable length, and the place behind it."""
    number = 0
    for step, byte in enumerate(buffer[place : place + _LONGEST_VARINT]):
        number |= (byte & 127) << (7 * step)
        if byte < 128:
            return number, place + step + 1
    raise ValueError("its index is damaged")
