"""``ast_base`` in training, by our trainer, by a plain loop and beside transformers, for ``benchmarks.gpu``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Any

import lightning.pytorch as pl
import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import clip_grad_norm_
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.epochs import write_set
from benchmarks.gpu_settings import Figures, Settings
from music_affect.configuration import build
from music_affect.data.datamodule import ClipDataModule
from music_affect.tasks.base import Task
from music_affect.training.experiment import prepare
from music_affect.training.trainer import make_trainer

SIZES = {"AudioSet, 1024 x 128": 1024, "30 s, 1292 x 128": 1292}
BATCH, STEPS, EPOCHS, WARM = 64, 8, 3, 3  # the first epoch and the first steps of a loop are not timed
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "4090": 165e12}  # dense bf16, FLOP a second
GOAL_OF_PEAK, GOAL_BESIDE = 0.45, 3.0

Forward = Callable[[Tensor], Tensor]


class EpochClock(pl.Callback):
    """Times the steps of each epoch but the first, from the end of the first step to that of the last."""

    def __init__(self, clock: Callable[[], float], steps: int) -> None:
        self._clock, self._last = clock, steps - 1
        self.seconds, self.steps, self._began = 0.0, 0, 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 0:
            self._began = self._clock()
        if batch_idx == self._last and trainer.current_epoch:
            self.seconds += self._clock() - self._began
            self.steps += self._last


def speed(settings: Settings, figures: Figures) -> None:
    """Clips a second and the share of the device's peak, at each size."""
    for name, frames in SIZES.items():
        settings.check_time(name)
        _size(settings, figures, name, frames)


def compiled(settings: Settings, figures: Figures) -> None:
    """Clips a second of our network in a plain loop, compiled."""
    name, frames = next(iter(SIZES.items()))
    settings.check_time(name)
    cfg, data = _data(settings, frames)
    task = build.task(cfg, data.spec)
    batches, own = _batches(data, settings), _forward(task, settings)
    cost = forward_cost(own, batches[0][0][:1])
    task.backbone.compile()
    clips = len(batches[0][0]) / _looped(own, task, batches, settings)
    _note(figures, f"{name}: our network compiled, in a plain loop", clips, cost)


def _size(settings: Settings, figures: Figures, name: str, frames: int) -> None:
    cfg, data = _data(settings, frames)
    task, rows = build.task(cfg, data.spec), cfg.loader.batch_size
    ours = rows / _trained(cfg, task, data, settings)
    batches, own = _batches(data, settings), _forward(task, settings)
    cost = forward_cost(own, batches[0][0][:1])
    _note(figures, f"{name}: our trainer", ours, cost, expected=f"{GOAL_OF_PEAK:.0%} of the peak (a goal)")
    bare = rows / _looped(own, task, batches, settings)
    _note(figures, f"{name}: our network in a plain loop", bare, cost)
    other = _Other(data.spec.max_frames, data.spec.num_features, tiny=settings.tiny).to(settings.device).train()
    theirs = rows / _looped(other, other, batches, settings)
    _note(
        figures,
        f"{name}: transformers' network in a plain loop",
        theirs,
        forward_cost(other, batches[0][0][:1]),
    )
    goal = f"at least {GOAL_BESIDE:.0f} (a goal)"
    figures.add(f"{name}: our trainer / transformers", f"{ours / theirs:.2f}", expected=goal, ratio=ours / theirs)


def _forward(task: Task, settings: Settings) -> Forward:
    """The task as a function of spectrograms alone, of clips without padding."""
    task.to(settings.device).train()
    objective = next(iter(task.objectives))

    def forward(spectrogram: Tensor) -> Tensor:
        lengths = torch.full((len(spectrogram),), spectrogram.shape[1], device=spectrogram.device)
        output: Tensor = objective(task.backbone(spectrogram, lengths))
        return output

    return forward


def _batches(data: ClipDataModule, settings: Settings) -> list[tuple[Tensor, Tensor]]:
    """Spectrograms [B, T, F] and labels [B] on the device."""
    found = []
    for batch in islice(data.train_dataloader(), 4):
        (labels,) = batch.targets.values()
        found.append((batch.spectrogram.to(settings.device), labels.to(settings.device)))
    return found


def _data(settings: Settings, frames: int) -> tuple[DictConfig, ClipDataModule]:
    """A feature cache of noise in the lab's form, and the loader over it, as a run has them."""
    rows, frames = (8, 32) if settings.tiny else (BATCH, frames)
    root, length = settings.folder / "music", 40 if settings.tiny else max(SIZES.values())
    words = ["data=fma", f"data.root={root}", f"paths.cache={settings.folder}/cache", "workers=1", "features=mel"]
    words += ["model=ast_base", "model.recipe.average_frames=1", f"model.recipe.crop_seconds={frames * 512 / 22050}"]
    words += [f"loader.batch_size={rows}", "split.val_fraction=0", f"trainer.max_epochs={EPOCHS}"]
    cfg = settings.compose(*words)
    genres = list(cfg.data.source.class_mapping)
    write_set(root / cfg.data.source.folder, genres, rows * (3 if settings.tiny else STEPS), length, length)
    prepared = prepare(cfg, build.source(cfg))
    return cfg, build.datamodule(cfg, prepared.cache, prepared.splits, prepared.targets)


def _trained(cfg: DictConfig, task: Task, data: ClipDataModule, settings: Settings) -> float:
    """Seconds a step of the configured trainer."""
    clock = EpochClock(settings.clock, len(data.train_dataloader()))
    make_trainer(cfg.trainer, [clock]).fit(task, datamodule=data)
    torch.use_deterministic_algorithms(False)  # the trainer's choice, which a plain loop does not make
    return clock.seconds / clock.steps


def _looped(forward: Forward, net: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], settings: Settings) -> float:
    """Seconds a step of what transformers' trainer does in one: autocast, clipping, fused AdamW, a schedule."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-5, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=1000)
    steps = WARM + (2 if settings.tiny else 2 * STEPS)
    for step, (spectrogram, labels) in enumerate(islice(cycle(batches), steps)):
        if step == WARM:
            began = settings.clock()
        with torch.autocast(settings.device, torch.bfloat16):
            loss = F.cross_entropy(forward(spectrogram), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return (settings.clock() - began) / (steps - WARM)


class _Other(nn.Module):
    """transformers' network of the same size, with the outputs alone as its answer."""

    def __init__(self, frames: int, columns: int, *, tiny: bool) -> None:
        super().__init__()
        from transformers import ASTConfig, ASTForAudioClassification

        small = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 96}
        sizes: dict[str, Any] = {"num_labels": 10, **(small if tiny else {})}
        self.net = ASTForAudioClassification(ASTConfig(max_length=frames, num_mel_bins=columns, **sizes))

    def forward(self, spectrogram: Tensor) -> Tensor:
        outputs: Tensor = self.net(spectrogram).logits
        return outputs


def forward_cost(forward: Forward, clip: Tensor) -> int:
    """Floating-point operations of a forward pass for one clip [1, T, F]."""
    # By the plain kernel, whose products are all counted; the others do the same products.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        forward(clip)
    return int(counter.get_total_flops())


def _note(figures: Figures, what: str, clips: float, cost: int, expected: str = "") -> None:
    """Clips a second, and three times the forward operations as a share of the peak: backwards costs twice as much."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    peak = next((value for known, value in PEAKS.items() if known in name), None)
    share = None if peak is None else 3 * cost * clips / peak
    shown = "peak not known" if share is None else f"{share:.1%} of the peak"
    figures.add(
        what, f"{clips:.1f} clips/s, {shown}", expected=expected, clips=clips, forward_flop=cost, peak=peak, share=share
    )
