"""A checkpoint scored on clips: the test figures again, or figures on other data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from music_affect import build, files, inference
from music_affect.caching import Say
from music_affect.checkpoint import Checkpoint, made_from, read_checkpoint
from music_affect.compatibility import check_task
from music_affect.data.cache import FeatureCache
from music_affect.data.labels import labelled, usable
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import divide, restrict, split_hash
from music_affect.errors import ConfigurationError
from music_affect.evaluation.leak_alarms import leaked_checkpoint
from music_affect.measurement import measure
from music_affect.spec import Target
from music_affect.training_clips import count_trained_on


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
        ConfigurationError: the part is not there, or has no labels.
    """
    checkpoint = read_checkpoint(path, cfg.trust)
    run_cfg, source = inference.configuration(cfg, checkpoint)
    inference.results_path(checkpoint.path, "evaluations", source.name, cfg.out)  # before hours of work
    targets = _scored(run_cfg, source, checkpoint.description.spec.targets)
    inference.check_classes(targets, source.targets, source.name)
    clips = source.clips()
    _check_labels(cfg, source, clips, targets)
    say: Say = console.print
    cache = inference.features_as_trained(run_cfg, checkpoint, source, clips, say)
    left_out = [name for name in checkpoint.description.spec.targets if name not in targets]
    if left_out:
        say(f"data={source.name} has no label {', '.join(left_out)}: not scored.")
    part, chosen = _choose(cfg, run_cfg, checkpoint, targets, source, cache, clips, say)
    folder = inference.results_path(checkpoint.path, "evaluations", f"{source.name}-{part}", cfg.out)
    heard = count_trained_on(
        checkpoint.description.trained_on, checkpoint.description.digests, chosen, source.identity, cache
    )
    leak = leaked_checkpoint(heard, len(chosen)) if part != "train" else None
    scored = {
        "checkpoint": str(checkpoint.path),
        "data": source.name,
        "part": part,
        "synthetic": source.synthetic,
        "skipped": cache.skip_counts,
        "trained_on": heard,
        "alarms": [leak.to_dict()] if leak else [],
        "scores": measure(inference.answer(run_cfg, checkpoint, cache, chosen), chosen, targets),
    }
    files.write_json(folder / "scores.json", scored)
    console.print(f"Scores: {folder / 'scores.json'}")
    return scored


def _scored(run_cfg: DictConfig, source: ClipSource, trained: Mapping[str, Target]) -> dict[str, Target]:
    """Labels that the checkpoint answers and the data carries; refused where there are none."""
    shared = {name: kind for name, kind in trained.items() if isinstance(source.targets.get(name), type(kind))}
    if not shared:
        check_task(run_cfg, source)
    return shared


def _check_labels(cfg: DictConfig, source: ClipSource, clips: list[Clip], targets: Mapping[str, Target]) -> None:
    """Refuses a part of given data that the data set prescribes and whose labels it hides."""
    prescribed = [clip for clip in clips if clip.split == cfg.part]
    if OmegaConf.select(cfg, "data") is None or not prescribed:
        return
    if not labelled(prescribed, targets):
        raise ConfigurationError(
            f"the {cfg.part} part of data={source.name} has {len(prescribed)} clips and no labels",
            expected="labels to score against",
            fix=f"predict it (`python -m music_affect.predict checkpoint=… data=… split={cfg.part}`) and score a "
            "held-out part of the labelled clips instead: evaluate without data=, or train with data.fold=0 and so on",
        )


def _choose(
    cfg: DictConfig,
    run_cfg: DictConfig,
    checkpoint: Checkpoint,
    targets: Mapping[str, Target],
    source: ClipSource,
    cache: FeatureCache,
    clips: list[Clip],
    say: Say,
) -> tuple[str, list[Clip]]:
    """Which clips are scored: name of the part, and its clips."""
    found = usable(clips, targets, cache)
    own = OmegaConf.select(cfg, "data") is None
    part: str = cfg.part or ("test" if own else "all")
    if part == "all":
        return part, found
    with made_from(checkpoint.path):
        plan = build.split_plan(run_cfg)
    splits = restrict(divide(source, clips, plan), found)
    if own and split_hash(splits) != checkpoint.description.split_hash:
        say("The data changed since this checkpoint was trained: its parts are not the same clips as then.")
    if not splits[part]:
        raise ConfigurationError(f"the data has no {part} part", expected="train, test or all", fix="choose part=test")
    return part, splits[part]
