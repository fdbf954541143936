"""The page, its Markdown and its table of figures."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sweep_folders import ALARM, GENRE, VALENCE, settings_of, write_cell, write_state

from music_affect.contracts.errors import RunFolderError
from music_affect.evaluation.sweep_report.contents import gather
from music_affect.evaluation.sweep_report.figures import draw_cost, draw_curves
from music_affect.evaluation.sweep_report.sweep_report import write_sweep_report
from music_affect.runs.reader import find_runs

VOID = {"meta", "br", "img", "input", "hr", "link"}


class Outline(HTMLParser):
    """Every element with its attributes; fails where an end tag does not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two models and two features over two seeds, one run failed and one cut off, all on synthetic music."""
    folder = tmp_path / "sweep"
    for place, (model, features, skill) in enumerate(
        (("cnn", "mel", 0.9), ("ast", "mel", 0.6), ("ast", "chroma", 0.3))
    ):
        for seed in range(2):
            command = f"python -m music_affect.train -m model=cnn,ast features=mel,chroma seed=0,1 place={place}"
            write_cell(
                folder / f"{model}-{features}-s{seed}", model=model, features=features, seed=seed, skill=skill,
                synthetic=True, alarms=[ALARM], command=command,
            )  # fmt: skip
    failed = settings_of(model="cnn", features="chroma")
    write_state(
        folder / "cnn-chroma-s0", "failed", failed, reason="the loss is not finite; <b>lower</b> the rate\nmore"
    )
    write_state(folder / "cnn-chroma-s1", "running", failed)
    return folder


def test_the_page_holds_everything_and_loads_nothing(sweep: Path) -> None:
    text = write_sweep_report([sweep], sweep).read_text()
    page = Outline(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"link", "img", "iframe", "object"}
    assert all(not attributes.keys() & {"src"} for tag, attributes in page.elements)
    assert all((attributes.get("href") or "#").startswith("#") for _, attributes in page.elements)
    assert not re.search(r"@import|url\((?!#)", text)
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.elements
    assert "prefers-color-scheme:dark" in text


def test_the_page_says_what_was_run_and_what_became_of_it(sweep: Path) -> None:
    text = Outline(write_sweep_report([sweep], sweep).read_text()).text
    for said in (
        "SYNTHETIC music. A program made the clips", "6 done, 1 failed, 1 unfinished",
        "the loss is not finite; <b>lower</b>",
        "cut off, or still running", "python -m music_affect.train -m model=cnn features=mel place=0 seed=0,1",
        "Whole groups (artists) are drawn", "below linear", "6 runs", "failed", "only row 1 may be the best",
        "Differences",
    ):  # fmt: skip
        assert said in text, said
    assert "more" not in text.split("lower</b> the rate")[1][:8]


def test_every_cell_knows_its_heading_for_narrow_screens(sweep: Path) -> None:
    page = Outline(write_sweep_report([sweep], sweep).read_text())
    cards = [attributes for tag, attributes in page.elements if tag == "td" and "data-label" in attributes]
    assert {"score", "configuration", "linear", "may be best", "validation", "reason"} <= {
        cell["data-label"] for cell in cards
    }


def test_figures_take_their_ink_from_the_page_and_share_no_names(sweep: Path) -> None:
    text = write_sweep_report([sweep], sweep).read_text()
    page = Outline(text)
    figures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(figures) == 5  # matrix, curves, cost, best, worst
    assert all(attributes["aria-label"] for attributes in figures)
    assert "currentColor" in text
    assert "#010203" not in text
    names = [attributes["id"] for tag, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    assert used <= set(names)


def test_the_same_runs_give_the_same_page(sweep: Path, tmp_path: Path) -> None:
    pages = [write_sweep_report([sweep], tmp_path / name).read_text() for name in ("one", "other")]
    assert pages[0] == pages[1]


def test_names_that_look_like_markup_are_told_as_they_are(tmp_path: Path) -> None:
    alarm = {"name": "<i>x", "message": '<script>alert("x")</script>'}
    for model, skill in (("<b>bold</b>", 0.9), ("a|b", 0.2)):
        write_cell(tmp_path / "s" / str(skill), model=model, skill=skill, alarms=[alarm], config={"x": {"y": model}})
    page = Outline(write_sweep_report([tmp_path / "s"], tmp_path).read_text())
    assert "<b>bold</b>" in page.text
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert "| 2 | a\\|b |" in (tmp_path / "report.md").read_text()


def test_scales_have_a_scatter_and_a_figure_each(tmp_path: Path) -> None:
    for model, skill in (("cnn", 0.9), ("ast", 0.2)):
        write_cell(tmp_path / model, model=model, skill=skill, targets=GENRE | VALENCE, task="joint")
    page = Outline(write_sweep_report([tmp_path], tmp_path).read_text())
    assert "mean of macro F1 and Spearman" in page.text
    assert "Highest score: cnn, seed 0: predicted against true" in page.text
    assert "Lowest score: ast, seed 0: genre" in page.text
    header = "| # | configuration | score | 95 % interval | may be best | validation | genre | valence | linear |"
    assert header in (tmp_path / "report.md").read_text()


def test_markdown_has_the_tables(sweep: Path) -> None:
    write_sweep_report([sweep], sweep)
    text = (sweep / "report.md").read_text()
    assert text.startswith("# Sweep: sweep\n\n> **SYNTHETIC music.")
    assert re.search(r"^\| 1 \| cnn · mel \| 0\.\d{3} ± 0\.\d{3} \| \[0\.\d{3}, ", text, re.M)
    assert "| cnn | no score | 0." in text
    assert re.search(r"^\| 1  cnn · mel \| 0\.\d{3}\\\* \| 0\.\d{3}\\\* \|$", text, re.M)
    assert r"| cnn-chroma-s0 | failed | the loss is not finite; \<b>lower\</b> the rate |" in text


def test_the_table_of_figures_has_a_line_a_configuration(sweep: Path) -> None:
    write_sweep_report([sweep], sweep)
    with (sweep / "leaderboard.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["rank"], line["model"], line["features"]) for line in lines] == [
        ("1", "cnn", "mel"), ("2", "ast", "mel"), ("3", "ast", "chroma")]  # fmt: skip
    assert float(lines[0]["low"]) < float(lines[0]["score"]) < float(lines[0]["high"])
    assert (lines[0]["runs"], lines[0]["parameters"], lines[0]["alarms"]) == ("2", "1000", "below linear (2)")


def test_only_failed_runs_are_told(tmp_path: Path) -> None:
    write_state(tmp_path / "a", "failed", settings_of(), reason="no data")
    page = Outline(write_sweep_report([tmp_path], tmp_path).read_text()).text
    assert "No run has a score" in page
    assert "no data" in page
    assert "No run has a score" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "leaderboard.csv").read_text() == "table,rank,score\n"


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        RunFolderError, match=r"^no run in .*; expected a run folder, or one with runs below it .*; give"
    ):
        write_sweep_report([tmp_path], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    write_cell(tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot be written into"):
        write_sweep_report([tmp_path], tmp_path / "file" / "out")


def test_curves_and_costs_are_drawn_where_there_is_something_to_draw(tmp_path: Path) -> None:
    folder = write_cell(tmp_path / "a")
    section = gather("sweep", find_runs(tmp_path)).sections[0]
    assert "val, f1 macro" in (draw_curves(section) or "")
    assert draw_cost(section) is None
    (folder / "metrics.csv").write_text("epoch,train/f1_macro\n0,0.1\n")
    assert "train, f1 macro" in (draw_curves(gather("sweep", find_runs(tmp_path)).sections[0]) or "")
    (folder / "metrics.csv").write_text("epoch\n")
    assert draw_curves(gather("sweep", find_runs(tmp_path)).sections[0]) is None
