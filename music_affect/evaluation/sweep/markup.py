"""Small pieces of HTML, every text escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from music_affect.plain_text import without_controls

_NUMBER = re.compile(r"–|(< )?[+-]?\d[\d.,]*( [±×\[].*)?[kMG]?")


def element(name: str, inner: str, **attributes: str) -> str:
    """``<name …>inner</name>``; ``inner`` is markup, attributes are text and ``class_`` is ``class``."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{told}>{inner}</{name}>"


def text(name: str, content: str, **attributes: str) -> str:
    """An element that holds plain text."""
    return element(name, escape(without_controls(content)), **attributes)


def table(rows: Sequence[Mapping[str, str]], *, markup: Iterable[str] = (), class_: str = "") -> str:
    """A table that becomes a list of cards on a narrow screen: every cell knows its heading.

    Args:
        rows: cells by heading, at least one row.
        markup: headings whose cells are markup already.
        class_: of the table.
    """
    ready = set(markup)
    head = "".join(text("th", heading, scope="col", class_=_kind(rows, heading)) for heading in rows[0])
    body = "".join(
        element(
            "tr", "".join(_cell(heading, cell, heading in ready, _kind(rows, heading)) for heading, cell in row.items())
        )
        for row in rows
    )
    inner = element("thead", element("tr", head)) + element("tbody", body)
    return element("div", element("table", inner, class_=class_), class_="scroll")


def figure(svg: str, caption: str) -> str:
    """A figure with its caption."""
    return element("figure", svg + text("figcaption", caption))


def _cell(heading: str, cell: str, ready: bool, kind: str) -> str:
    return element("td", cell if ready else escape(without_controls(cell)), data_label=heading, class_=kind)


def _kind(rows: Sequence[Mapping[str, str]], heading: str) -> str:
    """Columns of figures stand to the right."""
    return "number" if all(_NUMBER.fullmatch(row[heading]) for row in rows) else "words"
