"""One spelling for what people write in many: names of columns, artists, parts; and cells that say nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

MISSING = frozenset(
    {
        *("nan", "-nan", "nat", "na", "n/a", "n.a.", "n.a", "<na>", "#n/a", "#na", "none", "null", "nil", "undefined"),
        *("-", "--", "\N{EN DASH}", "\N{EM DASH}", "?", "."),
    }
)  # in any case, as pandas, R, spreadsheets, SQL and people write what they do not know


@lru_cache(1 << 16)  # the same few names stand in thousands of rows
def folded(name: str) -> str:
    """A name without its case, its kind of blanks, hyphens and underscores: ``'ARTIST-Name '`` as ``'artist_name'``.

    Letters that look alike are alike (full width, composed or not); marks of no width are dropped.
    """
    shown = "".join(
        letter for letter in unicodedata.normalize("NFKC", name.casefold()) if unicodedata.category(letter) != "Cf"
    )
    sign = "-" if re.match(r"\s*-\d", shown) else ""  # the artist -1 is not the artist 1
    return sign + re.sub(r"[-_\s]+", "_", shown).strip("_") or shown.strip()


def squeezed(name: str) -> str:
    """A folded name without its blanks: ``artist_id`` and ``ArtistID`` alike."""
    return folded(name).replace("_", "")


def respelled(names: Iterable[str]) -> dict[str, list[str]]:
    """Names that differ in spelling alone, by the first of them; names that stand alone are left out."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(folded(name), []).append(name)
    return {found[0]: found for found in alike.values() if len(found) > 1}


def first_spellings(names: Iterable[str]) -> Mapping[str, str]:
    """The first spelling of each name, by its folded form."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(folded(name), name)
    return first
