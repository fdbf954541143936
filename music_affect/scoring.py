"""A checkpoint on clips: the test figure again, or a figure on other data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console

from music_affect import build, files
from music_affect.checkpoint import Checkpoint, read_checkpoint
from music_affect.compatibility import check_task
from music_affect.data.cache import FeatureCache
from music_affect.data.source import Clip
from music_affect.data.splits import split_clips, split_hash
from music_affect.errors import CheckpointError, ConfigurationError
from music_affect.evaluation.baselines import LinearReference, MajorityReference, Reference
from music_affect.evaluation.scores import classification_scores
from music_affect.preparation import Say, features, statistics
from music_affect.spec import Categorical

REFERENCES: dict[str, type[Reference]] = {"linear": LinearReference, "majority": MajorityReference}


def score(cfg: DictConfig, path: Path, console: Console) -> dict[str, Any]:
    """Scores a checkpoint and writes the result beside it.

    Args:
        cfg: composed from ``conf/evaluate.yaml``.
        path: a checkpoint or a finished run folder.
        console: for people to read.

    Returns:
        Scores, with what was scored on what.

    Raises:
        CheckpointError: the checkpoint is broken or does not fit the data.
    """
    checkpoint = read_checkpoint(path)
    run_cfg = _configuration(cfg, checkpoint)
    source = build.source(run_cfg)
    check_task(run_cfg, source)
    classes = _classes(checkpoint, run_cfg)
    _check_classes(classes, source.targets[run_cfg.task.target], source.name)
    say: Say = lambda line: console.print(line, highlight=False)  # noqa: E731
    clips = source.clips()
    cache = features(run_cfg, source, clips, say)
    _check_features(run_cfg, checkpoint, cache)
    part, chosen = _choose(cfg, run_cfg, checkpoint, cache, clips, say)
    probabilities = _probabilities(run_cfg, checkpoint, cache, chosen)
    place = {name: index for index, name in enumerate(classes)}
    labels = np.array([place[str(clip.labels[run_cfg.task.target])] for clip in chosen], dtype=np.int64)
    scored = {
        "checkpoint": str(checkpoint.path),
        "data": source.name,
        "part": part,
        "synthetic": source.synthetic,
        "skipped": cache.skip_counts,
        "scores": classification_scores(probabilities, labels, classes),
    }
    folder = _results_folder(checkpoint.path, source.name, part)
    files.write_json(folder / "scores.json", scored)
    console.print(f"Scores: {folder / 'scores.json'}", highlight=False)
    return scored


def _configuration(cfg: DictConfig, checkpoint: Checkpoint) -> DictConfig:
    """The run's configuration with the data and the folders of this call."""
    run_cfg = checkpoint.description.cfg
    with open_dict(run_cfg):
        run_cfg.paths, run_cfg.workers = cfg.paths, cfg.workers
        run_cfg.trainer.accelerator = cfg.accelerator
        if OmegaConf.select(cfg, "data") is not None:
            run_cfg.data = OmegaConf.create(OmegaConf.to_container(cfg.data, resolve=True))
        run_cfg.loader.overfit_batches = 0
    return run_cfg


def _classes(checkpoint: Checkpoint, run_cfg: DictConfig) -> tuple[str, ...]:
    target = checkpoint.description.spec.targets[run_cfg.task.target]
    assert isinstance(target, Categorical)
    return target.classes


def _check_classes(classes: Sequence[str], found: object, data: str) -> None:
    assert isinstance(found, Categorical)
    unknown = sorted(set(found.classes) - set(classes))
    if unknown:
        raise CheckpointError(
            f"data={data} has classes that the checkpoint does not know ({', '.join(unknown)})",
            expected=f"classes among {', '.join(classes)}",
            fix="score other data, or rename or leave out these classes",
        )


def _check_features(run_cfg: DictConfig, checkpoint: Checkpoint, cache: FeatureCache) -> None:
    trained, found = checkpoint.description.features, cache.identity.settings
    blocks = build.view(run_cfg, cache.identity.blocks).own_blocks
    different = {key: (trained[key], found[key]) for key in trained.keys() & found.keys() if trained[key] != found[key]}
    different.pop("min_seconds", None)
    if blocks != checkpoint.description.spec.blocks:
        different["blocks"] = (checkpoint.description.spec.blocks, blocks)
    for name, (before, now) in sorted(different.items()):
        raise CheckpointError(
            f"the data has features with {name}={now} and the checkpoint was trained with {name}={before}",
            expected="the features that the checkpoint was trained on",
            fix="choose such data (data=…_beat has one row a beat), or train on these features",
        )


def _choose(
    cfg: DictConfig, run_cfg: DictConfig, checkpoint: Checkpoint, cache: FeatureCache, clips: list[Clip], say: Say
) -> tuple[str, list[Clip]]:
    """Which clips are scored: name of the part, and its clips."""
    target = run_cfg.task.target
    kind = checkpoint.description.spec.targets[target]
    usable = build.labelled(clips, target, cache, kind)
    own = OmegaConf.select(cfg, "data") is None
    part: str = cfg.part or ("test" if own else "all")
    if part == "all":
        return part, usable
    splits = split_clips(usable, target, build.split_plan(run_cfg))
    if own and split_hash(splits) != checkpoint.description.split_hash:
        say("The data changed since this checkpoint was trained: its parts are not the same clips as then.")
    if not splits[part]:
        raise ConfigurationError(f"the data has no {part} part", expected="train, test or all", fix="choose part=test")
    return part, splits[part]


def _probabilities(
    run_cfg: DictConfig, checkpoint: Checkpoint, cache: FeatureCache, clips: list[Clip]
) -> NDArray[np.float64]:
    """Class probabilities of clips, in order, float64 [N, C]."""
    if checkpoint.reference is not None:
        reference = REFERENCES[run_cfg.model.name].from_dict(checkpoint.reference)
        rows = statistics(cache, build.view(run_cfg, cache.identity.blocks))
        return reference.predict(rows[[cache.position[clip.id] for clip in clips]])
    from music_affect import fitting

    description = checkpoint.description
    target = run_cfg.task.target
    targets = {target: description.spec.targets[target]}
    data = build.datamodule(run_cfg, cache, {"test": clips}, targets, description.normalizer)
    task = build.task(run_cfg, description.spec)
    task.load_state_dict(dict(checkpoint.weights))
    return fitting.probabilities(run_cfg, task, data.windows("test"))


def _results_folder(checkpoint: Path, data: str, part: str) -> Path:
    """Beside the run that the checkpoint belongs to."""
    run_folder = checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent
    return run_folder / "evaluations" / f"{data}-{part}"
