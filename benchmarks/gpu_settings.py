"""What the parts of ``benchmarks.gpu`` share: where they run, how long, what they note, and their networks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
import torch
from omegaconf import DictConfig

from music_affect.configuration.compose import conf_folder

SMALL = {"depth": 1, "width": 24, "heads": 3, "channels": [4, 4, 4, 4], "linear": [8], "hidden_size": 8}


@dataclass(frozen=True)
class Settings:
    """Of one part.

    Args:
        folder: for its files.
        tiny: small networks on the CPU.
        ends: when its time is over, on the monotonic clock.
    """

    folder: Path
    tiny: bool
    ends: float

    @property
    def device(self) -> str:
        return "cpu" if self.tiny else "cuda"

    @property
    def trainer(self) -> list[str]:
        """Words that choose the trainer: that of GPUs, in its own precision, with the CPU in place of a GPU if tiny."""
        return ["trainer=gpu", *(["trainer.accelerator=cpu"] if self.tiny else [])]

    def check_time(self, what: str) -> None:
        """Raises ``TimeoutError`` where the part's time is over."""
        if time.monotonic() > self.ends:
            raise TimeoutError(f"no time was left for {what}")

    def compose(self, *words: str) -> DictConfig:
        """The configuration of a training run, of a small network if tiny."""
        with hydra.initialize_config_dir(str(conf_folder().absolute()), version_base="1.3"):
            cfg = hydra.compose("train", [*self.trainer, *words])
        if self.tiny:
            for name in SMALL.keys() & cfg.model.net.keys():
                cfg.model.net[name] = SMALL[name]
        return cfg

    def clock(self) -> float:
        """Seconds, once the device has done all that it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


@dataclass
class Figures:
    """What a part has measured so far.

    Args:
        rows: plain values for the JSON file and for the table.
        wrong: what was expected otherwise.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, figure: str, *, expected: str = "", holds: bool | None = None, **values: Any) -> None:
        """Notes a figure.

        Args:
            what: was measured.
            figure: for the table.
            expected: likewise; a goal or a bound.
            holds: whether the bound is kept; None where nothing fails by it.
            values: for the JSON file.
        """
        verdict = "" if holds is None else "ok" if holds else "WRONG"
        self.rows.append({"what": what, "figure": figure, "expected": expected, "verdict": verdict, **values})
        if holds is False:
            self.wrong.append(what)


def scaled(values: Sequence[float]) -> str:
    """Numbers for the table."""
    return ", ".join(f"{value:.4g}" for value in values)
