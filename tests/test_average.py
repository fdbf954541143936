"""An averaged system: its members are runs, it is one run and one checkpoint, used like any other."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from running import compose, train_quickly

from music_affect import load
from music_affect.contracts.errors import CheckpointError, ConfigurationError, MusicAffectError
from music_affect.evaluate import evaluate
from music_affect.predict import predict
from music_affect.runs import replacement
from music_affect.runs.checkpoint import KEY, read_checkpoint
from music_affect.runs.reader import read_run
from music_affect.system import files
from music_affect.training import answers

WORDS = ("model=average", "task=joint", "trainer.max_epochs=1", "model.members.cnn.model.net.channels=[8]")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its run folder. Not to be changed."""
    folder = tmp_path_factory.mktemp("average") / "run"
    train_quickly(folder, *WORDS)
    return folder


def values(folder: Path, column: str) -> dict[str, float]:
    """One column of ``predictions.csv`` by clip."""
    return {row["id"]: float(row[column]) for row in read_run(folder).predictions}


@pytest.mark.parametrize("column", ["p(Jazz)", "predicted energy"])
def test_its_answers_are_the_mean_of_its_members(finished: Path, column: str) -> None:
    own = values(finished, column)
    kernel, cnn = (values(finished / "members" / name, column) for name in ("kernel", "cnn"))
    assert len(own) > 5
    for clip, value in own.items():
        assert value == pytest.approx((kernel[clip] + cnn[clip]) / 2, abs=2e-6)


def test_one_checkpoint_gives_the_same_figures_after_its_members_are_gone(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere.ckpt"
    copy.write_bytes((finished / "checkpoints" / "last.ckpt").read_bytes())
    scored = evaluate(compose("evaluate", f"checkpoint={copy}", f"out={tmp_path}", "workers=1"))
    assert scored["scores"] == read_run(finished).metrics["test"]
    table = predict(
        compose("predict", f"checkpoint={copy}", f"out={tmp_path / 'answers.csv'}", "data=synthetic", "workers=1",
                "data.source.num_clips=60", "data.source.seconds=3")
    )  # fmt: skip
    assert len(table.read_text().splitlines()) == 61


def test_its_report_shows_the_members(finished: Path) -> None:
    report = (finished / "report.md").read_text()
    assert "member kernel: kernel on fused" in report
    assert "member cnn: cnn on fused" in report
    assert not (finished / "members" / "cnn" / "csv").exists(), "the average alone is logged"


def test_a_run_that_was_cut_off_keeps_the_members_that_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("music_affect.training.fit.fit", stop)
        with pytest.raises(KeyboardInterrupt):
            train_quickly(folder, *WORDS)
    kept = (folder / "members" / "kernel" / "metrics.json").stat().st_mtime_ns
    metrics = train_quickly(folder, *WORDS, "resume=true")
    assert metrics["status"] == "done"
    assert (folder / "members" / "kernel" / "metrics.json").stat().st_mtime_ns == kept


def test_overwriting_trains_the_members_anew(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    metrics = train_quickly(folder, *WORDS, "overwrite=true", "seed=1")
    assert metrics["status"] == "done"
    assert read_run(folder / "members" / "cnn").metrics["seed"] == 1
    assert not [path for path in folder.rglob("*") if path.name in replacement.HIDDEN]


def test_a_run_that_makes_way_leaves_nothing_of_its_members(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    replacement.remove(folder)
    assert not (folder / "members").exists()


def test_weights_count_by_the_kind_of_label() -> None:
    kinds = read_targets()
    given = {"a": {"genre": np.array([[1.0, 0.0]]), "energy": np.array([1.0])},
             "b": {"genre": np.array([[0.0, 1.0]]), "energy": np.array([0.0])}}  # fmt: skip
    weights = {"a": {"classification": 0.0, "regression": 3.0}, "b": {"classification": 1.0, "regression": 1.0}}
    found = answers.mean_of(given, weights, kinds)
    assert found["genre"].tolist() == [[0.0, 1.0]]
    assert found["energy"].tolist() == [0.75]


def read_targets() -> dict[str, Any]:
    from music_affect.contracts.spec import Categorical, Continuous

    return {"genre": Categorical(("x", "y")), "energy": Continuous(0.0, 1.0)}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["model.members.cnn.regression=0", "model.members.kernel.regression=0"], "none of whose members counts"),
        (["start_from=RUN"], "start_from with model=average, which is an average of kernel, cnn"),
        (["loader.overfit_batches=1"], "debug with model=average"),
        (["model.members.cnn.features.blocks=[mfcc]"], "mfcc"),
    ],
)
def test_what_members_cannot_share_is_refused_before_any_work(
    finished: Path, tmp_path: Path, words: list[str], found: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        train_quickly(tmp_path / "run", *WORDS, *(word.replace("RUN", str(finished)) for word in words))
    assert found in refused.value.found
    assert not (tmp_path / "run").exists()


def test_a_network_is_not_started_from_it_or_loaded_from_it(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="an average of several"):
        train_quickly(tmp_path / "run", f"start_from={finished}")
    with pytest.raises(CheckpointError, match="an average of several"):
        load(finished)


@pytest.mark.parametrize("place", ["net", "top"])
def test_a_stranger_s_member_builds_nothing_foreign(finished: Path, tmp_path: Path, place: str) -> None:
    content = torch.load(finished / "checkpoints" / "last.ckpt", weights_only=True)
    member = content["members"]["cnn"][KEY]["config"]
    settings = member["model"] if place == "net" else content[KEY]["config"]["model"]["members"]["cnn"]["model"]
    settings["net"]["_target_"] = "os.system"
    torch.save(content, tmp_path / "hostile.ckpt")
    with pytest.raises(MusicAffectError, match=r"would call os\.system"):
        read_checkpoint(tmp_path / "hostile.ckpt")


def test_members_that_do_not_belong_together_are_one_line(finished: Path, tmp_path: Path) -> None:
    content = torch.load(finished / "checkpoints" / "last.ckpt", weights_only=True)
    del content["members"]["cnn"]
    content["members"]["other"] = content["members"]["kernel"]
    torch.save(content, tmp_path / "odd.ckpt")
    with pytest.raises(CheckpointError, match="does not fit together"):
        evaluate(compose("evaluate", f"checkpoint={tmp_path / 'odd.ckpt'}", f"out={tmp_path}", "workers=1"))


def test_files_of_a_member_are_those_of_a_run(finished: Path) -> None:
    assert files.read_json(finished / "members" / "cnn" / "status.json")["state"] == "done"
    assert read_run(finished / "members" / "cnn").metrics["model"] == "cnn"
