"""Every experiment and every grid composes and learns a step from data of its own form; a grid runs as it is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from lab_files import write_affect_set, write_excerpts, write_genre_set
from omegaconf import DictConfig, OmegaConf
from running import TINY, compose, train_command

from benchmarks.published import rows
from benchmarks.published_page import experiments
from music_affect.configuration import build, overrides
from music_affect.configuration import compose as configuration
from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.system import files
from music_affect.train import train
from music_affect.training.experiment import prepare

CHECKOUT = Path(__file__).parents[1]
CONF = configuration.conf_folder()
EXPERIMENTS = overrides.options("experiment")
CELLS = [name for name in EXPERIMENTS if name.count("/") > 1]
GRIDS = overrides.options("grid")
# Published sizes shrunk: a transformer's, and the dense layer behind convolutions that are not pooled.
SMALL = {"depth": 1, "width": 48, "heads": 3, "linear": [16]}
STEP = ["data=synthetic", *TINY, "trainer=cpu", "trainer.max_epochs=1", "+trainer.limit_train_batches=1"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four sets, with enough affect labels to hold out a test and a validation part."""
    root = tmp_path_factory.mktemp("lab")
    for suffix, beat in (("", False), ("_beat", True)):
        write_genre_set(root / f"fma_genre_spectrograms{suffix}", beat)
        write_affect_set(root / f"multitask_dataset{suffix}", beat, train=50)
    return root


@pytest.fixture(scope="module")
def excerpts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_excerpts(tmp_path_factory.mktemp("excerpts"))


def own_words(group: str, name: str) -> list[str]:
    """The words of the command with which a file opens."""
    first, second = (CONF / group / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[:2]
    assert first == "# @package _global_"
    entry, words = re.fullmatch(r"# python -m music_affect\.(\w+) (.+)", second).groups()  # type: ignore[union-attr]
    assert entry == "train"
    assert f"{group}={name}" in words.split()
    return list(words.split())


def learns(cfg: DictConfig) -> None:
    """One training step changes weights, and every test clip of a batch gets an answer."""
    for setting in SMALL.keys() & cfg.model.net.keys():
        cfg.model.net[setting] = SMALL[setting]
    ready = prepare(cfg, build.source(cfg))
    data = build.datamodule(cfg, ready.cache, ready.splits, ready.targets)
    task = build.task(cfg, data.spec, ready.splits["train"])
    before = [weights.detach().clone() for weights in task.parameters()]
    silent = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = build.make(cfg.trainer, fast_dev_run=1, **silent)
    trainer.fit(task, datamodule=data)
    assert any(not torch.equal(old, new) for old, new in zip(before, task.parameters(), strict=True))
    trainer.test(task, datamodule=data, verbose=False)
    assert task.records["test"].predictions.keys() == ready.targets.keys()
    assert all(torch.isfinite(answers).all() for answers in task.records["test"].predictions.values())


def on_small_data(words: list[str], lab: Path, excerpts: Path) -> DictConfig:
    """A command on the miniature of its own data."""
    cfg = compose("train", *words, "trainer=cpu")
    cfg.data.root = str(excerpts if cfg.data.name == "excerpts" else lab)
    return cfg


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
def test_every_experiment_learns_a_step(name: str, lab: Path, excerpts: Path) -> None:
    cfg = on_small_data(own_words("experiment", name), lab, excerpts)
    assert cfg.data.name != "synthetic_beat", "a published cell names its data"
    learns(cfg)


@pytest.mark.parametrize("name", sorted(set(EXPERIMENTS) - set(CELLS)))
def test_what_rows_share_composes_alone(name: str) -> None:
    assert OmegaConf.to_container(compose("train", *own_words("experiment", name)), resolve=True)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
def test_every_cell_of_a_grid_composes_and_the_first_learns(name: str, lab: Path, excerpts: Path) -> None:
    words = own_words("grid", name)
    params = configuration.check_overrides("train", words).hydra.sweeper.params
    for key, values in params.items():
        for value in values.split(","):
            assert compose("train", *words, f"{key}={value}")
    first = [f"{key}={values.split(',')[0]}" for key, values in params.items()]
    learns(on_small_data([*words, *first], lab, excerpts))


@pytest.mark.slow
def test_the_two_commands_of_a_transfer_run_in_order(tmp_path: Path) -> None:
    start, transfer = (
        compose("train", f"experiment=published/s1/{name}", *STEP, f"paths.outputs={tmp_path}")
        for name in ("cnn_mel", "cnn_transfer_energy")
    )
    with pytest.raises(CheckpointError, match=f"nothing at start_from={tmp_path}/genre/synthetic-mel-cnn_b-s0-s1"):
        train(transfer, tmp_path / "early")
    train(start, tmp_path / start.task.name / start.run_name)
    found = train(transfer, tmp_path / transfer.task.name / transfer.run_name)
    assert found["start"]["loaded"] == ["backbone"]
    assert found["start"]["freeze"] == "backbone"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "published/s0/lenet_multitask",
        "published/s2/lstm_beat_chroma",
        "published/s3/rnn_fused",
        "published/s4/cnn_melgram",
    ],
)
def test_experiments_train_on_synthetic_music(name: str, tmp_path: Path) -> None:
    found = train(compose("train", f"experiment={name}", *STEP), tmp_path)
    assert found["synthetic"] is True
    assert (tmp_path / "report.md").is_file()


@pytest.mark.slow
def test_a_grid_runs_its_cells_and_their_table_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_AFFECT_OUTPUTS", str(tmp_path / "outputs"))
    assert train_command(tmp_path, "grid=lstm_features", *STEP, "features=mel,chroma") == 0
    assert not (tmp_path / "outputs").exists(), "a sweep leaves no folder of a single run behind"
    (sweep,) = (tmp_path / "multirun").iterdir()
    table = rows([sweep])
    assert sorted(cells[0] for cells in table) == ["features=chroma", "features=mel"]
    assert float(table[0][1]) >= float(table[1][1])
    assert all(files.read_json(path)["state"] == "done" for path in sweep.rglob("status.json"))


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (
            "experiment=published/s1/cnn_me",
            "did you mean 'published/s1/cnn_mel'?; expected experiment to be one of published/s1/cnn_d",
        ),
        ("experiment=elsewhere", "expected experiment to be one of demo, published/…, transfer;"),
        ("grid=s4_optimiser", "did you mean 's4_optimizers'?"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_its_neighbours(word: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configuration.check_overrides("train", [word])
    assert told in str(caught.value)


def test_the_page_lists_every_cell() -> None:
    page = (CHECKOUT / "docs" / "published-systems.md").read_text(encoding="utf-8")
    assert sorted(experiments(page)) == CELLS
    assert [name for name in GRIDS if f"`{name}`" not in page] == []
