"""Every model on every kind of features: one batch of training and one of testing, on clips shorter than any crop."""

from __future__ import annotations

from pathlib import Path

import hydra
import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from music_affect.configuration import build, compatibility
from music_affect.configuration import compose as configuration
from music_affect.contracts.spec import Categorical
from music_affect.data.preparation import Prepared
from music_affect.evaluation import references
from music_affect.runs.predictions import Predictions
from music_affect.training.experiment import prepare

CLIPS = ["data.source.num_clips=20", "data.source.seconds=2", "workers=1"]
# Published sizes shrunk, where a model has that setting: the wiring is what is tested here.
SMALL = {"depth": 1, "width": 48, "heads": 3, "channels": [8, 8, 8, 8]}

EXCERPTS = {"melgram", "mfcc"}  # each second by itself, which has no beats
# What a pretrained network says is made from weights that are fetched; musicnn_mel is what it hears, without beats.
OWN = [name for name in compatibility.choices("features") if not name.startswith(("musicnn", "embedding"))]
INPUTS = [
    *(("synthetic", features) for features in OWN),
    *(("synthetic_beat", features) for features in OWN if features not in EXCERPTS),
]


def compose(folder: Path, *words: str) -> DictConfig:
    with hydra.initialize_config_dir(str(configuration.conf_folder().absolute()), version_base="1.3"):
        cfg = hydra.compose("train", overrides=[*CLIPS, f"paths.cache={folder}", "trainer=cpu", *words])
    for setting in SMALL.keys() & cfg.model.get("net", {}).keys():
        cfg.model.net[setting] = SMALL[setting]
    return cfg


# An average trains its members, which are among the others; tests/test_average.py has it.
MODELS = [name for name in compatibility.choices("model") if "members" not in compatibility.choice("model", name)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One corpus, and the features of each data set once, for all combinations."""
    return tmp_path_factory.mktemp("cache")


def prepared(cfg: DictConfig) -> Prepared:
    return prepare(cfg, build.source(cfg))


def run_network(cfg: DictConfig, ready: Prepared) -> Predictions:
    """One training step, then the answers for the first test batch."""
    data = build.datamodule(cfg, ready.cache, ready.splits, ready.targets)
    task = build.task(cfg, data.spec, ready.splits["train"])
    before = [parameter.detach().clone() for parameter in task.parameters()]
    arguments = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = build.make(cfg.trainer, fast_dev_run=1, **arguments)
    trainer.fit(task, datamodule=data)
    assert any(not torch.equal(old, new) for old, new in zip(before, task.parameters(), strict=True))
    trainer.test(task, datamodule=data, verbose=False)
    return {name: rows.double().numpy() for name, rows in task.records["test"].predictions.items()}


def run_reference(cfg: DictConfig, ready: Prepared) -> Predictions:
    view = build.view(cfg, ready.cache.identity.blocks)
    fitted = references.fit(lambda: build.references(cfg), ready, view)
    return references.predict(fitted, references.rows(ready, view, ready.splits["test"]))


def learns_and_predicts(cfg: DictConfig) -> list[str]:
    """Trains, tests, and checks the answers; the labels that were predicted."""
    ready = prepared(cfg)
    found = (run_reference if "reference" in cfg.model else run_network)(cfg, ready)
    assert found.keys() == ready.targets.keys()
    for name, kind in ready.targets.items():
        answers = found[name].reshape(len(ready.splits["test"]), -1)
        assert np.isfinite(answers).all()
        assert answers.shape[1] == (kind.num_classes if isinstance(kind, Categorical) else 1)
        if isinstance(kind, Categorical):
            np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
            assert (answers >= 0).all()
    return list(found)


@pytest.mark.parametrize(("data", "features"), INPUTS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore:.*LeafSpec")
def test_every_model_learns_and_predicts(model: str, data: str, features: str, cache: Path) -> None:
    assert learns_and_predicts(compose(cache, f"model={model}", f"data={data}", f"features={features}"))


# The synthetic corpus has no tags; tests/test_tags.py learns them.
@pytest.mark.parametrize("task", [name for name in compatibility.choices("task") if name != "tags"])
@pytest.mark.parametrize("model", ["linear", "cnn_fast", "lstm"])
@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore:.*LeafSpec")
def test_every_task_is_learnt_and_predicted(task: str, model: str, cache: Path) -> None:
    cfg = compose(cache, f"model={model}", "data=synthetic_beat", f"task={task}")
    assert learns_and_predicts(cfg) == list(compatibility.wanted(cfg.task))
