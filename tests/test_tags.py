"""A run that predicts tags, from a table of them to its report, its checkpoint's answers and its place in a sweep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from running import compose

from music_affect.configuration import build, compatibility
from music_affect.contracts.errors import MusicAffectError
from music_affect.ensemble import ensemble
from music_affect.evaluate import evaluate
from music_affect.evaluation.pooling import pool
from music_affect.evaluation.sweep_report.sweep_report import write_sweep_report
from music_affect.predict import predict
from music_affect.runs.reader import RunFolder, read_run
from music_affect.system.files import read_csv
from music_affect.train import train

RATE, ARTISTS = 8000, 20
"""Of the clips, and of whom two each are."""


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of a second with a tone, noise, both or neither; one of them without a label."""
    folder, generator = tmp_path_factory.mktemp("music"), np.random.default_rng(0)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    lines = ["path,artist,tags"]
    for number in range(2 * ARTISTS):
        tags = [tag for place, tag in enumerate(("tone", "noise")) if number >> place & 1]
        loud = 0.2 if "noise" in tags else 0.01
        samples = loud * generator.standard_normal(RATE) + ("tone" in tags) * tone
        soundfile.write(folder / f"{number}.wav", samples, RATE)
        lines.append(f"{number}.wav,artist {number % ARTISTS},{'; '.join(tags) or '|' if number else ''}")
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def words(music: Path) -> list[str]:
    where = ["data=folder", f"data.root={music}", "data.source.tag_targets=[tags]", "workers=1", "trainer=cpu"]
    return [*where, "task=tags", "features=mel", "model=cnn_fast", "trainer.max_epochs=2", "split.test_fraction=0.4"]


@pytest.fixture(scope="module")
def run(music: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("runs") / "s0"
    train(compose("train", *words(music)), folder)
    return read_run(folder)


def test_a_run_is_scored_beside_its_references(run: RunFolder) -> None:
    scores = run.metrics["test"]["tagging"]
    assert run.score == scores["average_precision"]["value"]
    assert scores["average_precision"]["low"] is not None
    beside = run.metrics["references"]
    assert (
        beside["linear"]["tagging"]["roc_auc"]["value"] > 0.9 > beside["majority"]["tagging"]["roc_auc"]["value"] == 0.5
    )
    assert set(run.predictions[0]) >= {"tags", "predicted tags", "p(noise)", "p(tone)"}


def test_its_report_shows_every_tag(run: RunFolder) -> None:
    report = (run.path / "report.md").read_text(encoding="utf-8")
    assert "over 2 of 2 tags" in report
    assert "| frequency of each tag |" in report
    assert "| tag | average precision | ROC-AUC |" in report
    assert "## Calibration" not in report


def test_its_checkpoint_scores_the_same_and_answers_for_other_clips(run: RunFolder, tmp_path: Path) -> None:
    scored = evaluate(compose("evaluate", f"checkpoint={run.path}", f"out={tmp_path}"))
    assert scored["scores"] == run.metrics["test"]
    rows = read_csv(predict(compose("predict", f"checkpoint={run.path}", f"out={tmp_path / 'all.csv'}")))
    known = {row["id"]: row for row in run.predictions}
    assert len(rows) == 2 * ARTISTS
    assert all(row["p(tone)"] == known[row["id"]]["p(tone)"] for row in rows if row["id"] in known)


def test_it_is_pooled_averaged_and_ranked(run: RunFolder, tmp_path: Path) -> None:
    pooled = pool([run])
    value = pooled.scores()["tagging"]["average_precision"]["value"]
    assert value == pytest.approx(run.score, abs=1e-3)  # of probabilities as they are printed
    ensemble([run.path], tmp_path / "out")
    assert read_csv(tmp_path / "out" / "predictions.csv")[0]["predicted tags"]
    page = write_sweep_report([run.path.parent], tmp_path / "page").read_text(encoding="utf-8")
    assert "macro average precision" in page


@pytest.mark.parametrize(
    ("more", "fix"),
    [
        (["data.source.tag_targets=[]"], "add data.source.tag_targets=[tags]"),
        (["task.tags=tagz"], "choose task=tags or task.tags=tags"),
        (["task.target=genre"], "choose task=genre"),
        (["task.tags=null"], "name one"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(music: Path, more: list[str], fix: str) -> None:
    cfg = compose("train", *words(music), *more)
    with pytest.raises(MusicAffectError) as raised:
        compatibility.check(cfg, build.source(cfg))
    assert raised.value.fix.startswith(fix)
