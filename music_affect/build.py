"""Configuration to objects. The only file that instantiates; code below it never reads a configuration.

Heavy libraries are imported where they are needed, so that describing the data costs milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import SplitPlan, class_counts
from music_affect.errors import ConfigurationError, LabelError, MusicAffectError
from music_affect.spec import Categorical, DataSpec, Target

if TYPE_CHECKING:
    from music_affect.data.cache import FeatureCache, Reader
    from music_affect.data.clip_store import View
    from music_affect.data.datamodule import ClipDataModule
    from music_affect.data.loading import Loading
    from music_affect.data.normalization import Normalizer
    from music_affect.evaluation.baselines import Reference
    from music_affect.models.backbone import Backbone
    from music_affect.tasks.base import Task


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The configuration resolved to plain containers, for checkpoints and run folders."""
    content = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def make(node: DictConfig, **arguments: Any) -> Any:
    """Calls the node's ``_target_`` with its settings and the arguments.

    Raises:
        ConfigurationError: the settings do not fit the target.
    """
    try:
        return instantiate(node, _partial_=True)(**arguments)
    except (InstantiationException, TypeError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, MusicAffectError):
            raise cause from error
        raise ConfigurationError(
            f"{node.get('_target_')} cannot be built with these settings ({' '.join(str(cause).split())})",
            expected="settings that it takes",
            fix="see its docstring and its file in conf/",
        ) from error


def source(cfg: DictConfig) -> ClipSource:
    """The data set; reads label files at most."""
    made: ClipSource = make(cfg.data.source)
    return made


def reader(cfg: DictConfig, data: ClipSource) -> Reader:
    """What turns a clip's file into features."""
    if data.holds == "arrays":
        from music_affect.data.array_reader import ArrayReader

        return ArrayReader(cfg.data.beat)
    from music_affect.features.extractor import AudioExtractor

    extraction: dict[str, Any] = dict(cfg.features.extraction)
    return AudioExtractor(beat=cfg.data.beat, **extraction)


def view(cfg: DictConfig, cached: Mapping[str, tuple[int, int]]) -> View:
    """The part of the cached features that the model sees."""
    from music_affect.data.clip_store import View

    if not cfg.features.blocks:
        raise ConfigurationError("features.blocks=[]", expected="mel, chroma or both", fix="choose features=fused")
    unknown = [name for name in cfg.features.blocks if name not in cached]
    if unknown:
        raise ConfigurationError(
            f"features.blocks names {', '.join(unknown)}",
            expected=f"blocks of the data: {', '.join(cached)}",
            fix="choose features=mel, chroma or fused",
        )
    return View({name: cached[name] for name in cfg.features.blocks}, 1 if cfg.data.beat else cfg.loader.average_frames)


def split_plan(cfg: DictConfig) -> SplitPlan:
    """How the clips are divided."""
    return SplitPlan(fold=cfg.data.fold, **dict(cfg.split))


def labelled(clips: Sequence[Clip], target: str, cache: FeatureCache, kind: Target) -> list[Clip]:
    """Clips that have the label and usable features.

    Raises:
        LabelError: there are none, or they hold a single class.
    """
    usable = [clip for clip in clips if target in clip.labels and clip.id in cache.position]
    if not usable:
        raise LabelError(
            f"none of the {len(clips)} clips has both a label '{target}' and usable features",
            expected="labelled, readable clips",
            fix=f"look at {cache.folder / 'skipped.csv'} and at the label file",
        )
    if isinstance(kind, Categorical) and len(class_counts(usable, target)) < 2:
        raise LabelError(
            f"all {len(usable)} usable clips have the same '{target}'",
            expected="two classes or more",
            fix="add clips of another class",
        )
    return usable


def loading(cfg: DictConfig, frame_rate: float | None) -> Loading:
    """How clips are served."""
    from music_affect.data.loading import Loading, crop_frames

    crop = crop_frames(cfg.loader.crop_seconds, cfg.loader.crop_beats, frame_rate, cfg.loader.average_frames)
    keys = ("batch_size", "windows", "class_balance", "in_memory_gb", "num_workers", "overfit_batches")
    return Loading(crop_frames=crop, **{key: cfg.loader[key] for key in keys})


def frame_rate(cfg: DictConfig) -> float | None:
    """Cached frames a second, or None where a frame is a beat."""
    return None if cfg.data.beat else cfg.features.extraction.sample_rate / cfg.features.extraction.hop_length


def datamodule(
    cfg: DictConfig,
    cache: FeatureCache,
    splits: Mapping[str, Sequence[Clip]],
    targets: Mapping[str, Target],
    normalizer: Normalizer | None = None,
) -> ClipDataModule:
    """The LightningDataModule over divided clips."""
    from music_affect.data.datamodule import ClipDataModule

    return ClipDataModule(
        cache,
        splits,
        targets,
        view(cfg, cache.identity.blocks),
        loading(cfg, frame_rate(cfg)),
        make(cfg.augmentation),
        seed=cfg.seed,
        normalizer=normalizer,
    )


def backbone(cfg: DictConfig, spec: DataSpec) -> Backbone:
    """The network, sized by the data."""
    net: Backbone = make(cfg.model.net, num_features=spec.num_features, max_frames=spec.max_frames)
    return net


def task(cfg: DictConfig, spec: DataSpec, class_counts: Sequence[int] | None = None) -> Task:
    """The LightningModule around a fresh network.

    Args:
        cfg: with model, task, optimizer and scheduler.
        spec: what the data publishes.
        class_counts: training clips of each class, for ``task.class_weights=balanced``.
    """
    target = spec.targets[cfg.task.target]
    assert isinstance(target, Categorical)
    module: Task = make(
        cfg.task.module,
        backbone=backbone(cfg, spec),
        target=cfg.task.target,
        num_classes=target.num_classes,
        optimizer=instantiate(cfg.optimizer, _partial_=True, _convert_="all"),
        schedule=instantiate(cfg.scheduler, _partial_=True),
        class_weights=_class_weights(cfg.task.class_weights, class_counts),
    )
    return module


def _class_weights(choice: str | None, counts: Sequence[int] | None) -> list[float] | None:
    if choice is None or counts is None:
        return None
    if choice != "balanced":
        raise ConfigurationError(f"task.class_weights={choice}", expected="null or balanced", fix="correct it")
    present = [count for count in counts if count]
    return [sum(counts) / (len(present) * count) if count else 0.0 for count in counts]


def reference(cfg: DictConfig) -> Reference:
    """A reference model (majority, linear) chosen as the model."""
    made: Reference = make(cfg.model.reference)
    return made
