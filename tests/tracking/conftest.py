"""A finished run with a class and scales, logged by W&B, and no key anywhere near."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import wandb as library
from hydra.core.hydra_config import HydraConfig
from logged_runs import WANDB_FOLDERS, WORDS
from running import train_quickly

from music_affect.training.loggers import connection, lifecycle, wandb


def without_key(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """W&B as on a machine where nobody has logged in; what it keeps for itself lies in the folder."""
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_BASE_URL", "WANDB_MODE", "WANDB_RUN_GROUP"):
        patch.delenv(name, raising=False)
    patch.setenv("NETRC", str(folder / "no_netrc"))
    for name in WANDB_FOLDERS:
        patch.setenv(name, str(folder / name))


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_key(monkeypatch, tmp_path)
    # W&B reads the environment once a process and keeps what it finds: here, the key and server of an earlier test.
    settings = library.setup().settings
    monkeypatch.setattr(settings, "api_key", None)
    monkeypatch.setattr(settings, "base_url", library.Settings().base_url)
    wandb._warn_once.cache_clear()
    connection._unreachable.cache_clear()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the loggers report to people, filled as it happens."""
    found: list[str] = []
    handler, log = logging.Handler(), logging.Logger("lines")
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    for module in (lifecycle, wandb):
        monkeypatch.setattr(module, "log", log)
    return found


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its run folder. Not to be changed."""
    folder = tmp_path_factory.mktemp("logged") / "run"
    with pytest.MonkeyPatch.context() as patch:
        without_key(patch, folder.parent)
        patch.setattr(HydraConfig.instance(), "cfg", None)  # an earlier test's sweep would be this run's group
        train_quickly(folder, *WORDS, "logger=wandb", "logger.wandb.mode=offline")
    return folder
