"""Makes audio files that are broken in every way, and some good ones, from a seed."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 22050
SECONDS = 2
FORMATS = {  # extension: format and subtype in libsndfile's words
    "wav": ("WAV", "PCM_16"),
    "w64": ("W64", "PCM_24"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_32"),
    "caf": ("CAF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
NAMES = (
    b"with space",
    "Übergrößenträger 音楽".encode(),
    b'it\'s "quoted"',
    b"new\nline",
    b"not utf8 \xff\xfe",
    b"-leading",
)
_WAV_FIELDS = {"channels": (22, 2), "rate": (24, 4), "bits": (34, 2), "size": (40, 4), "format": (20, 2)}

Random = np.random.Generator


class HostileFile(NamedTuple):
    """A file; ``usable`` says whether it must be read, and is None where either answer will do."""

    kind: str
    path: Path
    usable: bool | None


class Maker:
    """Makes files in a folder, each with a name of its own.

    Args:
        folder: an existing one.
        seed: of everything random.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng, self.made = folder, np.random.default_rng(seed), 0
        self.audio = (0.2 * self.rng.standard_normal((SECONDS * RATE, 2))).astype(np.float32)
        self.contents = {extension: encode(self.audio, *FORMATS[extension]) for extension in FORMATS}

    def path(self, extension: str, stem: bytes = b"file") -> Path:
        self.made += 1
        return self.folder / os.fsdecode(b"%b %05d.%b" % (stem, self.made, extension.encode()))

    def extension(self) -> str:
        return list(FORMATS)[self.made % len(FORMATS)]

    def write(self, content: bytes, extension: str, stem: bytes = b"file") -> Path:
        path = self.path(extension, stem)
        try:
            path.write_bytes(content)
        except OSError:  # a file system that refuses such names
            path = self.path(extension)
            path.write_bytes(content)
        return path

    def good(self) -> Path:
        extension = self.extension()
        return self.write(self.contents[extension], extension)

    def odd_name(self) -> Path:
        extension = self.extension()
        return self.write(self.contents[extension], extension, NAMES[int(self.rng.integers(len(NAMES)))])

    def wrong_extension(self) -> Path:
        return self.write(self.contents["wav"], str(self.rng.choice(["mp3", "raw", "flac", "ogg", "m4a", "txt"])))

    def random_bytes(self) -> Path:
        return self.write(self.rng.bytes(int(self.rng.integers(1, 50_000))), self.extension())

    def random_behind_magic(self) -> Path:
        magic = [b"\0\0\0\x20ftypM4A ", b"fLaC", b"OggS", b"RIFF", b"ID3\x04\0\0\0\0\x01\x00", b"\xff\xfb\x90\x64"]
        content = magic[int(self.rng.integers(len(magic)))] + self.rng.bytes(20_000)
        return self.write(content, self.extension())

    def truncated(self) -> Path:
        extension = self.extension()
        content = self.contents[extension]
        return self.write(content[: int(self.rng.integers(1, len(content)))], extension)

    def zero_length(self) -> Path:
        return self.write(b"", self.extension())

    def text(self) -> Path:
        return self.write(b"<html>not a song</html>\n" * int(self.rng.integers(1, 1000)), self.extension())

    def one_sample(self) -> Path:
        return self.write(encode(self.audio[:1], "WAV", "PCM_16"), "wav")

    def impossible_header(self) -> Path:
        return self._header(str(self.rng.choice(["channels", "rate"])), 0)

    def damaged_header(self) -> Path:
        field = str(self.rng.choice(list(_WAV_FIELDS)))
        return self._header(field, int(self.rng.choice([0, 1, 7, (1 << 15) - 1, (1 << 31) - 1, (1 << 32) - 1])))

    def _header(self, field: str, value: int) -> Path:
        content, (start, size) = bytearray(self.contents["wav"]), _WAV_FIELDS[field]
        content[start : start + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        return self.write(bytes(content), "wav")

    def endless_flac(self) -> Path:
        content = bytearray(self.contents["flac"])
        content[21] |= 0x0F
        content[22:26] = b"\xff\xff\xff\xff"
        return self.write(bytes(content), "flac")

    def not_finite(self) -> Path:
        return self._float([np.nan, np.inf, -np.inf])

    def absurd_level(self) -> Path:
        return self._float([1e30, -1e30, 3e38])

    def _float(self, values: list[float]) -> Path:
        audio = self.audio.copy()
        audio[int(self.rng.integers(len(audio)))] = self.rng.choice(values)
        return self.write(encode(audio, "WAV", "FLOAT"), "wav")

    def bit_flips(self) -> Path:
        extension = self.extension()
        content = bytearray(self.contents[extension])
        for place in self.rng.integers(0, len(content), int(self.rng.integers(1, 50))):
            content[place] ^= 1 << int(self.rng.integers(8))
        return self.write(bytes(content), extension)

    def folder_named_like_audio(self) -> Path:
        path = self.path(self.extension())
        path.mkdir()
        return path

    def dangling_link(self) -> Path:
        path = self.path(self.extension())
        path.symlink_to(self.folder / "nowhere")
        return path

    def pipe(self) -> Path:
        path = self.path(self.extension())
        os.mkfifo(path)
        return path

    def no_permission(self) -> Path:
        path = self.good()
        path.chmod(0)
        return path


def encode(audio: NDArray[np.float32], container: str, subtype: str) -> bytes:
    """Content of a file with samples [samples, channels]."""
    stream = io.BytesIO()
    rate = 24000 if subtype == "OPUS" else RATE
    soundfile.write(stream, audio, rate, format=container, subtype=subtype)
    return stream.getvalue()


def make_files(folder: Path, count: int, seed: int) -> list[HostileFile]:
    """Files of all kinds in turn."""
    make = Maker(folder, seed)
    no_permission = None if os.geteuid() == 0 else False  # the superuser reads everything
    kinds: list[tuple[str, Callable[[], Path], bool | None]] = [
        ("good", make.good, True),
        ("odd name", make.odd_name, True),
        ("wrong extension", make.wrong_extension, True),
        ("random bytes", make.random_bytes, False),
        ("random behind magic", make.random_behind_magic, False),
        ("truncated", make.truncated, False),
        ("zero length", make.zero_length, False),
        ("renamed text", make.text, False),
        ("one sample", make.one_sample, False),
        ("impossible header", make.impossible_header, False),
        ("damaged header", make.damaged_header, None),
        ("endless flac", make.endless_flac, False),
        ("not finite", make.not_finite, False),
        ("absurd level", make.absurd_level, False),
        ("bit flips", make.bit_flips, None),
        ("folder", make.folder_named_like_audio, False),
        ("dangling link", make.dangling_link, False),
        ("pipe", make.pipe, False),
        ("no permission", make.no_permission, no_permission),
    ]
    chosen = (kinds[number % len(kinds)] for number in range(count))
    return [HostileFile(kind, maker(), usable) for kind, maker, usable in chosen]
