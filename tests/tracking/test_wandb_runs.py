"""Runs that are resumed, that fail, that belong to a sweep, and that find no server."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.core.hydra_config import HydraConfig
from logged_runs import WANDB_FOLDERS, WORDS, log_epoch, record, rows_of
from omegaconf import OmegaConf
from running import QUICK, train_quickly
from wandb_records import epochs, files_of, of_run

from music_affect.configuration import compose as configuration
from music_affect.system import files
from music_affect.training import fit as fitting
from music_affect.training.loggers import connection, opened, wandb
from music_affect.training.loggers.spectrograms import draw_clip
from music_affect.training.loggers.wandb import WandbLogger

OFFLINE = ["logger=wandb", "logger.wandb.mode=offline"]


def test_a_run_that_fails_is_the_same_run_when_it_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*WORDS, "model=cnn_fast", *OFFLINE]
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "predict", lambda *_: (_ for _ in ()).throw(RuntimeError("no memory left")))
        with pytest.raises(RuntimeError, match="no memory left"):
            train_quickly(tmp_path / "run", *words)
    train_quickly(tmp_path / "run", *words, "resume=true")
    failed, resumed = of_run(tmp_path / "run", starts=2)
    assert (failed.exit_code, resumed.exit_code) == (1, 0)
    assert failed.id == resumed.id
    assert "test/f1_macro" not in failed.summary
    assert resumed.summary["score"] == files.read_json(tmp_path / "run" / "metrics.json")["score"]
    # Nothing was left to train: the epochs come from the earlier attempt, and so the later recording is whole.
    assert [[row["epoch"] for row in epochs(one)] for one in (failed, resumed)] == [[0, 1], [0, 1]]
    # `wandb sync` goes by the first one.
    assert [file.with_suffix(".wandb.synced").exists() for file in files_of(tmp_path / "run")] == [True, False]


def test_a_run_is_in_the_group_of_its_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*QUICK, "model=majority", *OFFLINE, "hydra.mode=MULTIRUN"]
    cfg = configuration.check_overrides("train", [*words, f"hydra.sweep.dir={tmp_path / 'my-sweep'}"])
    monkeypatch.setattr(HydraConfig.instance(), "cfg", OmegaConf.masked_copy(cfg, ["hydra"]))
    train_quickly(tmp_path / "my-sweep" / "run", "model=majority", *OFFLINE)
    (logged,) = of_run(tmp_path / "my-sweep" / "run")
    assert (logged.group, logged.exit_code) == ("my-sweep", 0)
    assert "majority" in logged.tags
    assert logged.summary["majority/accuracy"] == logged.summary["test/accuracy"]
    assert logged.config["model"]["name"] == "majority"


def test_processes_at_once_record_each_in_its_own_run_folder(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = get_context("spawn").Process(target=record, args=(finished, tmp_path / "b"))
    other.start()
    record(finished, tmp_path / "a")
    other.join(120)
    assert other.exitcode == 0
    (first,), (second,) = of_run(tmp_path / "a"), of_run(tmp_path / "b")
    assert first.id != second.id
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert len(epochs(first)) == len(epochs(second)) == 2
    assert {one.name for one in tmp_path.iterdir() if one.is_dir()} <= {"a", "b", *WANDB_FOLDERS}


def test_a_group_can_be_chosen_and_no_other_run_of_the_process_is_touched(tmp_path: Path) -> None:
    import wandb as library

    with opened([WandbLogger(str(tmp_path), mode="offline", group="mine", notes="a word of wandb.init")], {}):
        assert library.run is None
    (logged,) = of_run(tmp_path)
    assert (logged.group, logged.name) == ("mine", tmp_path.name)


class Connected:
    """Stands in for a run of W&B whose server answers, or went away, and holds the first epoch."""

    offline, resumed, summary = False, True, {"epoch": 0}

    def __init__(self, folder: Path, gone: bool = False) -> None:
        self.sync_dir, self._gone, self.rows = str(folder), gone, list[Any]()
        folder.mkdir(parents=True)
        (folder / "run-a.wandb").write_bytes(b":W&B")

    def log(self, row: Any) -> None:
        self.rows.append(row)

    def finish(self, exit_code: int) -> None:
        if self._gone:
            raise TimeoutError("Timed out finishing run.")


@pytest.mark.parametrize("gone", [False, True])
def test_a_run_counts_as_sent_once_its_server_has_all_of_it(tmp_path: Path, gone: bool, lines: list[str]) -> None:
    run = Connected(tmp_path / "wandb" / "run-20260101_120000-a", gone)
    own = WandbLogger(str(tmp_path), experiment=run)
    (file,) = files_of(tmp_path)
    assert not file.with_suffix(".wandb.synced").exists()  # killed here, it would be sent later
    own.finalize("success")
    assert file.with_suffix(".wandb.synced").exists() is not gone
    left = "W&B has not taken all of the run: `python -m music_affect.track sync` sends the rest."
    assert lines == [left] * gone


def test_a_server_is_sent_the_epochs_that_it_has_not(tmp_path: Path) -> None:
    run = Connected(tmp_path / "wandb" / "run-20260101_120000-a")
    WandbLogger(str(tmp_path), experiment=run).replay([{"epoch": 0}, {"epoch": 1}])
    assert run.rows == [{"epoch": 1}]


def test_without_a_key_runs_are_recorded_offline_and_that_is_logged_once(
    finished: Path, tmp_path: Path, lines: list[str]
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        with opened([WandbLogger(str(tmp_path / name))], {}) as loggers:
            log_epoch(loggers[0], rows_of(finished)[0])
    assert lines == ["No W&B key is set: logging offline; `python -m music_affect.track sync` uploads it later."]
    assert [one.exit_code for name in "ab" for one in of_run(tmp_path / name)] == [0, 0]
    assert all(file.parent.name.startswith("offline-") for name in "ab" for file in files_of(tmp_path / name))


def test_without_a_server_a_run_is_recorded_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # a port where nobody answers
    metrics = train_quickly(tmp_path / "run", "model=majority", "logger=wandb")
    assert metrics["status"] == "done"
    assert [line.split(" (")[0] for line in lines] == ["W&B cannot be reached at http://127.0.0.1:9"]
    (logged,) = of_run(tmp_path / "run")
    assert (logged.exit_code, logged.summary["score"]) == (0, metrics["score"])


def test_a_server_that_refuses_the_run_leaves_it_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    import wandb as library

    begin = library.init

    def refuse(mode: str, **settings: Any) -> Any:
        if mode == "online":
            raise library.errors.CommError("no such project")
        return begin(mode=mode, **settings)

    monkeypatch.setattr(library, "init", refuse)
    monkeypatch.setattr(wandb, "obstacle", lambda: None)
    with opened([WandbLogger(str(tmp_path))], {}):
        pass
    assert lines[0].startswith("W&B refused the run (no such project): logging offline")
    assert len(of_run(tmp_path)) == 1


def test_a_key_is_looked_for_where_login_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_unreachable", lambda url: None)
    assert connection.obstacle() == connection.NO_KEY
    (tmp_path / "no_netrc").write_text(f"machine api.wandb.ai login user password {'0' * 40}\n")
    assert connection.obstacle() is None
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert connection.obstacle() == connection.NO_KEY
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert connection.obstacle() is None
    monkeypatch.setenv("WANDB_API_KEY", "short")
    assert str(connection.obstacle()).startswith("the W&B key is refused (")


def test_disabled_records_nothing(tmp_path: Path) -> None:
    train_quickly(tmp_path / "run", "trainer.max_epochs=1", "logger=wandb", "logger.wandb.mode=disabled")
    assert files_of(tmp_path / "run") == []
    assert files.read_json(tmp_path / "run" / "metrics.json")["status"] == "done"


def test_a_clip_s_picture_has_time_from_left_to_right_and_low_bands_below(tmp_path: Path) -> None:
    from matplotlib.image import imread

    features = np.zeros((100, 80), np.float32)
    features[50:, :40] = 1.0  # late and low
    draw_clip(features, {"mel": (0, 80)}, tmp_path / "clip.png", "a clip")
    light = imread(tmp_path / "clip.png")[..., :3]
    yellow = (light[..., 0] > 0.9) & (light[..., 2] < 0.85) & (light[..., 2] < light[..., 0] - 0.1)
    rows, columns = np.nonzero(yellow)
    assert rows.min() > 0.45 * light.shape[0]
    assert columns.min() > 0.45 * light.shape[1]
