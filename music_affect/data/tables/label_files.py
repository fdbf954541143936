"""Refusals that the label files of every data set share."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from music_affect.contracts.errors import LabelError


@contextmanager
def readable(path: Path, kind: str, expected: str, fix: str) -> Iterator[None]:
    """Names the file where it cannot be opened or its text cannot be taken apart.

    Args:
        path: of the file that is read inside the ``with``.
        kind: what it should be, in a word or two.
        expected: of its form.
        fix: what the user can do.

    Raises:
        LabelError: it may not be read, is no text in UTF-8, or no table.
    """
    try:
        yield
    except OSError as error:
        raise LabelError(
            f"{path} cannot be read ({error.strerror})",
            expected=f"a {kind} that this user may read",
            fix="change its permissions, or copy it to where it can be read",
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{path} is not a readable {kind} ({error})", expected=expected, fix=fix) from error


def refuse_repeated(path: Path, kind: str, names: Iterable[str], expected: str, fix: str) -> None:
    """Refuses a file that lists something twice.

    Args:
        path: of the file.
        kind: what the names stand for, in the plural.
        names: as they are listed.
        expected: of their number.
        fix: what the user can do.

    Raises:
        LabelError: with how many are repeated, and the first of them.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise LabelError(
            f"{path} lists {len(repeated)} {kind} more than once (first: '{repeated[0]}')", expected=expected, fix=fix
        )
