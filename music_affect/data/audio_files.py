"""All audio files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

EXTENSIONS = {
    "3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "au", "caf", "dff", "dsf", "eac3", "flac", "m4a", "m4b",
    "mka", "mp1", "mp2", "mp3", "mp4", "mpc", "oga", "ogg", "opus", "ra", "rf64", "snd", "spx", "tta", "voc", "w64",
    "wav", "wave", "weba", "webm", "wma", "wv",
}  # fmt: skip


class AudioFiles:
    """The audio files below a folder, by their extension, found anew by each iteration.

    Files and folders whose names begin with a dot are left out (macOS leaves ``._name`` beside every file that it
    copies). Links are followed. Every folder is entered once, by its own name rather than by a link to it, so links
    that lead upwards cause neither endless paths nor files under two names.

    Args:
        root: the folder.

    Attributes:
        unreadable: folders that could not be entered by the last iteration.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.unreadable: list[str] = []

    def __iter__(self) -> Iterator[str]:
        """Paths relative to the folder, with slashes, in no particular order."""
        self.unreadable = []
        entered: set[tuple[int, int]] = set()
        folders, links = [""], list[str]()
        while folders or links:
            if not folders:
                links.sort(reverse=True)
            folder = (folders or links).pop()
            try:
                found = self._entries(folder, entered)
            except OSError:
                self.unreadable.append(folder or ".")
                continue
            for entry in found:
                path = folder + entry.name
                if _is_folder(entry):
                    (links if entry.is_symlink() else folders).append(f"{path}/")
                elif is_audio(entry.name) and _can_be_tried(entry):
                    yield path

    def _entries(self, folder: str, entered: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
        """What a folder holds, hidden entries left out; nothing where it was entered before."""
        path = os.path.join(self._root, folder)
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in entered:
            return []
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(path) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]


def is_audio(name: str) -> bool:
    """Whether a file's name ends as those of audio do."""
    stem, dot, extension = name.rpartition(".")
    return bool(stem and dot) and extension.lower() in EXTENSIONS


def printable(path: str) -> str:
    r"""A path as text in UTF-8: bytes that are none are written as ``\xff``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _can_be_tried(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a link that leads nowhere, which is told as an unreadable clip; reading a pipe waits."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:
        return True
