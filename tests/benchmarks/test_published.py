"""The published systems' page is rewritten without loss, and a sweep's table tells what varies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import published
from benchmarks.published_page import experiments, filled, score
from music_affect.system import files

CNN, OUR_CNN = "published/s1/cnn_mel", "published/ours/cnn_mel"
MLP, OUR_MLP = "published/s4/mlp_mfcc", "published/ours/mlp_mfcc"
PAGE = """\
<!-- measured: begin -->
Nothing.
<!-- measured: end -->

| row | published | published recipe | here | our recipe | here |
|---|---|---|---|---|---|
| CNN | .47 / .45 | `experiment=published/s1/cnn_mel` | – | `experiment=published/ours/cnn_mel` | .9 / .9 |
| MLP | not known | `experiment=published/s4/mlp_mfcc` | – | `experiment=published/ours/mlp_mfcc` | – |
"""


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def genre(f1: float) -> dict[str, Any]:
    test = {"classification": {"accuracy": interval(0.5), "f1_macro": interval(f1)}}
    return {"score": f1, "test": test, "seconds": {"training": 12.4}}


def affect(**by_target: float) -> dict[str, Any]:
    mean = sum(by_target.values()) / len(by_target)
    each = {name: {"spearman": interval(value)} for name, value in by_target.items()}
    return {"score": mean, "test": {"regression": {"spearman": interval(mean), "by_target": each}}}


def write_run(folder: Path, metrics: dict[str, Any] | None, *words: str) -> None:
    state = {"state": "done"} if metrics else {"state": "failed", "reason": "the loss\nis not finite"}
    files.write_json(folder / "status.json", state)
    if metrics:
        files.write_json(folder / "metrics.json", metrics)
    if words:
        files.write_text(folder / ".hydra" / "overrides.yaml", "".join(f"- {word}\n" for word in words))


def test_the_page_is_filled_cell_by_cell() -> None:
    scores = {CNN: ".31 / .30", OUR_MLP: ".40 / .39"}
    page = filled(PAGE, scores, "Measured in the dark.")
    assert f"| CNN | .47 / .45 | `experiment={CNN}` | .31 / .30 | `experiment={OUR_CNN}` | – |" in page
    assert f"| MLP | not known | `experiment={MLP}` | – | `experiment={OUR_MLP}` | .40 / .39 |" in page
    assert "<!-- measured: begin -->\nMeasured in the dark.\n<!-- measured: end -->" in page
    assert filled(page, scores, "Measured in the dark.") == page


def test_published_recipes_come_first() -> None:
    assert experiments(PAGE) == [
        CNN,
        MLP,
        OUR_CNN,
        OUR_MLP,
    ]


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        (genre(0.4), ".50 / .40"),
        (affect(valence=-0.25), "-.25"),
        (affect(valence=0.5, energy=1.0), ".50 / 1.00, mean .75"),
        ({"test": {**genre(0.4)["test"], **affect(energy=0.7)["test"]}}, ".50 / .40; .70"),
        ({"first_loss": 2.3, "last_loss": 0.0412}, "loss 2.30 to 0.041"),
    ],
)
def test_scores_are_given_as_the_reports_give_them(metrics: dict[str, Any], told: str) -> None:
    assert score(metrics) == told


def test_a_sweep_is_sorted_and_named_by_what_varies(tmp_path: Path) -> None:
    for place, (optimizer, metrics) in enumerate({"sgd": genre(0.2), "adam": genre(0.6), "lion": None}.items()):
        write_run(tmp_path / f"{place}-genre", metrics, "data=synthetic", f"optimizer={optimizer}")
    assert published.rows([tmp_path]) == [
        ("optimizer=adam", "0.600", "0.500 to 0.700", "12"),
        ("optimizer=sgd", "0.200", "0.100 to 0.300", "12"),
        ("optimizer=lion", "the loss is not finite", "", ""),
    ]


def test_runs_outside_a_sweep_go_by_their_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "first", genre(0.2))
    write_run(tmp_path / "second", genre(0.3))
    published.show(published.rows([tmp_path / "first", tmp_path / "second"]), tmp_path / "table.md")
    printed = capsys.readouterr().out
    assert printed.index("second") < printed.index("first")
    assert (tmp_path / "table.md").read_text().splitlines()[2] == "| second | 0.300 | 0.200 to 0.400 | 12 |"


def test_no_run_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no run in"):
        published.rows([tmp_path])


@pytest.mark.parametrize(
    ("name", "cap", "expected"),
    [
        ("published/s0/lenet_beat_mel", 3, ["data=synthetic_beat", "trainer.max_epochs=3"]),
        (MLP, 50, ["data=synthetic", "trainer.max_epochs=30"]),
        ("published/s2/lstm_overfit", 3, ["data=synthetic_beat"]),
    ],
)
def test_a_row_is_an_ordinary_run(name: str, cap: int, expected: list[str], tmp_path: Path) -> None:
    words, folder = published.run_words(name, 100, cap, tmp_path)
    assert words[0] == f"experiment={name}"
    assert [word for word in words if word.startswith(("data=", "trainer"))] == expected
    assert folder.is_relative_to(tmp_path)


def measure(page: Path, *words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        arguments = ["published", "--measure", "--page", str(page), "--outputs", str(page.parent / "runs"), *words]
        patch.setattr(sys, "argv", arguments)
        published.main()


def test_a_row_that_is_not_on_the_page_is_refused(tmp_path: Path) -> None:
    files.write_text(tmp_path / "page.md", PAGE)
    with pytest.raises(SystemExit, match="published/s1/cnn is no row of"):
        measure(tmp_path / "page.md", "--rows", "published/s1/cnn")


def test_measuring_fills_the_page_and_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, trained = tmp_path / "page.md", []

    def pretend(name: str, words: list[str]) -> None:
        trained.append(name)
        if name == MLP:
            write_run(published.run_words(name, 40, 1, tmp_path / "runs" / "clips40-epochs1")[1], genre(0.4))

    monkeypatch.setattr(published, "train", pretend)
    files.write_text(page, PAGE)
    for _ in range(2):
        measure(page, "--rows", MLP, OUR_MLP, "--clips", "40", "--epochs-cap", "1")
    text = page.read_text()
    assert "40 synthetic clips" in text
    assert "but 1 at most" in text
    assert f"`experiment={MLP}` | .50 / .40 | `experiment={OUR_MLP}` | – |" in text
    assert f"`experiment={OUR_CNN}` | – |" in text
    assert trained == [MLP, OUR_MLP, OUR_MLP], "only what failed is tried again"
    measure(page, "--rows", OUR_MLP, "--clips", "50")
    assert f"`experiment={MLP}` | .50 / .40 |" in page.read_text(), "nothing was measured, nothing is rewritten"


def test_a_run_that_fails_is_named_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    published.train(CNN, ["experiment=published/s1/cnn_me"])
    assert f"{CNN} has no score: error: experiment=published/s1/cnn_me, did you mean" in capsys.readouterr().out
