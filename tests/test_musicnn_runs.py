"""The published network in whole commands: as features, and fine-tuned; from a wheel that is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from musicnn_files import write_wheel
from running import QUICK, compose, train_quickly

from music_affect.contracts.errors import ConfigurationError
from music_affect.evaluate import evaluate
from music_affect.models.musicnn_start import state
from music_affect.models.musicnn_wheel import read
from music_affect.prepare import prepare
from music_affect.runs.checkpoint import read_checkpoint
from music_affect.train import train

FEW = [*QUICK, "data.source.num_clips=40", "trainer.max_epochs=1"]  # the corpus of the other tests


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel(tmp_path_factory.mktemp("wheels") / "musicnn.whl")


def test_its_tags_are_features_like_any_other(tiny_corpus: Path, wheel: Path, tmp_path: Path) -> None:
    words = ["data=synthetic", "data.source.num_clips=40", "data.source.seconds=3", "workers=1"]
    named = "features.extraction.network.file="
    assert prepare(compose("prepare", *words, "features=musicnn", "variants=[full]", f"{named}{wheel}")).made == 40
    again = [*FEW, "model=linear", "features=musicnn_tags", "task=joint", f"{named}{wheel}"]
    metrics = train(compose("train", *again), tmp_path / "run")
    assert sum(metrics["clips"][part] for part in ("train", "val", "test")) == 40
    assert read_checkpoint(tmp_path / "run").description.spec.blocks == {"tags": (0, 50)}
    scored = evaluate(compose("evaluate", "accelerator=cpu", f"checkpoint={tmp_path / 'run'}"))
    assert scored["scores"] == metrics["test"]


def test_fine_tuning_keeps_the_filters_and_needs_no_wheel_afterwards(tiny_corpus: Path, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "musicnn.whl")
    words = ["model=musicnn", "features=musicnn_mel", f"model.pretrained={wheel}", "loader.windows=1"]
    metrics = train_quickly(tmp_path / "run", *FEW[len(QUICK) :], *words)
    published = state(read(wheel))
    wheel.unlink()
    checkpoint = read_checkpoint(tmp_path / "run")
    trained = {name.removeprefix("backbone."): value for name, value in checkpoint.weights.items()}
    same = {name for name, value in published.items() if torch.equal(value, trained[name])}
    fixed = {name for name in published if name.endswith(("mean", "variance")) or name.startswith("front_end.")}
    assert same == fixed
    assert set(checkpoint.description.normalizer.deviation.tolist()) == {1.0}
    scored = evaluate(compose("evaluate", "accelerator=cpu", f"checkpoint={tmp_path / 'run'}"))
    assert scored["scores"] == metrics["test"]


def test_heads_alone_may_be_trained(tiny_corpus: Path, wheel: Path, tmp_path: Path) -> None:
    words = ["model=musicnn", "features=musicnn_mel", f"model.pretrained={wheel}", "freeze=backbone"]
    train_quickly(tmp_path / "run", *FEW[len(QUICK) :], *words)
    trained = read_checkpoint(tmp_path / "run").weights
    assert all(torch.equal(value, trained[f"backbone.{name}"]) for name, value in state(read(wheel)).items())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model=musicnn"], "model=musicnn with features=fused; expected features=musicnn_mel, which its weights"),
        (["freeze=front_end"], "freeze=front_end without a start"),
        (["model=musicnn", "features=musicnn_mel", "data=synthetic_beat"], r"data\.beat=true"),
    ],
)
def test_words_that_cannot_be_meant(tiny_corpus: Path, tmp_path: Path, words: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        train_quickly(tmp_path / "run", *FEW[len(QUICK) :], *words)
