"""Configuration to objects. The only file that instantiates; code below it never reads a configuration.

Heavy libraries are imported where they are needed, so that the description of the data and a wrong combination of task
and data cost milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from music_affect.command_line import FROM_THE_DATA, conf_folder
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import SplitPlan, class_counts
from music_affect.errors import ConfigurationError, LabelError, MusicAffectError, TaskMismatchError
from music_affect.spec import Categorical, DataSpec, Target

if TYPE_CHECKING:
    from music_affect.data.cache import FeatureCache, Reader
    from music_affect.data.clip_store import View
    from music_affect.data.datamodule import ClipDataModule, Loading
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


def check(cfg: DictConfig, data: ClipSource) -> None:
    """Refuses what cannot work, before any work: no heavy import is needed to tell.

    Raises:
        TaskMismatchError: the data does not carry the task's label.
        ConfigurationError: a size of the data is configured.
    """
    check_task(cfg, data)
    for name in FROM_THE_DATA:
        if name in cfg.model.get("net", {}):
            raise ConfigurationError(
                f"model.net.{name} is configured",
                expected="sizes of the data to come from the data alone",
                fix="leave it out",
            )


def check_task(cfg: DictConfig, data: ClipSource) -> None:
    """Refuses a task whose label the data does not carry.

    Raises:
        TaskMismatchError: with what the data offers and which tasks or data would do.
    """
    target = data.targets.get(cfg.task.target)
    if target is not None and _kind(target) == cfg.task.kind:
        return
    offered = ", ".join(f"{name} ({_kind(found)})" for name, found in data.targets.items()) or "no labels"
    same_kind = [name for name, found in data.targets.items() if _kind(found) == cfg.task.kind]
    choices_of = {
        "task.target": same_kind,
        "task": _tasks_for(data.targets),
        "data": _data_for(cfg.task.target, cfg.task.kind),
    }
    ways = [f"{group}={', '.join(names)}" for group, names in choices_of.items() if names]
    raise TaskMismatchError(
        f"task={cfg.task.name} needs the {cfg.task.kind} label '{cfg.task.target}'; data={data.name} offers {offered}",
        expected="data that carries the task's label",
        fix=f"choose {' or '.join(ways)}" if ways else "add such a label to the data",
    )


def _kind(target: Target) -> str:
    return "categorical" if isinstance(target, Categorical) else "continuous"


def _tasks_for(targets: Mapping[str, Target]) -> list[str]:
    """Tasks whose label these targets hold."""
    tasks = {name: choice("task", name) for name in choices("task")}
    return [name for name, task in tasks.items() if task.target in targets and _kind(targets[task.target]) == task.kind]


def _data_for(target: str, kind: str) -> list[str]:
    """Data sets that are known to carry a label, before any of their files are looked at."""
    found = []
    for name in choices("data"):
        node = choice("data", name).source
        settings = {key: node[key] for key in node if not OmegaConf.is_interpolation(node, key)}
        try:
            offered = instantiate({**settings, "root": None}).targets.get(target)
        except (InstantiationException, MusicAffectError):
            continue  # it depends on the user's own files
        if offered is not None and _kind(offered) == kind:
            found.append(name)
    return found


def choices(group: str) -> list[str]:
    """Files of a group in conf/."""
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def choice(group: str, name: str) -> DictConfig:
    """One file of a group together with the files it builds on."""
    node = OmegaConf.load(conf_folder() / group / f"{name}.yaml")
    assert isinstance(node, DictConfig)
    bases = [choice(group, base) for base in node.pop("defaults", []) if base != "_self_"]
    merged = OmegaConf.merge(*bases, node)
    assert isinstance(merged, DictConfig)
    return merged


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
    from music_affect.data.datamodule import Loading, crop_frames

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
