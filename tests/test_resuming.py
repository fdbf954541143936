"""Going on with a run: after its data changed, after its folder moved, without a whole last checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from audio_files import RATE, music
from hydra.core.hydra_config import HydraConfig
from interrupted_runs import Rows, composed, interrupted, trained, write_labelled_music, write_labels
from omegaconf import OmegaConf

from music_affect.contracts.errors import CheckpointError, RunFolderError
from music_affect.runs import state as run_state
from music_affect.sweep.run_job import make_run
from music_affect.system import files
from music_affect.train import train

STILL = "optimizer.lr=1e-12"  # nothing is learnt: the first epoch is the best


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labelled_music(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def stopped(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted after two epochs. Not to be changed."""
    return interrupted(original, tmp_path_factory.mktemp("runs") / "stopped", STILL)


@pytest.fixture(scope="module")
def whole(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, never interrupted. Not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    trained(original, folder, STILL)
    return folder


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    shutil.copytree(stopped, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Iterator[Path]:
    """The music, to be changed: it is put back with the times of its files."""
    shutil.copytree(original, tmp_path / "backup")
    yield original
    shutil.rmtree(original)
    shutil.copytree(tmp_path / "backup", original)


def rows_of(root: Path) -> Rows:
    return [line.split(",") for line in (root / "labels.csv").read_text().splitlines()[1:]]


def relabel(change: Callable[[Rows], Rows], root: Path) -> None:
    write_labels(root, change(rows_of(root)))


def exchange(rows: Rows) -> Rows:
    """Test clips become training clips and the other way round."""
    other = {"train": "test", "test": "train", "val": "val"}
    return [[path, genre, other[part]] for path, genre, part in rows]


def other_music(root: Path) -> None:
    soundfile.write(root / "010.wav", music(99, 1.5), RATE)


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a label": (partial(relabel, lambda rows: [[rows[0][0], "b", "train"], *rows[1:]]), "labels, groups or folds"),
    "a class": (
        partial(relabel, lambda rows: [[path, genre.replace("b", "c"), part] for path, genre, part in rows]),
        r"the classes or ends of genre \(b, c\)",
    ),
    "a clip": (partial(relabel, lambda rows: rows[1:]), "the clips or their parts"),
    "the parts": (partial(relabel, exchange), r"the clips or their parts.* \(6 of the 6 test clips have been learnt"),
    "the audio": (other_music, "the audio of clips changed"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_data_that_changed_is_not_gone_on_with(name: str, root: Path, run: Path) -> None:
    change, words = CHANGES[name]
    change(root)
    with pytest.raises(CheckpointError, match=words) as refused:
        trained(root, run, STILL, "resume=true")
    assert "overwrite=true" in str(refused.value)
    assert run_state.state(run).name == "failed"
    assert (run / "checkpoints" / "last.ckpt").is_file()


def test_copied_data_is_the_same_data(root: Path, run: Path, whole: Path) -> None:
    for path in root.iterdir():
        path.touch()
    metrics = trained(root, run, STILL, "resume=true")
    assert metrics["test"] == files.read_json(whole / "metrics.json")["test"]


def test_a_run_of_a_sweep_whose_data_changed_fails_with_the_reason(
    root: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"launcher": {"_target_": "BasicLauncher"}, "mode": "RUN"}
    HydraConfig.instance().cfg = OmegaConf.create({"hydra": own})  # type: ignore[assignment]
    relabel(exchange, root)
    try:
        score = make_run(composed(root, STILL), run, partial(train, summary=False))
    finally:
        HydraConfig.instance().cfg = None
    assert np.isnan(score)
    assert run_state.state(run).name == "failed"
    assert "6 of the 6 test clips have been learnt" in run_state.state(run).reason
    assert "Traceback" not in capsys.readouterr().err


def test_the_checkpoint_of_another_run_is_not_gone_on_with(root: Path, run: Path) -> None:
    path = run / "checkpoints" / "last.ckpt"
    content = torch.load(path, weights_only=True)
    content["music_affect"]["config"]["seed"] = 7
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"is of another run \(seed=7 there, 0 here\)"):
        trained(root, run, STILL, "resume=true")


@pytest.mark.parametrize("settings", ["[", "a: &a [*a, *a]", "- seed", "{seed: !!python/name:os.system }"])
def test_settings_of_any_content_are_one_line(settings: str, root: Path, run: Path) -> None:
    (run / "config.yaml").write_text(settings)
    with pytest.raises(RunFolderError, match=r"config\.yaml does not fit together"):
        train(composed(root, STILL, "resume=true"), run)


def test_more_epochs_are_another_run(root: Path, run: Path) -> None:
    with pytest.raises(RunFolderError, match=r"started with trainer\.max_epochs=4"):
        trained(root, run, STILL, "resume=true", "trainer.max_epochs=9")


def test_a_finished_run_says_that_its_data_is_another(
    root: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(whole, tmp_path / "whole")
    trained(root, folder, STILL, "resume=true")
    assert "changed" not in capsys.readouterr().out
    relabel(exchange, root)
    trained(root, folder, STILL, "resume=true")
    assert "labels or files were changed or copied since" in capsys.readouterr().out


def test_a_moved_run_keeps_its_best_epoch(original: Path, run: Path, whole: Path, tmp_path: Path) -> None:
    moved = run.rename(tmp_path / "another disk")
    metrics = trained(original, moved, STILL, "resume=true")
    expected = files.read_json(whole / "metrics.json")
    assert metrics["weights"] == expected["weights"]
    assert metrics["weights"]["epoch"] == 0
    assert metrics["test"] == expected["test"]
    assert (moved / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"half"])
def test_without_a_whole_last_checkpoint_the_one_before_is_used(
    content: bytes | None, original: Path, run: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = run / "checkpoints" / "last.ckpt"
    if content is None:
        last.unlink()
    else:
        last.write_bytes(last.read_bytes()[:10_000] if content == b"half" else content)
    metrics = trained(original, run, STILL, "resume=true")
    assert "the run goes on from the checkpoint before it, of epoch 0" in capsys.readouterr().out
    assert metrics["test"] == files.read_json(whole / "metrics.json")["test"]
    assert (run / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()


def test_without_any_whole_checkpoint_the_way_out_is_said(original: Path, run: Path) -> None:
    for name in ("last.ckpt", "last.previous.ckpt"):
        (run / "checkpoints" / name).write_bytes(b"garbage")
    with pytest.raises(CheckpointError, match=r"last\.ckpt cannot be read.*add overwrite=true"):
        trained(original, run, STILL, "resume=true")
