"""What a launcher keeps of every finished run until the sweep ends: its score, and not its configuration."""

from __future__ import annotations

from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class DropConfiguration(Callback):
    """Drops the configuration that Hydra returns with a run, half a megabyte; it stands in the run's folder."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        job_return.cfg = job_return.hydra_cfg = None
