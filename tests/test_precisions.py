"""Every trainer, network, optimizer and precision goes with every other; where there is no GPU, the CPU stands in."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from omegaconf import DictConfig
from running import compose, train_quickly
from torch.amp import GradScaler
from torch.utils.data import DataLoader

from music_affect.configuration import build, compatibility
from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ConfigurationError
from music_affect.contracts.spec import Categorical, Continuous, DataSpec
from music_affect.inference import answers as inference
from music_affect.models.patches import GridPositions
from music_affect.models.pooling import masked_mean
from music_affect.models.recurrence import read
from music_affect.runs.checkpoint import read_checkpoint
from music_affect.system import files
from music_affect.tasks.base import Task
from music_affect.training.batch_norm import SharedBatchNorm
from music_affect.training.trainer import check_trainer, make_trainer

FRAMES, ROWS, COLUMNS = 12, 4, 20
SPEC = DataSpec(
    COLUMNS,
    FRAMES,
    {"genre": Categorical(("a", "b", "c")), "valence": Continuous(0.0, 1.0)},
    {"mel": (0, 8), "chroma": (8, COLUMNS)},
)
SMALL = {"depth": 1, "width": 24, "heads": 3, "channels": [4, 4, 4, 4], "linear": [8]}
GPU = torch.cuda.is_available()


def families() -> dict[str, str]:
    """A model of each class of networks, and of each stem of the transformer."""
    nets = {name: compatibility.choice("model", name).get("net") for name in compatibility.choices("model")}
    return {f"{net._target_} {net.get('stem')}": name for name, net in nets.items() if net is not None}


MODELS = sorted(families().values())
TRAINERS, OPTIMIZERS = compatibility.choices("trainer"), compatibility.choices("optimizer")
PRECISIONS = [name for name in compatibility.PRECISIONS if GPU or name not in compatibility.FLOAT16]


@functools.cache
def configured(model: str) -> DictConfig:
    """Composed once a model: that takes longer than its training here."""
    cfg = compose("train", f"model={model}", "data=synthetic", "task=joint", "task.targets=[valence]")
    for setting in SMALL.keys() & cfg.model.net.keys():
        cfg.model.net[setting] = SMALL[setting]
    return cfg


def batch(lengths: Sequence[int]) -> Batch:
    """Clips of which some are shorter, some lack a label, and two are mixed."""
    random = torch.Generator().manual_seed(0)
    targets = {"genre": torch.tensor([0, 1, -1, 2]), "valence": torch.tensor([0.123456, 0.5, torch.nan, 0.7])}
    mixture = torch.tensor([1, 0, 2, 3]), torch.tensor([0.7, 0.7, 1.0, 1.0])
    spectrogram = torch.randn(ROWS, FRAMES, COLUMNS, generator=random)
    return Batch(spectrogram, torch.tensor(lengths), targets, torch.arange(ROWS), *mixture)


def fitted(model: str, trainer: str, optimizer: str, **settings: object) -> Task:
    """A task that has learnt one batch, with clipped gradients."""
    cfg = configured(model).copy()
    cfg.trainer, cfg.optimizer = compatibility.choice("trainer", trainer), compatibility.choice("optimizer", optimizer)
    # One process: several are tested with the real command.
    stand_in = {"devices": 1, "strategy": "auto"} | ({} if GPU else {"accelerator": "cpu"})
    cfg.trainer.update(stand_in | {"max_epochs": 1, "gradient_clip_val": 0.5} | settings)
    task = build.task(cfg, SPEC)
    before = [parameter.detach().clone() for parameter in task.parameters()]
    make_trainer(cfg.trainer, []).fit(task, DataLoader([batch([FRAMES, 3, 1, FRAMES])], batch_size=None))  # type: ignore[arg-type]
    assert any(not torch.equal(old.to(new), new) for old, new in zip(before, task.parameters(), strict=True))
    assert all(bool(values.isfinite().all()) for values in task.state_dict().values())
    return task


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_trainer_fits_every_network_with_every_optimizer(trainer: str, model: str) -> None:
    for optimizer in OPTIMIZERS if trainer in ("default", "gpu") else ("adamw",):  # the others differ in numbers alone
        fitted(model, trainer, optimizer)


def answered(model: str, precision: str) -> Task:
    """A network with the weights of its seed, after the batch was scored."""
    cfg = configured(model).copy()
    cfg.trainer = compatibility.choice("trainer", "default")
    cfg.trainer.update(max_epochs=1, gradient_clip_val=None, precision=precision)
    torch.manual_seed(0)
    task = build.task(cfg, SPEC)
    served = DataLoader([batch([FRAMES, 3, 1, FRAMES])], batch_size=None)  # type: ignore[arg-type]
    make_trainer(cfg.trainer, []).test(task, served, verbose=False)
    return task


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_learns_and_answers_as_single_precision(precision: str, model: str) -> None:
    fitted(model, "default", "adamw", precision=precision)
    exact, found = answered(model, "32-true"), answered(model, precision)
    assert found.epoch_loss("test") == pytest.approx(exact.epoch_loss("test"), rel=0.02)
    for name, rows in exact.records["test"].predictions.items():
        torch.testing.assert_close(found.records["test"].predictions[name], rows, rtol=0, atol=0.02)
    labels = found.records["test"].targets["valence"]
    assert float(labels[0]) == pytest.approx(0.123456, abs=1e-7)  # half precision would say .1235


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("16-true", "trainer.precision=16-true: squares of gradients, which optimizers keep, vanish in it"),
        ("transformer-engine", "trainer.precision=transformer-engine"),
        ("bf16-mixd", "trainer.precision=bf16-mixd, did you mean 'bf16-mixed'?"),
        ("True", "trainer.precision=True, did you mean '64-true'?"),
        ("16-mixed", "trainer.precision=16-mixed on a CPU"),
        ("16", "trainer.precision=16 on a CPU"),
    ],
)
def test_what_cannot_be_is_refused_before_the_data_is_read(word: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"trainer\.precision=bf16-mixed") as caught:
        train_quickly(tmp_path / "run", f"trainer.precision={word}")
    assert caught.value.found == reason
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("setting", ["accelerator=tpu", "accelerator=junk", "strategy=junk", "accelerator=mps"])
def test_a_trainer_that_cannot_run_here_is_refused_in_one_line(setting: str) -> None:
    cfg = configured("mlp").copy()
    name, value = setting.split("=")
    cfg.trainer = {**cfg.trainer, "max_epochs": 1, "gradient_clip_val": None, name: value}
    with pytest.raises(ConfigurationError, match="the trainer cannot be set up") as caught:
        check_trainer(cfg)
    assert "\n" not in str(caught.value)
    assert not torch.are_deterministic_algorithms_enabled()


def test_that_is_before_features_are_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the trainer cannot be set up"):
        train_quickly(tmp_path / "run", "trainer.accelerator=tpu")
    assert not (tmp_path / "run" / "manifest.json").exists()


@pytest.mark.skipif(GPU, reason="Lightning takes the GPU that is there")
def test_float16_is_refused_where_only_the_machine_says_that_there_is_no_gpu() -> None:
    cfg = configured("mlp").copy()
    cfg.trainer.update(accelerator="auto", precision="16-mixed")
    with pytest.raises(ConfigurationError, match="16-mixed on a CPU"):
        make_trainer(cfg.trainer, [])


def test_a_run_of_a_gpu_is_scored_on_a_machine_without_one(tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", "trainer.precision=bf16-mixed")
    checkpoint = read_checkpoint(tmp_path / "run")
    on_gpu = {"accelerator": "gpu", "devices": [3], "precision": "16-mixed"}
    checkpoint.description.config["trainer"].update(on_gpu)  # what a sweep's run on the fourth GPU says of itself
    call = compose("evaluate", f"checkpoint={tmp_path}", "accelerator=cpu")
    cfg, _ = inference.configuration(call, checkpoint)
    assert (cfg.trainer.accelerator, cfg.trainer.devices, cfg.trainer.precision) == ("cpu", 1, "32-true")
    assert metrics["score"] == files.read_json(tmp_path / "run" / "metrics.json")["score"]


def test_shared_statistics_are_kept_in_half_precision() -> None:
    norm = SharedBatchNorm(3).bfloat16()
    norm._remember(torch.ones(3), torch.full((3,), 2.0))  # of values in single precision, as they are summed
    assert norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, torch.full((3,), 0.1, dtype=torch.bfloat16))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_scaled_losses_make_the_clipped_step_of_losses_as_they_are(optimizer: str) -> None:
    """The arithmetic of 16-mixed, which runs on a GPU alone: Lightning's own plugin with a scaler for the CPU."""
    weights = [dict(_scaled_step(optimizer, scaler).named_parameters()) for scaler in (None, GradScaler("cpu"))]
    for name, values in weights[0].items():
        torch.testing.assert_close(weights[1][name], values, rtol=1e-4, atol=1e-6)


def _scaled_step(optimizer: str, scaler: GradScaler | None) -> Task:
    cfg = configured("mlp").copy()
    cfg.optimizer = compatibility.choice("optimizer", optimizer)
    torch.manual_seed(0)
    task = build.task(cfg, SPEC)
    plugin = MixedPrecision("16-mixed", "cpu", scaler or GradScaler("cpu", enabled=False))
    plugin.autocast_context_manager = lambda: torch.autocast("cpu", enabled=False)  # type: ignore[method-assign]
    quiet: dict[str, Any] = dict.fromkeys(
        ("logger", "enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False
    )
    trainer = pl.Trainer(accelerator="cpu", max_epochs=1, gradient_clip_val=0.5, plugins=[plugin], **quiet)
    trainer.fit(task, DataLoader([batch([FRAMES] * ROWS)], batch_size=None))  # type: ignore[arg-type]
    return task


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_counts_frames_exactly(dtype: torch.dtype) -> None:
    frames = torch.ones(1, 1001, 2, dtype=dtype)
    mask = torch.arange(1001)[None] < 1000
    assert masked_mean(frames, mask).tolist() == [[1.0, 1.0]]
    positions = GridPositions((600, 1), 2)
    tokens = torch.zeros(1, 1001, 1, 2)
    exact = positions(tokens, None)
    torch.testing.assert_close(positions(tokens.to(dtype), None), exact)
    torch.testing.assert_close(positions(tokens.to(dtype), torch.ones(1, 1001, dtype=torch.bool)), exact)


def test_recurrent_layers_leave_autocast() -> None:
    """Under it cuDNN would take float16, whatever was asked for."""
    torch.manual_seed(0)
    layers, frames, lengths = [torch.nn.LSTM(4, 3, batch_first=True) for _ in range(2)], torch.randn(2, 9, 4), [9, 5]
    exact = read(frames, torch.tensor(lengths), *layers)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(read(frames, torch.tensor(lengths), *layers), exact)
