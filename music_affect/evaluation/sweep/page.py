"""A sweep's report as one page: styles, figures and all inside, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape
from pathlib import Path

from music_affect.evaluation.sweep.columns import undone
from music_affect.evaluation.sweep.contents import Contents, Section, alarm_groups
from music_affect.evaluation.sweep.markup import element, table, text
from music_affect.evaluation.sweep.section_page import section_markup
from music_affect.evaluation.sweep.wording import HOW_TO_READ, NO_SCORES, verdict, warning

_FOLDER = Path(__file__).parent


def page(contents: Contents) -> str:
    """The text of ``report.html``."""
    style, script = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    title = f"Sweep: {contents.title}"
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"{text('title', title)}<style>{style}</style>"
    )
    body = element("main", "".join(_parts(contents))) + f"<script>{script}</script>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _parts(contents: Contents) -> list[str]:
    parts = [_header(contents)]
    if not contents.sections:
        parts.append(text("p", NO_SCORES, class_="lead"))
    if len(contents.sections) > 1:
        parts.append(_overview(contents))
    parts += [section_markup(section, _anchor(place)) for place, section in enumerate(contents.sections)]
    if contents.undone:
        rows = table([undone(cell) for cell in contents.undone], class_="cards")
        parts.append(element("section", text("h2", "Runs without a score") + rows, id="undone"))
    parts.append(_alarms(contents))
    if contents.sections:
        lines = element("ul", "".join(text("li", line) for line in HOW_TO_READ))
        parts.append(element("section", text("h2", "How to read this") + lines))
    return parts


def _header(contents: Contents) -> str:
    told = warning(contents)
    banner = text("p", told, class_="banner", role="note") if told else ""
    facts = "".join(element("div", text("dt", name) + text("dd", value)) for name, value in contents.facts.items())
    bar = "".join(
        f'<span class="{escape(state.replace(" ", "-"))}" style="flex-grow:{count}"></span>'
        for state, count in contents.states.items()
        if count
    )
    varied = "".join(
        element("div", text("dt", name) + element("dd", _chips(value))) for name, value in contents.varied.items()
    )
    title = text("p", "Sweep report", class_="kind") + text("h1", contents.title)
    return element(
        "header",
        title
        + banner
        + element("div", bar, class_="states")
        + element("dl", facts, class_="facts")
        + element("dl", varied, class_="varied"),
    )


def _chips(values: str) -> str:
    return "".join(text("span", value) for value in values.split(", "))


def _overview(contents: Contents) -> str:
    cards = "".join(_card(section, place) for place, section in enumerate(contents.sections))
    return element("nav", cards, class_="overview", aria_label="Leaderboards")


def _card(section: Section, place: int) -> str:
    label = text("small", "SYNTHETIC", class_="synthetic") if section.synthetic else ""
    inner = (
        text("strong", section.title)
        + label
        + text("b", f"{section.rows[0].score:.3f}")
        + text("span", section.score_name)
        + text("span", verdict(section), class_="quiet")
    )
    return element("a", inner, href=f"#{_anchor(place)}")


def _alarms(contents: Contents) -> str:
    items = "".join(
        element(
            "li",
            text("strong", group.name)
            + text("span", f" {group.runs} {'run' if group.runs == 1 else 'runs'}", class_="pill")
            + text("p", group.message)
            + text("p", "; ".join(group.rows), class_="quiet"),
        )
        for group in alarm_groups(contents)
    )
    inner = element("ul", items, class_="alarms") if items else text("p", "None.")
    return element("section", text("h2", "Alarms") + inner, id="alarms")


def _anchor(place: int) -> str:
    return f"table-{place + 1}"
