"""How tests run the entry points: composed in this process, or as a real second process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import pytest
from omegaconf import DictConfig

from music_affect.configuration import build, caching
from music_affect.configuration import compose as configuration
from music_affect.data.cache.features import FeatureCache
from music_affect.data.cache.identity import Identity
from music_affect.train import main as train_main
from music_affect.train import train

# A corpus that is made, extracted and learnt from within seconds.
TINY = ["data.source.num_clips=60", "data.source.seconds=3", "workers=1"]
QUICK = [*TINY, "model=cnn_fast", "data=synthetic", "trainer=cpu", "trainer.max_epochs=3", "loader.windows=2"]


def compose(config_name: str, *words: str) -> DictConfig:
    """The configuration of a command line."""
    with hydra.initialize_config_dir(str(configuration.conf_folder().absolute()), version_base="1.3"):
        return hydra.compose(config_name, overrides=list(words))


def opened_cache(music: Path, data: str, *words: str) -> FeatureCache:
    """The feature cache that a training run on a folder of music with these words uses, which must be there."""
    cfg = compose("train", f"data={data}", f"data.root={music}", *words)
    source = build.source(cfg)
    kind = caching.kind_of(cfg, source)
    return FeatureCache(kind.folder(cfg, source), Identity.of(source.clips(), kind))


def train_quickly(folder: Path, *words: str) -> dict[str, Any]:
    """A short training run in this process."""
    return train(compose("train", *QUICK, *words), folder)


def train_command(folder: Path, *words: str) -> int:
    """``python -m music_affect.train`` in this process, with ``folder`` as the present one; its exit code."""
    return command(train_main, folder, *words)


def command(main: Callable[[], None], folder: Path, *words: str) -> int:
    """An entry point in this process, with ``folder`` as the present one and these words; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        folder.mkdir(parents=True, exist_ok=True)
        patch.chdir(folder)
        patch.setattr(sys, "argv", [main.__module__.rpartition(".")[2], *words])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def python_path(*folders: Path) -> str:
    """``PYTHONPATH`` of a process that somebody else starts: this checkout, and folders of tests."""
    own = [*folders, Path(__file__).parents[1]]
    return os.pathsep.join([*map(str, own), os.environ.get("PYTHONPATH", "")])


def processes_of(module: str, folder: Path) -> list[int]:
    """Ids of the processes that run a module with a path in the folder among their words; Linux only."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if module.encode() in words and any(word.startswith(bytes(folder)) for word in words):
            found.append(int(path.parent.name))
    return found


def entry_point(name: str, *words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m music_affect.<name>`` in a process of its own."""
    command = [sys.executable, "-m", f"music_affect.{name}", *words]
    settings = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=300, check=False)
