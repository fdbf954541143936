"""Every model on every kind of features: one batch of training and one of testing, on clips shorter than any crop."""

from __future__ import annotations

from pathlib import Path

import hydra
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from music_affect import build, command_line, compatibility, references
from music_affect.preparation import Prepared, prepare
from music_affect.spec import Categorical

CLIPS = ["data.source.num_clips=20", "data.source.seconds=2", "workers=1"]
# Published sizes shrunk, where a model has that setting: the wiring is what is tested here.
SMALL = {"depth": 1, "width": 48, "heads": 3, "channels": [8, 8, 8, 8]}


def compose(folder: Path, *words: str) -> DictConfig:
    command_line.register_resolvers()
    with hydra.initialize_config_dir(str(command_line.conf_folder().absolute()), version_base="1.3"):
        cfg = hydra.compose("train", overrides=[*CLIPS, f"paths.cache={folder}", "trainer=cpu", *words])
    for setting in SMALL.keys() & cfg.model.get("net", {}).keys():
        cfg.model.net[setting] = SMALL[setting]
    return cfg


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One corpus, and the features of each data set once, for all combinations."""
    return tmp_path_factory.mktemp("cache")


def prepared(cfg: DictConfig) -> Prepared:
    return prepare(cfg, build.source(cfg), lambda line: None)


def run_network(cfg: DictConfig, ready: Prepared) -> NDArray[np.float64]:
    """One training step, then the class probabilities of the first test batch."""
    data = build.datamodule(cfg, ready.cache, ready.splits, {ready.target: ready.kind})
    task = build.task(cfg, data.spec)
    before = [parameter.detach().clone() for parameter in task.parameters()]
    arguments = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = build.make(cfg.trainer, fast_dev_run=1, **arguments)
    trainer.fit(task, datamodule=data)
    assert any(not torch.equal(old, new) for old, new in zip(before, task.parameters(), strict=True))
    trainer.test(task, datamodule=data, verbose=False)
    return task.records["test"].predictions.double().numpy()


def run_reference(cfg: DictConfig, ready: Prepared) -> NDArray[np.float64]:
    view = build.view(cfg, ready.cache.identity.blocks)
    fitted = references.fit(build.reference(cfg), ready, view)
    return fitted.predict(references.rows(ready, view, ready.splits["test"]))


@pytest.mark.parametrize("features", ["mel", "chroma", "fused"])
@pytest.mark.parametrize("data", ["synthetic", "synthetic_beat"])
@pytest.mark.parametrize("model", compatibility.choices("model"))
@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore:.*LeafSpec")
def test_every_model_learns_and_predicts(model: str, data: str, features: str, cache: Path) -> None:
    cfg = compose(cache, f"model={model}", f"data={data}", f"features={features}")
    run = run_reference if "reference" in cfg.model else run_network
    ready = prepared(cfg)
    found = run(cfg, ready)
    assert isinstance(ready.kind, Categorical)
    assert found.shape == (len(ready.splits["test"]), ready.kind.num_classes)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found >= 0).all()
