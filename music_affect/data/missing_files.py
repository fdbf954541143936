"""Files that a table names and that are not there: how many, and what most likely became of them."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath

from music_affect.contracts.errors import DataNotFoundError
from music_affect.data.audio_files import AudioFiles, printable

COMPARED = 200_000  # audio files that are compared with the table: a second of looking; of larger libraries no more are
Form = Callable[[str], str]

_CAUSES: dict[str, Form] = {  # what differs, and the path without it; the first that makes two paths equal is told
    "letter case": str.casefold,
    "Unicode form (NFC or NFD)": lambda path: unicodedata.normalize("NFC", path),
    "extension": lambda path: path.removesuffix(PurePosixPath(path).suffix),
    "folder": lambda path: PurePosixPath(path).name,
    "folder and extension": lambda path: PurePosixPath(path).stem,
    "spelling": lambda path: unicodedata.normalize("NFC", PurePosixPath(path).stem).casefold().replace("_", " "),
}


def with_slashes(path: str) -> str:
    r"""A path as Windows writes it, ``clips\a.wav``, as all systems read it."""
    return PureWindowsPath(path).as_posix()


def refuse_all_missing(table: Path, root: Path, paths: Sequence[Path]) -> None:
    """Refuses a table none of whose files is there: no work could come of it.

    Raises:
        DataNotFoundError: with the likely causes.
    """
    if not any(map(os.path.lexists, paths)):
        raise DataNotFoundError(
            f"none of the {len(paths)} files that {table} names is there{_told(root, paths)}",
            expected=f"paths relative to {root}",
            fix="correct the paths of the table, or set data.root to the folder that they start from",
        )


def told_missing(root: Path, paths: Sequence[Path]) -> list[str]:
    """How many of a table's files are missing, and the likely causes, in a line; none where all are there."""
    missing = [path for path in paths if not os.path.exists(path)]
    if not missing:
        return []
    return [f"{len(missing)} of {len(paths)} files are missing and left out{_told(root, missing)}."]


def _told(root: Path, missing: Sequence[Path]) -> str:
    names = [path.relative_to(root).as_posix() for path in missing]
    causes = _likely_causes(names, list(islice(AudioFiles(root), COMPARED)))
    return printable(f" (first: '{names[0]}'){'; ' if causes else ''}{causes}")


def _likely_causes(missing: Sequence[str], there: Sequence[str]) -> str:
    """What the missing files may be called instead, with counts; an empty string where nothing is like them."""
    found: Counter[str] = Counter()
    example: dict[str, str] = {}
    left = list(missing)
    for cause, form in _CAUSES.items():
        known = {form(path): path for path in there}
        for path in left:
            if form(path) in known:
                found[cause] += 1
                example.setdefault(cause, f"'{path}' is '{known[form(path)]}'")
        left = [path for path in left if form(path) not in known]
    return "; ".join(f"{count} are there with another {cause} ({example[cause]})" for cause, count in found.items())
