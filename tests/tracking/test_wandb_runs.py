"""Runs that are resumed, that fail, that are cells of a sweep, and that find no server."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from running import QUICK, train_quickly
from told_runs import WANDB_FOLDERS, WORDS, beginning, follow, record
from wandb_records import of_run

from music_affect import configuration, files, fitting
from music_affect.trackers import connection, recordings, weights_and_biases
from music_affect.trackers.epochs import TrackedEpochs
from music_affect.trackers.spectrograms import draw_clip
from music_affect.trackers.tracker import Tracker
from music_affect.tracking import Guarded


def test_a_run_that_fails_says_so_and_is_the_same_run_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*WORDS, "model=cnn_fast", "logger=wandb", "logger.mode=offline"]
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
    epochs = [[row["epoch"] for row in one.history if "train/loss" in row] for one in (failed, resumed)]
    assert epochs == [[0, 1], [0, 1]]


def test_a_cell_is_in_the_group_of_its_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*QUICK, "model=majority", "logger=wandb", "logger.mode=offline", "hydra.mode=MULTIRUN"]
    cfg = configuration.check_overrides("train", [*words, f"hydra.sweep.dir={tmp_path / 'my-sweep'}"])
    monkeypatch.setattr(HydraConfig.instance(), "cfg", OmegaConf.masked_copy(cfg, ["hydra"]))
    train_quickly(tmp_path / "my-sweep" / "cell", "model=majority", "logger=wandb", "logger.mode=offline")
    (told,) = of_run(tmp_path / "my-sweep" / "cell")
    assert (told.group, told.exit_code) == ("my-sweep", 0)
    assert "majority" in told.tags
    assert told.summary["majority/accuracy"] == told.summary["test/accuracy"]


def test_processes_at_once_record_each_in_its_own_run_folder(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    context = get_context("spawn")
    workers = [context.Process(target=record, args=(finished, tmp_path / name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    (first,), (second,) = of_run(tmp_path / "a"), of_run(tmp_path / "b")
    assert first.id != second.id
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert len(first.history) == len(second.history) == 3
    assert {one.name for one in tmp_path.iterdir() if one.is_dir()} <= {"a", "b", *WANDB_FOLDERS}


def test_a_group_can_be_chosen_and_no_other_run_of_the_process_is_touched(finished: Path, tmp_path: Path) -> None:
    import wandb

    lines: list[str] = []
    for name, group in (("a", None), ("b", "mine")):
        start = beginning(finished, tmp_path / name, lines)
        tracker = weights_and_biases.start(start, project="p", mode="offline", group=group)
        assert tracker is not None
        tracker.close(failed=False)
    assert [of_run(tmp_path / name)[0].group for name in "ab"] == ["grid", "mine"]
    assert wandb.run is None
    assert lines == []


class Connected:
    """Stands in for a run of W&B whose server answers, or went away."""

    offline = False

    def __init__(self, folder: Path, gone: bool) -> None:
        self.sync_dir, self._gone = str(folder), gone
        folder.mkdir(parents=True)
        (folder / "run-a.wandb").write_bytes(b":W&B")

    def define_metric(self, *_: object, **__: object) -> None:
        pass

    def finish(self, exit_code: int) -> None:
        if self._gone:
            raise TimeoutError("Timed out finishing run.")


@pytest.mark.parametrize("gone", [False, True])
def test_a_run_counts_as_sent_once_its_server_has_all_of_it(tmp_path: Path, gone: bool) -> None:
    lines: list[str] = []
    run = Connected(tmp_path / "wandb" / "run-20260101_120000-a", gone)
    tracker = weights_and_biases.WeightsAndBiases(run, {"monitor": "val/loss", "mode": "min"}, lines.append)
    (one,) = recordings.of_run(tmp_path)
    assert not one.uploaded  # killed here, it would be sent later
    tracker.close(failed=False)
    assert one.uploaded is not gone
    told = "W&B has not taken all of the run: `python -m music_affect.track sync` sends the rest."
    assert lines == [told] * gone


def test_without_a_key_runs_are_recorded_offline_and_that_is_said_once(finished: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    for name in "ab":
        tracker = weights_and_biases.start(beginning(finished, tmp_path / name, lines), project="p")
        assert tracker is not None
        follow(tracker, finished)
    assert [one.uploaded for one in recordings.under([tmp_path])] == [False, False]
    assert lines == ["No W&B key is set: logging offline; `python -m music_affect.track sync` uploads it later."]
    assert [one.exit_code for name in "ab" for one in of_run(tmp_path / name)] == [0, 0]


def test_without_a_server_a_run_is_recorded_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # a port where nobody answers
    metrics = train_quickly(tmp_path / "run", "model=majority", "logger=wandb")
    assert metrics["status"] == "done"
    assert "W&B cannot be reached at http://127.0.0.1:9" in " ".join(capsys.readouterr().out.split())
    (told,) = of_run(tmp_path / "run")
    assert (told.exit_code, told.summary["score"]) == (0, metrics["score"])


def test_a_key_is_looked_for_where_login_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not connection.has_key("https://api.wandb.ai")
    (tmp_path / "no_netrc").write_text("machine api.wandb.ai login user password secret\n")
    assert connection.has_key("https://api.wandb.ai")
    assert not connection.has_key("https://wandb.example.org")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert connection.has_key("https://wandb.example.org")


def test_disabled_records_nothing(tmp_path: Path) -> None:
    train_quickly(tmp_path / "run", "model=majority", "logger=wandb", "logger.mode=disabled")
    assert recordings.of_run(tmp_path / "run") == []
    assert files.read_json(tmp_path / "run" / "metrics.json")["status"] == "done"


class Broken(Tracker):
    """Fails at the second epoch and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def epoch(self, row: Any) -> None:
        self.asked.append(row["epoch"])
        if row["epoch"] == 1:
            raise OSError("no space left on device")

    def report(self, run: Any, clips: Any) -> None:
        self.asked.append("report")

    def close(self, failed: bool) -> None:
        self.asked.append(failed)
        raise RuntimeError("gone")


def test_a_tracker_that_fails_is_let_go_in_one_line() -> None:
    broken, lines = Broken(), list[str]()
    tracker = Guarded(broken, lines.append)
    for epoch in range(4):
        tracker.epoch({"epoch": epoch})
    tracker.close(failed=False)
    assert broken.asked == [0, 1, False]
    assert lines == ["Broken failed (no space left on device): the run goes on without it."]


def test_a_resumed_history_is_told_from_its_start() -> None:
    told: list[int] = []
    broken = Broken()
    broken.epoch = lambda row: told.append(row["epoch"])  # type: ignore[method-assign]
    rows = [{"epoch": 0}, {"epoch": 1}]
    callback: Any = TrackedEpochs(broken, lambda: rows)
    callback.on_fit_start(None, None)
    rows.append({"epoch": 2})
    callback.on_train_epoch_end(None, None)
    assert told == [0, 1, 2]


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
