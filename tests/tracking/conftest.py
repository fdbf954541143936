"""A finished run with a class and scales, tracked by W&B, and no key anywhere near."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from running import train_quickly
from told_runs import WANDB_FOLDERS, WORDS

from music_affect.trackers import connection, weights_and_biases


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
    monkeypatch.setattr(weights_and_biases, "_told", set())
    connection._unreachable.cache_clear()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its run folder. Not to be changed."""
    folder = tmp_path_factory.mktemp("tracked") / "run"
    with pytest.MonkeyPatch.context() as patch:
        without_key(patch, folder.parent)
        patch.setattr(HydraConfig.instance(), "cfg", None)  # an earlier test's sweep would be this run's group
        train_quickly(folder, *WORDS, "logger=wandb", "logger.mode=offline")
    return folder
