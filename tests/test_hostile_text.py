"""Names and classes that are more than text to somebody: terminals, Markdown, HTML, formulas, mathematics."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from matplotlib.figure import Figure
from rich.table import Table
from running import compose

from music_affect.ensemble import ensemble, print_table
from music_affect.evaluation.run_report import write_report
from music_affect.evaluation.sweep_report.sweep_report import write_sweep_report
from music_affect.evaluation.tables import escaped
from music_affect.runs.reader import read_run
from music_affect.system import console, files
from music_affect.system.plain_text import from_cell, is_word, on_one_line, to_cell
from music_affect.train import train

CLASSES = ["[/rock]", "=cmd|' /C calc'!A0 $\\frac{", "<img src=x onerror=alert(1)> ![a](http://e.x/) \x1b[31m\u202e|`"]
ARTISTS = ["=HYPERLINK(1)", "+1+1|x", "[/red]", "\x1b[2J\u202e", "<img src=x onerror=alert(2)>", "@a `$x$`"]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen short clips whose classes, artists and ids attack whoever shows them."""
    folder = tmp_path_factory.mktemp("data") / "music"
    (folder / "clips").mkdir(parents=True)
    rows = []
    for number in range(18):
        time = np.arange(22050 * 2) / 22050
        soundfile.write(
            folder / "clips" / f"{number}.wav", 0.3 * np.sin(2 * np.pi * 110 * (1 + number % 3) * time), 22050
        )
        rows.append([f"clips/{number}.wav", f"-1+{number}<b>$x$\x1b]0;", CLASSES[number % 3], ARTISTS[number // 3]])
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["path", "id", "genre", "artist"], *rows])
    return folder


@pytest.fixture(scope="module")
def run(music: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run on this music, and what it printed. Not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "genre" / "music-mel-mlp-s0"
    words = ["data=folder", f"data.root={music}", "model=mlp", "features=mel", "trainer=smoke", "workers=1"]
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "make", lambda: console.PlainConsole(file=out, soft_wrap=True, width=200))
        train(compose("train", *words), folder)
    return folder, out.getvalue()


def test_a_training_ends_well_and_shows_its_classes_as_they_are(run: tuple[Path, str]) -> None:
    folder, printed = run
    assert [kind.classes for kind in read_run(folder).classes.values()] == [tuple(sorted(CLASSES))]
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert "[/rock] " in printed  # in the alarm of few clips


def test_the_page_holds_no_tag_no_picture_and_no_link_of_a_class(run: tuple[Path, str]) -> None:
    text = (run[0] / "report.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<(img|b)", text)
    assert re.findall(r"!\[[^]]*\]\(([^)]*)\)", text) == [
        f"figures/{name}.png" for name in ("confusion", "per_class", "reliability", "learning_curves")
    ]
    assert "\x1b" not in text
    rows = [line for line in text.splitlines() if line.startswith("|") and "rock" in line]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) in (6, 5) for row in rows)


def test_a_table_holds_no_formula_and_is_read_back_as_it_was(run: tuple[Path, str]) -> None:
    path = run[0] / "predictions.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell and not _number(cell)] == []
    assert any(cell.startswith("'=cmd") for cell in cells)
    rows = read_run(run[0]).predictions
    assert {row["genre"] for row in rows} <= set(CLASSES)
    assert {row["group"] for row in rows} <= set(ARTISTS)
    assert all(row["group"] for row in rows)


def test_reports_and_ensembles_take_the_run(run: tuple[Path, str], tmp_path: Path) -> None:
    copy = shutil.copytree(run[0], tmp_path / "sweep" / "a")
    write_report(copy)
    together = ensemble([copy], tmp_path / "out")
    assert together["clips"] > 0
    print_table(together)
    write_sweep_report([tmp_path / "sweep"], tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert "\x1b" not in page
    assert "onerror" in page  # as text


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("cell", ["=1+1", "+x", "-x", "@x", "\tx", "\rx", " =1", "'=x", "''-x", "\uff1dx", "-1,5"])
def test_formulas_are_marked_and_the_mark_goes_again(cell: str, tmp_path: Path) -> None:
    assert to_cell(cell).startswith("'")
    assert from_cell(to_cell(cell)) == cell
    files.write_csv(tmp_path / "t.csv", [cell, "b"], [[cell, -1.5]])
    assert files.read_csv(tmp_path / "t.csv") == [{cell: cell, "b": "-1.5"}]


@pytest.mark.parametrize("cell", ["-1.5", "-1e-05", "+2", "-inf", "", "x=1", "'quoted'", "a-b"])
def test_numbers_and_other_texts_stay_as_they_are(cell: str) -> None:
    assert to_cell(cell) == from_cell(cell) == cell


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a/b", "a\\b", "C:x", "a\0", "a\nb", "\x1b", "\u202ea", "x" * 300, 5, None]
)
def test_names_that_lead_elsewhere_are_no_words(name: Any) -> None:
    assert not is_word(name)


@pytest.mark.parametrize("name", ["jazz", "My Music (2)", "ünï", "a.b", "..a", "👩\u200d🎤"])
def test_other_names_are_words(name: str) -> None:
    assert is_word(name)
    assert on_one_line(name) == name


def test_a_console_shows_text_as_it_is() -> None:
    out = io.StringIO()
    shown = console.PlainConsole(file=out, width=80, force_terminal=True, color_system=None)
    table = Table(title="[b]title[/b]")
    table.add_column("[red]head")
    table.add_row("[/rock] \x1b[2J \x9b \x07 \u202e :smile:")
    shown.print(table)
    shown.print("a\rb\n[bold]c[/] 12 :smile:")
    text = out.getvalue()
    assert not re.search("[\x07\x1b\x9b\r\u202e]", text)
    for told in (
        "[b]title[/b]",
        "[red]head",
        r"[/rock] \x1b[2J \x9b \x07 \u202e :smile:",
        r"a\rb\n[bold]c[/] 12 :smile:",
    ):
        assert told in text


@pytest.mark.parametrize(
    "text",
    ["[a](http://b.c)", "![a](b)", "[0](b)", "[a][b]", "**a**", "_a_", "`a`", "<b>", "&lt;", "\\<b>", "www.a.b", "a|b"],
)
def test_markdown_is_escaped(text: str) -> None:
    shown = escaped(text)
    assert shown != text
    assert re.sub(r"\\([^\w\s]|_)", r"\1", shown) == text


@pytest.mark.parametrize("text", ["0.612 [0.540, 0.678]", "f1_macro", "ast · mel", "R² < 0.01", "Hip-Hop (R&B)"])
def test_plain_words_stay_readable(text: str) -> None:
    assert escaped(text) == text


def test_dollars_are_no_mathematics(tmp_path: Path) -> None:
    from music_affect.evaluation.plots import save
    from music_affect.evaluation.sweep_report.drawing import to_svg

    figure = Figure()
    axes = figure.add_subplot()
    axes.set_xticks([0, 1], ["$\\frac{$", "$x$"])
    axes.set_title("$\\nonsense{$ \x1b")
    save(figure, tmp_path / "figure.png")
    assert "$x$" in to_svg(figure, "a label")
