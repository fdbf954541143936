"""Genre and affect at once: from two of the lab's sets, and from one folder whose table has empty cells."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from lab_files import KEPT
from running import compose

from music_affect.configuration import build
from music_affect.contracts.errors import ConfigurationError, LabelError, MusicAffectError, TaskMismatchError
from music_affect.data.datamodule import ClipDataModule
from music_affect.evaluate import evaluate
from music_affect.system import files
from music_affect.train import train
from music_affect.training.experiment import prepare

SCALES = ("valence", "energy", "danceability")
BRIEF = ["model=cnn_fast", "trainer=cpu", "trainer.max_epochs=2", "loader.windows=1", "workers=1"]


def of_the_lab(root: Path) -> list[str]:
    words = ["data=fma", f"data.root={root}", "data@also=multitask", f"also.root={root}", "task=joint"]
    return [*words, *BRIEF]


def served(words: list[str]) -> ClipDataModule:
    cfg = compose("train", *words)
    prepared = prepare(cfg, build.source(cfg))
    return build.datamodule(cfg, prepared.cache, prepared.splits, prepared.targets)


@pytest.fixture(scope="module")
def run(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("runs") / "joint"
    return folder, train(compose("train", *of_the_lab(lab_root)), folder)


def test_scores_stand_by_task_and_their_mean_decides(run: tuple[Path, dict[str, Any]]) -> None:
    folder, metrics = run
    genre, affect = metrics["test"]["classification"], metrics["test"]["regression"]
    assert genre["clips"] == len(KEPT)
    assert 3 <= affect["clips"] <= 6
    assert metrics["clips"]["test"] == genre["clips"] + affect["clips"]
    assert list(affect["by_target"]) == list(SCALES)
    assert metrics["score"] == pytest.approx((genre["f1_macro"]["value"] + affect["spearman"]["value"]) / 2)
    assert metrics["data"] == "fma+multitask"
    assert (folder / "report.md").is_file()


def test_a_clip_is_predicted_on_all_labels_and_its_missing_ones_are_empty(run: tuple[Path, dict[str, Any]]) -> None:
    rows = [row for row in files.read_csv(run[0] / "predictions.csv") if row["split"] == "test"]
    for row in rows:
        of_genre = row["id"].startswith("fma/")
        assert bool(row["genre"]) is of_genre
        assert all(bool(row[name]) is not of_genre for name in SCALES)
        assert row["predicted genre"]
        assert all(0 <= float(row[f"predicted {name}"]) <= 1 for name in SCALES)
    assert {row["id"].split("/")[0] for row in rows} == {"fma", "multitask"}


def test_every_label_has_a_loss_of_its_own_in_every_epoch(run: tuple[Path, dict[str, Any]]) -> None:
    for row in files.read_csv(run[0] / "metrics.csv"):
        losses = {name: float(row[f"train/{name}/loss"]) for name in ("genre", *SCALES)}
        assert min(losses.values()) > 0
        balanced = losses["genre"] + sum(losses[name] for name in SCALES) / 3
        assert float(row["train/loss"]) == pytest.approx(balanced, rel=1e-5)


def test_both_sets_are_drawn_equally_often_in_every_epoch(lab_root: Path) -> None:
    data = served(of_the_lab(lab_root))
    in_train = Counter(clip.data for clip in data.splits["train"])
    assert in_train["fma"] > 2 * in_train["multitask"]
    total: Counter[str] = Counter()
    for epoch in range(30):
        sampler: Any = data.train_dataloader().sampler
        sampler.set_epoch(epoch)
        drawn = Counter(data.splits["train"][place].data for plan in sampler for place in plan.clips)
        assert set(drawn) == {"fma", "multitask"}
        total += drawn
    assert total["multitask"] / total.total() == pytest.approx(0.5, abs=0.05)


def test_without_balance_each_clip_is_drawn_once(lab_root: Path) -> None:
    data = served([*of_the_lab(lab_root), "loader.data_balance=none"])
    sampler: Any = data.train_dataloader().sampler
    drawn = Counter(place for plan in sampler for place in plan.clips)
    assert sorted(drawn.values()) == [1] * len(data.splits["train"])


def test_a_clip_of_one_set_teaches_nothing_about_the_labels_of_the_other(lab_root: Path) -> None:
    words = of_the_lab(lab_root)
    data = served(words)
    task = build.task(compose("train", *words), data.spec, data.splits["train"]).train()
    for batch in data.windows("train"):
        missing = batch.targets["genre"] < 0
        assert bool(missing.any())
        assert torch.equal(missing, batch.targets["valence"].isfinite())
        embedding = task.backbone(batch.spectrogram, batch.lengths).detach().requires_grad_()
        for name, objective in zip(task.labels, task.objectives, strict=True):
            losses, shares = objective.losses(objective(embedding), batch.targets[name], None)  # type: ignore[operator]
            (gradient,) = torch.autograd.grad(losses.sum(), embedding)
            lacking = missing if name == "genre" else ~missing
            assert not gradient[lacking].any()
            assert gradient[~lacking].any()
            assert torch.equal(shares, (~lacking).float())


@pytest.fixture(scope="module")
def songs(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the synthetic clips, each with a genre or a valence or both."""
    root = tmp_path_factory.mktemp("songs")
    shutil.copytree(tiny_corpus / "clips", root / "clips", copy_function=os.link)
    lines = ["path,genre,valence"]
    for place, path in enumerate(sorted((root / "clips").iterdir())):
        genre, valence = ("Rock" if place % 2 else "Jazz"), f"0.{place % 9 + 1}"
        cells = [(genre, ""), ("", valence), (genre, valence)][place % 3]
        lines.append(f"clips/{path.name},{','.join(cells)}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def test_a_folder_whose_table_has_empty_cells(songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data=folder", f"data.root={songs}", "task=joint", "task.targets=[valence]", "split.test_fraction=0.3"]
    metrics = train(compose("train", *words, *BRIEF), tmp_path / "run")
    rows = [row for row in files.read_csv(tmp_path / "run" / "predictions.csv") if row["split"] == "test"]
    assert metrics["test"]["classification"]["clips"] == sum(row["genre"] != "" for row in rows) < len(rows)
    assert metrics["test"]["regression"]["clips"] == sum(row["valence"] != "" for row in rows) < len(rows)
    told = capsys.readouterr().out
    assert "of 40 clips have no label genre; they teach the others." in told
    assert "of 40 clips have no label valence; they teach the others." in told


def refusal(folder: Path, *words: str) -> MusicAffectError:
    with pytest.raises(MusicAffectError) as caught:
        train(compose("train", *words), folder)
    assert not folder.exists(), "refused before any work"
    return caught.value


def test_a_row_a_beat_beside_full_rate_is_refused(lab_root: Path, tmp_path: Path) -> None:
    words = of_the_lab(lab_root)
    error = refusal(tmp_path / "run", "data=fma_beat", *words[1:])
    assert isinstance(error, ConfigurationError)
    assert error.found == "data=fma_beat with data@also=multitask: only one of them has a row a beat"
    assert "both with _beat or both without" in error.fix


def test_one_set_twice_is_refused(lab_root: Path, tmp_path: Path) -> None:
    words = [word.replace("multitask", "fma") for word in of_the_lab(lab_root)]
    error = refusal(tmp_path / "run", *words)
    assert isinstance(error, LabelError)
    assert error.found == "two data sets with the name 'fma'"


def test_arrays_beside_audio_are_refused(lab_root: Path, tmp_path: Path) -> None:
    error = refusal(tmp_path / "run", "data=fma", f"data.root={lab_root}", "data@also=synthetic", "task=joint")
    assert error.found == "fma holds arrays; synthetic holds audio"


def test_two_sets_without_the_label_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text("path,valence,energy,danceability\na.wav,1,0,1\nb.wav,0,1,0\n")
    words = ["data=folder", f"data.root={tmp_path / 'one'}", "data@also=folder", f"also.root={tmp_path / 'two'}"]
    error = refusal(tmp_path / "run", *words, "task=joint")
    assert isinstance(error, TaskMismatchError)
    assert error.found.startswith("task=joint needs the categorical label 'genre'; data=one+two offers valence")
    assert "task=affect, danceability, energy, valence" in error.fix
    assert "data=fma" in error.fix


def test_a_second_set_needs_a_folder_of_its_own(lab_root: Path, tmp_path: Path) -> None:
    words = [word for word in of_the_lab(lab_root) if not word.startswith("also.root")]
    error = refusal(tmp_path / "run", *words)
    assert error.found == "data@also=multitask without a folder"
    assert error.fix == "add also.root=PATH"


def test_one_of_the_two_sets_is_scored_by_the_labels_that_it_carries(
    run: tuple[Path, dict[str, Any]], lab_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"checkpoint={run[0]}", "data=multitask", f"data.root={lab_root}", "accelerator=cpu"]
    scored = evaluate(compose("evaluate", *words))
    assert list(scored["scores"]) == ["regression"]
    assert "data=multitask has no label genre: not scored." in capsys.readouterr().out
    assert scored["trained_on"] > 0, "its clips are those of the training, whatever they are called there"
