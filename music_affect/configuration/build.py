"""Configuration to objects. The only file that instantiates; code below it never reads a configuration.

Heavy libraries are imported where they are needed, so that describing the data costs milliseconds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from music_affect.contracts.errors import ConfigurationError, MusicAffectError
from music_affect.contracts.spec import Categorical, DataSpec, Tags, Target
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import SplitPlan, class_counts
from music_affect.system.plain_text import is_word, on_one_line

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.loggers import Logger

    from music_affect.data.cache.features import FeatureCache
    from music_affect.data.datamodule import ClipDataModule
    from music_affect.data.loading import Loading
    from music_affect.data.normalization import Normalizer
    from music_affect.data.reader import Reader
    from music_affect.data.view import View
    from music_affect.evaluation.baselines.reference import Reference
    from music_affect.features.audio.selection import Selection
    from music_affect.models.backbone import Backbone
    from music_affect.tasks.base import Task
    from music_affect.tasks.objective import Objective


REFUSALS = (
    TypeError,
    ValueError,
    AssertionError,
    RuntimeError,
    ArithmeticError,
    LookupError,
    ImportError,
    AttributeError,
    MemoryError,
)


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
    with _refusals(node):
        return instantiate(node, _partial_=True)(**arguments)


def later(node: DictConfig) -> Callable[..., Any]:
    """What ``make`` does, for a target that is called when training starts."""
    with _refusals(node):
        return partial(_called, node, instantiate(node, _partial_=True, _convert_="all"))


def _called(node: DictConfig, target: Callable[..., Any], *given: Any, **arguments: Any) -> Any:
    with _refusals(node):
        return target(*given, **arguments)


@contextmanager
def _refusals(node: DictConfig) -> Iterator[None]:
    """Whatever a constructor says against its settings is a user's mistake, told in its own words."""
    try:
        yield
    except MusicAffectError:
        raise
    except (InstantiationException, *REFUSALS) as error:
        cause = (error.__cause__ if isinstance(error, InstantiationException) else None) or error
        if isinstance(cause, MusicAffectError):
            raise cause from error
        raise ConfigurationError(
            f"{node._get_full_key(None)}: {node.get('_target_')} cannot be built with these settings "
            f"({type(cause).__name__}: {' '.join(str(cause).split())[:300]})",
            expected="settings that it takes",
            fix="see its docstring and its file in conf/",
        ) from error


def source(cfg: DictConfig, cache: Path | None = None) -> ClipSource:
    """The data set, or both where a second is learnt from at the same time; reads label files at most.

    Args:
        cfg: with the data.
        cache: where synthetic music is made, whatever the data says; None leaves it to the data.

    Raises:
        ConfigurationError: one of two sets is beat-synchronous and the other is not.
    """
    made = _source(cfg.data, cache)
    also = cfg.get("also")
    if also is None:
        return made
    if also.beat != cfg.data.beat:
        raise ConfigurationError(
            f"data={cfg.data.name} with data@also={also.name}: only one of them has a row a beat",
            expected="two full-rate or two beat-synchronous data sets",
            fix="choose both with _beat or both without",
        )
    if also.root is None:
        raise ConfigurationError(
            f"data@also={also.name} without a folder", expected="its own root", fix="add also.root=PATH"
        )
    from music_affect.data.union import UnionSource

    return UnionSource([made, _source(also, cache)])


def _source(group: DictConfig, cache: Path | None) -> ClipSource:
    made: ClipSource = make(group.source)
    if made.synthetic and cache is not None:
        made = make(group.source, root=str(cache.expanduser() / "synthetic"))
    if not is_word(str(made.name)):
        raise ConfigurationError(
            f"a data set with the name '{on_one_line(made.name)}'",
            expected="a name that can be that of a file",
            fix="add data.name=WORD",
        )
    return made


def reader(cfg: DictConfig, data: ClipSource) -> Reader:
    """What turns a clip's file into features.

    Raises:
        ConfigurationError: they are not the features that were chosen.
    """
    extractor: Reader = make(cfg.features.extraction, beat=cfg.data.beat)
    made = _array_reader(cfg) if data.holds == "arrays" else extractor
    view(cfg, made.blocks)
    if made.excerpt_frames != extractor.excerpt_frames:
        raise ConfigurationError(
            f"features={cfg.features.name} and the ready-made features of data={data.name}",
            expected="frames of one kind: of one-second excerpts, or of whole clips",
            fix="choose features=mel, chroma or fused, or data=excerpts",
        )
    return made


def _array_reader(cfg: DictConfig) -> Reader:
    """The data set's own, where its configuration names one."""
    node = cfg.data.get("reader")
    if cfg.get("also") is not None and cfg.also.get("reader") != node:
        raise ConfigurationError(
            f"data={cfg.data.name} and data@also={cfg.also.name} hold unlike arrays",
            expected="data sets whose files are read in one way",
            fix="choose two of the lab's sets of spectrograms, or two of audio",
        )
    if node is not None:
        own: Reader = make(node)
        return own
    from music_affect.data.array_reader import ArrayReader

    return ArrayReader(cfg.data.beat)


def selection(cfg: DictConfig) -> Selection:
    """The part of each audio file that is used.

    Raises:
        ConfigurationError: settings without a meaning, windows that are too short for the features, or two data sets
            of which unlike parts are used.
    """
    given = [cfg[key].get("selection") for key in ("data", "also") if cfg.get(key)]
    nodes = [{} if node is None else plain(node) for node in given]
    if nodes[-1] != nodes[0]:
        raise ConfigurationError(
            f"data={cfg.data.name} with selection={nodes[0]} and data@also={cfg.also.name} with {nodes[-1]}",
            expected="the same part of the files of both",
            fix="give data.selection and also.selection the same settings",
        )
    settings = nodes[0] | ({"seconds": None} if nodes[0].get("position", "whole") == "whole" else {})
    made: Selection = make(
        OmegaConf.create({"_target_": "music_affect.features.audio.selection.Selection", **settings})
    )
    shortest = make(cfg.features.extraction).min_seconds
    if made.seconds is not None and made.seconds < shortest:
        raise ConfigurationError(
            f"data.selection.seconds={made.seconds} with features.extraction.min_seconds={shortest}",
            expected="windows that are not too short for the features",
            fix="take longer windows, or lower features.extraction.min_seconds",
        )
    return made


def view(cfg: DictConfig, cached: Mapping[str, tuple[int, int]]) -> View:
    """The part of the cached features that the model sees."""
    from music_affect.data.view import View

    if not cfg.features.blocks:
        raise ConfigurationError(
            "features.blocks=[]", expected=f"blocks of the data: {', '.join(cached)}", fix="choose features=fused"
        )
    unknown = [name for name in cfg.features.blocks if name not in cached]
    if unknown:
        raise ConfigurationError(
            f"features.blocks names {', '.join(unknown)}",
            expected=f"blocks of the data: {', '.join(cached)}",
            fix="choose features=mel, chroma or fused",
        )
    averaged = 1 if cfg.data.beat else OmegaConf.select(cfg, "loader.average_frames", default=1)
    return View({name: cached[name] for name in cfg.features.blocks}, averaged)


def split_plan(cfg: DictConfig) -> SplitPlan:
    """How the clips are divided."""
    return SplitPlan(fold=cfg.data.fold, **dict(cfg.split))


def loading(cfg: DictConfig, frame_rate: float | None) -> Loading:
    """How clips are served."""
    from music_affect.data.loading import Loading, crop_frames

    step = 1 if frame_rate is None else make(cfg.features.extraction).excerpt_frames
    lengths = (cfg.loader.crop_seconds, cfg.loader.crop_beats)
    crop = crop_frames(*lengths, frame_rate, cfg.loader.average_frames, step)
    keys = ("batch_size", "windows", "class_balance", "data_balance", "in_memory_gb", "num_workers", "overfit_batches")
    return Loading(crop_frames=crop, crop_step=step, **{key: cfg.loader[key] for key in keys})


def frame_rate(cfg: DictConfig) -> float | None:
    """Cached frames a second, or None where a frame is a beat."""
    return None if cfg.data.beat else float(make(cfg.features.extraction).frame_rate)


def datamodule(
    cfg: DictConfig,
    cache: FeatureCache,
    splits: Mapping[str, Sequence[Clip]],
    targets: Mapping[str, Target],
    normalizer: Normalizer | None = None,
) -> ClipDataModule:
    """The LightningDataModule over divided clips."""
    from music_affect.data.datamodule import ClipDataModule
    from music_affect.data.normalization import Normalizer

    viewed = view(cfg, cache.identity.blocks)
    if normalizer is None and not cfg.loader.standardise:
        normalizer = Normalizer.identity(viewed.num_features)
    return ClipDataModule(
        cache,
        splits,
        targets,
        viewed,
        loading(cfg, frame_rate(cfg)),
        make(cfg.augmentation),
        seed=cfg.seed,
        normalizer=normalizer,
    )


def backbone(cfg: DictConfig, spec: DataSpec) -> Backbone:
    """The network, sized by the data."""
    sizes: dict[str, Any] = {"num_features": spec.num_features, "max_frames": spec.max_frames}
    if cfg.model.net.get("weigh_blocks"):
        sizes["blocks"] = spec.blocks
    net: Backbone = make(cfg.model.net, **sizes)
    return net


def task(cfg: DictConfig, spec: DataSpec, train: Sequence[Clip] = ()) -> Task:
    """The LightningModule around a fresh network.

    Args:
        cfg: with model, task, weighting, optimizer and scheduler.
        spec: what the data publishes.
        train: the training clips, whose labels set class weights and the mean and spread of scales; none where
            weights are loaded afterwards.
    """
    from music_affect.tasks.base import Task

    net = backbone(cfg, spec)
    objectives = {name: _objective(cfg, net.out_features, name, kind, train) for name, kind in spec.targets.items()}
    return Task(
        net,
        objectives,
        make(cfg.weighting, labels={name: objective.categorical for name, objective in objectives.items()}),
        optimizer=later(cfg.optimizer),
        schedule=later(cfg.scheduler),
        monitor=cfg.task.monitor,
        backbone_rate=cfg.backbone_rate,
        targets=spec.targets,
    )


def _objective(cfg: DictConfig, in_features: int, name: str, kind: Target, train: Sequence[Clip]) -> Objective:
    if isinstance(kind, Categorical):
        counts = class_counts(train, name)
        weights = _class_weights(cfg.task.class_weights, [counts[label] for label in kind.classes]) if train else None
        made: Objective = make(
            cfg.task.classification, in_features=in_features, num_classes=kind.num_classes, class_weights=weights
        )
        return made
    if isinstance(kind, Tags):
        made = make(cfg.task.tagging, in_features=in_features, num_tags=len(kind.names))
        return made
    values = [float(clip.labels[name]) for clip in train if name in clip.labels] or [0.0, 1.0]
    settings = {"mean": statistics.fmean(values), "sd": statistics.pstdev(values) or 1.0}
    made = make(cfg.task.regression, in_features=in_features, low=kind.low, high=kind.high, **settings)
    return made


def _class_weights(choice: str | None, counts: Sequence[int]) -> list[float] | None:
    if choice is None:
        return None
    present = [count for count in counts if count]
    return [sum(counts) / (len(present) * count) if count else 0.0 for count in counts]


def callbacks(cfg: DictConfig, *, validated: bool) -> list[Callback]:
    """The callbacks that are named in ``cfg.callbacks``; what waits for a validation figure only where there is one.

    Args:
        cfg: with a mapping of names to ``_target_`` nodes.
        validated: there is a validation part.
    """
    named = {name: node for name, node in (cfg.get("callbacks") or {}).items() if node is not None}
    waiting = {name for name, node in named.items() if str(node.get("monitor", "")).startswith("val/")}
    never = {name for name, node in named.items() if node.get("patience", 0) is None}
    left_out = never | (set() if validated else waiting)
    return [_named(node, "callbacks", name) for name, node in named.items() if name not in left_out]


def loggers(cfg: DictConfig) -> list[Logger]:
    """The Lightning loggers that are named in ``cfg.logger``."""
    return [_named(node, "logger", name) for name, node in (cfg.get("logger") or {}).items() if node is not None]


def _named(node: Any, group: str, name: str) -> Any:
    if not isinstance(node, DictConfig) or "_target_" not in node:
        raise ConfigurationError(
            f"{group}.{name} names no class",
            expected="settings with a _target_",
            fix=f"add {group}.{name}._target_=CLASS",
        )
    return later(node)()


def references(cfg: DictConfig) -> tuple[Reference, Reference]:
    """The reference model (majority, linear) chosen as the model: for a class, and for a scale."""
    return make(cfg.model.reference.classification), make(cfg.model.reference.regression)
