"""What users of Lightning and Hydra bring along: callbacks, loggers, settings of the Trainer, and the Python API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger
from running import QUICK, TINY, compose, train_quickly

import music_affect
from music_affect.configuration import build
from music_affect.configuration.compose import check_overrides
from music_affect.contracts.errors import CheckpointError, ConfigurationError, DataNotFoundError
from music_affect.evaluate import evaluate
from music_affect.system import files
from music_affect.training.callbacks.progress import EpochProgress
from music_affect.training.trainer import make_trainer

VALIDATED = ["split.val_fraction=0.15", "trainer.max_epochs=2"]
OWN = """
from lightning.pytorch import Callback
from lightning.pytorch.loggers.logger import Logger

class Words(Callback):
    heard = []

    def __init__(self, word):
        self.word = word

    def on_train_epoch_end(self, trainer, pl_module):
        Words.heard.append((self.word, trainer.current_epoch))

class Diary(Logger):
    seen = []
    name, version = "diary", 0

    def log_metrics(self, metrics, step=None):
        Diary.seen.append(dict(metrics))

    def log_hyperparams(self, params, *args, **kwargs):
        Diary.seen.append({"model": params["model"]["name"]})
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of a person's own, importable."""
    files.write_text(tmp_path / "own" / "our_things.py", OWN)
    monkeypatch.syspath_prepend(str(tmp_path / "own"))
    import our_things  # type: ignore[import-not-found]

    return our_things


def test_own_callbacks_and_loggers_work_by_configuration_alone(own: Any, tmp_path: Path) -> None:
    words = [
        *("+callbacks.ours._target_=our_things.Words", "+callbacks.ours.word=here"),
        *("+callbacks.lr._target_=lightning.pytorch.callbacks.LearningRateMonitor", "trainer.log_every_n_steps=1"),
        *("+logger.diary._target_=our_things.Diary", "trainer.profiler=simple"),
    ]
    metrics = train_quickly(tmp_path / "run", *VALIDATED, *words)
    assert own.Words.heard == [("here", 0), ("here", 1)]
    first, *told = own.Diary.seen
    assert first == {"model": "cnn_fast"}
    assert {"train/loss", "val/f1_macro", "lr-AdamW/pg1", "lr"} <= {name for row in told for name in row}
    assert {"epoch", "lr-AdamW/pg1"} <= set(files.read_csv(tmp_path / "run" / "csv" / "metrics.csv")[0])
    assert "run_training_epoch" in (tmp_path / "run" / "fit-profile.txt").read_text()
    plain = train_quickly(tmp_path / "plain", *VALIDATED)
    assert plain["test"] == metrics["test"], "whoever looks on changes nothing"


def names(*words: str, validated: bool = True) -> list[str]:
    cfg = check_overrides("train", [*QUICK, *words])
    return [type(callback).__name__ for callback in build.callbacks(cfg, validated=validated)]


def test_callbacks_are_chosen_as_files_and_by_name() -> None:
    usual = ["RunCheckpoint", "EarlyStopping", "EpochProgress", "RichModelSummary"]
    assert names() == usual
    assert names(validated=False) == usual[2:], "nothing waits for figures that never come"
    assert names("callbacks=none") == names("callbacks=null") == names("~callbacks") == []
    without = names("~callbacks.early_stopping")
    assert without == names("callbacks.early_stopping.patience=null") == names("callbacks.early_stopping=null")
    assert names("callbacks=model_summary") == ["RichModelSummary"]
    assert names("+callbacks.lr._target_=lightning.pytorch.callbacks.LearningRateMonitor")[-1] == "LearningRateMonitor"
    with pytest.raises(ConfigurationError, match=r"callbacks\.early_stopping\.patience=none"):
        names("callbacks.early_stopping.patience=none")
    with pytest.raises(ConfigurationError, match=r"callbacks\.lr names no class"):
        names("+callbacks.lr.interval=step")
    with pytest.raises(ConfigurationError, match=r"callbacks\.lr: .*LearningRateMonitr cannot be built"):
        names("+callbacks.lr._target_=lightning.pytorch.callbacks.LearningRateMonitr")


def test_without_a_checkpoint_of_the_best_epoch_the_last_weights_are_tested(tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", *VALIDATED, "callbacks=none", "trainer.max_time=00:01:00:00")
    assert metrics["weights"]["kind"] == "last"
    assert "no checkpoint of the best epoch is among callbacks" in metrics["weights"]["reason"]


def test_every_word_of_the_trainer_is_honoured_or_refused() -> None:
    found = build.make(compose("train").trainer, default_root_dir=None)
    assert found.max_epochs
    words = [
        "accumulate_grad_batches=3",
        "val_check_interval=0.5",
        "check_val_every_n_epoch=2",
        "limit_train_batches=2",
    ]
    words += ["limit_val_batches=1", "num_sanity_val_steps=1", "log_every_n_steps=7", "detect_anomaly=true"]
    words += ["enable_progress_bar=false", "max_time=00:00:10:00", "profiler=advanced"]
    cfg = check_overrides("train", [*QUICK, *(f"trainer.{word}" for word in words)])
    trainer = make_trainer(cfg.trainer, build.callbacks(cfg, validated=True))
    assert (trainer.accumulate_grad_batches, trainer.val_check_interval, trainer.check_val_every_n_epoch) == (3, 0.5, 2)
    assert (trainer.limit_train_batches, trainer.limit_val_batches, trainer.num_sanity_val_steps) == (2, 1, 1)
    assert (trainer.log_every_n_steps, trainer._detect_anomaly) == (7, True)
    assert not any(isinstance(callback, EpochProgress) for callback in trainer.callbacks)
    assert "Timer" in [type(callback).__name__ for callback in trainer.callbacks]
    assert type(trainer.profiler).__name__ == "AdvancedProfiler"
    for word in ("limit_test_batches=1", "barebones=true", "overfit_batches=2", "logger=false"):
        for line in (f"trainer.{word}", f"+trainer.{word}"):
            with pytest.raises(ConfigurationError, match=f"{word}; expected it to be left to this package"):
                check_overrides("train", [line])


def test_validation_every_other_epoch_leaves_no_stale_figures(tmp_path: Path) -> None:
    words = ["trainer.check_val_every_n_epoch=2", "trainer.max_epochs=4", "split.val_fraction=0.15"]
    train_quickly(tmp_path / "run", *words)
    rows = files.read_csv(tmp_path / "run" / "metrics.csv")
    assert [bool(row["val/loss"]) for row in rows] == [False, True, False, True]


def test_fast_dev_run_keeps_nothing(tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", *VALIDATED, "trainer.fast_dev_run=true")
    assert metrics["debug"] == "fast_dev_run"
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_plugin_and_a_strategy_of_ones_own(tmp_path: Path) -> None:
    strategy = "trainer.strategy={_target_: lightning.pytorch.strategies.SingleDeviceStrategy, device: cpu}"
    plugin = "trainer.plugins=[{_target_: lightning.pytorch.plugins.environments.LightningEnvironment}]"
    folder = tmp_path / "run"
    metrics = train_quickly(folder, strategy, plugin, "trainer.max_epochs=1")
    scored = evaluate(
        compose("evaluate", f"checkpoint={folder}", f"paths.cache={build.plain(compose('train').paths)['cache']}")
    )
    assert scored["scores"]["classification"]["f1_macro"] == metrics["test"]["classification"]["f1_macro"]


def test_the_readme_from_python_with_a_plain_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert code.count("import ") == 2
    small = f'model="cnn_fast", overrides={[*TINY, "loader.windows=2"]})'
    code = code.replace('model="cnn")', small).replace('"synthetic_beat"', '"synthetic"')
    code = code.replace("max_epochs=10", "max_epochs=1, callbacks=callbacks, logger=logger, log_every_n_steps=1")
    monkeypatch.chdir(tmp_path)
    logger = CSVLogger(tmp_path)
    names: dict[str, Any] = {"callbacks": [LearningRateMonitor()], "logger": logger}
    exec(code, names)
    answers, data, again = names["answers"], names["data"], names["model"]
    assert [answer["id"] for answer in answers] == [clip.id for clip in data.clips.splits["test"]]
    right = [max(answer["genre"], key=answer["genre"].get) for answer in answers]
    labels = [clip.labels["genre"] for clip in data.clips.splits["test"]]
    rows = files.read_csv(Path(logger.log_dir) / "metrics.csv")
    tested = [float(row["test/accuracy"]) for row in rows if row.get("test/accuracy")]
    assert tested == pytest.approx([sum(map(str.__eq__, right, labels)) / len(labels)])
    assert any(row.get("lr-AdamW/pg1") for row in rows)
    plain: Any = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False)
    assert plain.predict(again, data) == answers, "what was loaded is what was saved"
    scored = evaluate(compose("evaluate", f"checkpoint={tmp_path / 'cnn.ckpt'}", f"out={tmp_path}"))
    assert scored["scores"]["classification"]["accuracy"]["value"] == pytest.approx(tested[0])


def test_python_refuses_what_the_command_line_refuses(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'cnn"):
        music_affect.data_module("synthetic", model="cnnn")
    for word in ("start_from=outputs/run", "trainer.max_epochs=3", "+callbacks.lr._target_=x", "~logger"):
        with pytest.raises(ConfigurationError, match=r"only `music_affect\.train` honours"):
            music_affect.data_module("synthetic", overrides=[word])
    (tmp_path / "O'Brien").mkdir()
    with pytest.raises(DataNotFoundError, match="O'Brien"):
        music_affect.data_module("folder", root=tmp_path / "O'Brien")
    with pytest.raises(CheckpointError, match="nothing"):
        music_affect.load(tmp_path / "none.ckpt")
