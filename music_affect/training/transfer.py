"""Starting from the weights of another run: what has to agree, what was loaded, what stays frozen."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from music_affect.configuration import build
from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.contracts.spec import DataSpec
from music_affect.runs.checkpoint_file import checkpoint_file

if TYPE_CHECKING:
    from music_affect.runs.checkpoint import Checkpoint
    from music_affect.tasks.base import Task

SEEN_BY_THE_BACKBONE = ("features.blocks", "features.extraction", "data.beat", "loader.average_frames", "model.net")
FRONT_END = "front_end"  # the part of that name in a backbone whose file in conf/ says what is frozen
MAY_DIFFER = re.compile("dropout|min_seconds")


@dataclass(frozen=True)
class Loaded:
    """What came from a start and what did not.

    Args:
        loaded: parts whose weights were taken over.
        new: parts that begin with random weights.
        unused: parts of the start that have no place here.
        tensors: how many tensors were taken over.
    """

    loaded: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    tensors: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def frozen_epochs(freeze: str) -> int | None:
    """Epochs for which something is frozen: 0 for ``none``, N for ``until_epoch:N``, None (always) for the others.

    Raises:
        ConfigurationError: none of these.
    """
    match = re.fullmatch(r"none|backbone|front_end|until_epoch:(\d+)", str(freeze))
    if match is None:
        expected = "none, backbone, front_end or until_epoch:N"
        raise ConfigurationError(f"freeze={freeze}", expected=expected, fix="correct it")
    if match[1] is not None:
        return int(match[1])
    return 0 if freeze == "none" else None


def check(cfg: DictConfig) -> None:
    """Refuses settings of a transfer that cannot be meant, before any work.

    Raises:
        ConfigurationError: something is to be frozen that has not been trained.
        CheckpointError: there is nothing at ``start_from``.
    """
    if frozen_epochs(cfg.freeze) != 0 and cfg.start_from is None and "start" not in cfg.model:
        raise ConfigurationError(
            f"freeze={cfg.freeze} without a start: random weights would stay as they are",
            expected="start_from=RUN_FOLDER beside it",
            fix="add it, or leave out freeze",
        )
    if cfg.freeze == FRONT_END and "freeze" not in cfg.model:
        raise ConfigurationError(
            f"freeze={FRONT_END} with model={cfg.model.name}, which has no such part",
            expected="a network with a front end, such as musicnn",
            fix="choose freeze=backbone or freeze=until_epoch:N",
        )
    if (frozen_epochs(cfg.freeze) or 0) >= cfg.trainer.max_epochs > 0:
        raise ConfigurationError(
            f"freeze={cfg.freeze} in a run of {cfg.trainer.max_epochs} epochs: the backbone would never thaw",
            expected="fewer epochs than the run has",
            fix="lower N, or choose freeze=backbone",
        )
    if cfg.start_from is not None and "net" not in cfg.model:
        raise ConfigurationError(
            f"start_from with model={cfg.model.name}, which is no network",
            expected="a network",
            fix="choose another model, or leave out start_from",
        )
    if cfg.start_from is not None:
        checkpoint_file(Path(cfg.start_from).expanduser(), "start_from")


def use_public_weights(cfg: DictConfig) -> None:
    """Makes sure of the public weights that the network is to begin with and sizes it by them; changes ``cfg``.

    Raises:
        MusicAffectError: there are none, or they do not fit the model or the features.
    """
    expected = cfg.model.get("expects")
    if expected not in (None, cfg.features.name):
        raise ConfigurationError(
            f"model={cfg.model.name} with features={cfg.features.name}",
            expected=f"features={expected}, which its weights were trained on",
            fix=f"add features={expected}",
        )
    if "start" not in cfg.model or cfg.start_from is not None:
        return
    cfg.model.net = {**cfg.model.net, **build.make(cfg.model.start).sizes()}


def read(cfg: DictConfig) -> Checkpoint | None:
    """The start, or None where there is none.

    Raises:
        CheckpointError: it cannot be read, or its backbone saw other features or has another form.
    """
    if cfg.start_from is None:
        return None
    from music_affect.runs.checkpoint import read_checkpoint

    start = read_checkpoint(Path(cfg.start_from).expanduser(), cfg.trust)
    if not start.weights:
        raise CheckpointError(
            f"start_from={cfg.start_from} is a reference model or an average of several",
            expected="a run of a network",
            fix="choose another run",
        )
    for name in SEEN_BY_THE_BACKBONE:
        before, now = (_setting(OmegaConf.select(config, name)) for config in (start.description.cfg, cfg))
        if before != now:
            raise CheckpointError(
                f"start_from was trained with {name}={_told(before, now)} and this run has {_told(now, before)}",
                expected="the same features and the same network",
                fix=f"set {name} as the start has it (features=, data=, model=), or train a start with these settings",
            )
    return start


def _setting(value: Any) -> Any:
    """A setting as plain values, without what may differ between a start and the run that follows."""
    plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    if isinstance(plain, dict):
        return {key: inner for key, inner in plain.items() if not MAY_DIFFER.search(str(key))}
    return plain


def _told(value: Any, other: Any) -> Any:
    """Of two unlike groups of settings only those that differ."""
    if isinstance(value, dict) and isinstance(other, dict):
        return {key: inner for key, inner in value.items() if key not in other or other[key] != inner}
    return value


def load(task: Task, spec: DataSpec, start: Checkpoint) -> Loaded:
    """Takes over the backbone, and the head of each label that is the same in both runs.

    Args:
        task: freshly built; changed in place.
        spec: of this run.
        start: read by ``read``.

    Raises:
        CheckpointError: the backbone has another form.
    """
    before = list(start.description.spec.targets)
    same = [name for name in task.labels if start.description.spec.targets.get(name) == spec.targets[name]]
    chosen = {f"backbone.{key}": f"backbone.{key}" for key in task.backbone.state_dict()}
    for name in same:
        here, there = task.labels.index(name), before.index(name)
        keys = task.objectives[here].state_dict()
        chosen |= {f"objectives.{here}.{key}": f"objectives.{there}.{key}" for key in keys if key not in ("mean", "sd")}
    own = task.state_dict()
    for here_key, there_key in chosen.items():
        found = start.weights.get(there_key)
        if found is None or found.shape != own[here_key].shape:
            shape = "nothing" if found is None else list(found.shape)
            raise CheckpointError(
                f"{start.path} has {shape} for {there_key}, this run needs {list(own[here_key].shape)}",
                expected="the same network, sized by clips of the same length",
                fix="choose the same model and crops as the start (model=, loader.crop_seconds, loader.crop_beats)",
            )
    task.load_state_dict({**own, **{key: start.weights[source] for key, source in chosen.items()}})
    return Loaded(
        loaded=["backbone", *(f"head of {name}" for name in same)],
        new=[f"head of {name}" for name in task.labels if name not in same],
        unused=[f"head of {name}" for name in before if name not in same],
        tensors=len(chosen),
    )
