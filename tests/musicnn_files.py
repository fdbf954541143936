"""The published wheel of musicnn in miniature: the real layout and shapes, with random weights."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from music_affect.models import musicnn_wheel

Arrays = Mapping[str, NDArray[np.float32]]

BUNDLE = "musicnn/MSD_musicnn/"
INDEX, DATA = f"{BUNDLE}.index", f"{BUNDLE}.data-00000-of-00001"
NOTICE = "musicnn-0.1.0.dist-info/LICENSE.md"
RESTART = 16  # entries after which the published index names a key in full


def random_weights() -> dict[str, NDArray[np.float32]]:
    """Weights of every name and shape, such that no layer dies or grows; some norms have negative factors."""
    rng = np.random.default_rng(0)
    found = {}
    for name, shape in musicnn_wheel.shapes().items():
        values = rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[:-1])))
        if name.endswith("moving_variance"):
            values = 0.5 + rng.random(shape)
        found[name] = values.astype(np.float32)
    return found


def write_wheel(path: Path, weights: Arrays | None = None, **members: bytes) -> Path:
    """A wheel with these weights; ``members`` replaces ``index`` or ``data``."""
    index, data = bundle(random_weights() if weights is None else weights)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(INDEX, members.get("index", index))
        archive.writestr(DATA, members.get("data", data))
        archive.writestr(NOTICE, "Permission to use, copy, modify …")
    return path


def bundle(weights: Arrays, kind: int = 1) -> tuple[bytes, bytes]:
    """The two files of a bundle: index and arrays. The optimizer's state stands among them, as in the published one."""
    entries, data = [(b"", field(1, 0, 1))], b""
    for name, array in sorted({**weights, "dense/kernel/Adam": np.zeros(3, np.float32)}.items()):
        shape = b"".join(field(2, 2, field(1, 0, size)) for size in array.shape)
        place = field(4, 0, len(data)) + field(5, 0, array.nbytes) + field(6, 5, 0)
        entries.append((name.encode(), field(1, 0, kind) + field(2, 2, shape) + place))
        data += array.astype("<f4").tobytes()
    return table(entries), data


def table(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A table of one block, with the index of blocks and the footer behind it."""
    content = block(entries)
    handle = varint(0) + varint(len(content) - 5)
    indices = block([]), block([(b"\xff", handle)])
    places = [len(content), len(content) + len(indices[0])]
    footer = b"".join(varint(place) + varint(len(one) - 5) for place, one in zip(places, indices, strict=True))
    return content + b"".join(indices) + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    """Keys that share their beginnings, places where they do not, and the mark of no compression."""
    content, restarts, before = b"", [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % RESTART == 0:
            restarts.append(len(content))
        else:
            shared = next(
                (i for i, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
            )
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return content + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts)) + b"\0" + bytes(4)


def field(number: int, kind: int, value: int | bytes) -> bytes:
    """A field of a protocol-buffer message: a varint, bytes, or a number of four bytes."""
    if isinstance(value, bytes):
        return varint(number << 3 | kind) + varint(len(value)) + value
    return varint(number << 3 | kind) + (struct.pack("<I", value) if kind == 5 else varint(value))


def varint(number: int) -> bytes:
    content = b""
    while number > 127:
        content += bytes([number & 127 | 128])
        number >>= 7
    return content + bytes([number])
