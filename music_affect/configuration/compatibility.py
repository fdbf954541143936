"""Task, data and model checked against each other before any work: no heavy import is needed to tell."""

from __future__ import annotations

from collections.abc import Mapping

from omegaconf import DictConfig, OmegaConf

from music_affect.configuration import build
from music_affect.configuration.compose import FROM_THE_DATA, conf_folder
from music_affect.configuration.setting_rules import PRECISIONS, SHORT_PRECISIONS
from music_affect.contracts.errors import ConfigurationError, MusicAffectError, TaskMismatchError, did_you_mean
from music_affect.contracts.spec import Target
from music_affect.data.labels import check_variety
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import check_fold

FLOAT16 = ("16-mixed", "16")


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
    check_precision(cfg.trainer.get("precision"), cfg.trainer.get("accelerator"))
    build.reader(cfg, data)  # refuses features that the data cannot give
    if cfg.task.targets and cfg.task.regression.loss == "ccc" and cfg.loader.batch_size < 2:
        raise ConfigurationError(
            f"task.regression.loss=ccc with loader.batch_size={cfg.loader.batch_size}: a correlation of one clip",
            expected="2 clips a batch or more",
            fix="raise loader.batch_size, or choose task.regression.loss=mse",
        )


def check_clips(cfg: DictConfig, data: ClipSource) -> list[Clip]:
    """The clips of a data set that is known to fit; only its tables are read.

    Raises:
        MusicAffectError: there is no such fold, or a label that is learnt has one value alone.
    """
    clips = data.clips()
    check_fold(clips, build.split_plan(cfg))
    check_variety(clips, wanted(cfg.task))
    return clips


def check_precision(precision: object, device: object) -> None:
    """Refuses a precision in which nothing can be learnt, or that Lightning would silently replace.

    Args:
        precision: of the trainer.
        device: that it trains on, as far as it is known.

    Raises:
        ConfigurationError: with those that there are.
    """
    named = str(precision)
    if named not in (*PRECISIONS, *SHORT_PRECISIONS, "None"):
        small = ": squares of gradients, which optimizers keep, vanish in it" if named == "16-true" else ""
        raise ConfigurationError(
            f"trainer.precision={named}{small or did_you_mean(named, PRECISIONS)}",
            expected=f"one of {', '.join(PRECISIONS)}",
            fix="write trainer.precision=bf16-mixed for speed, or leave it out",
        )
    if named in FLOAT16 and device == "cpu":
        raise ConfigurationError(
            f"trainer.precision={named} on a CPU",
            expected="a GPU, or a precision that a CPU has",
            fix="write trainer.precision=bf16-mixed or leave it out",
        )


def check_task(cfg: DictConfig, data: ClipSource) -> None:
    """Refuses a task whose labels the data does not carry.

    Raises:
        TaskMismatchError: with what the data offers and which tasks or data would do.
    """
    needed = wanted(cfg.task)
    if not needed:
        raise ConfigurationError(
            f"task={cfg.task.name} with nothing to predict",
            expected="a label in task.target, task.targets or task.tags",
            fix="name one",
        )
    _check_form(cfg)
    for name, kind in needed.items():
        if name not in data.targets or _kind(data.targets[name]) != kind:
            raise _mismatch(cfg, data, name, kind)


def _check_form(cfg: DictConfig) -> None:
    """Refuses a task that was given labels of a kind that it is not made for."""
    has_class, has_scale = bool(cfg.task.target), bool(cfg.task.targets)
    if not has_class and not has_scale:
        return  # tags, which stand alone
    right = {(True, False): "genre", (False, True): "affect", (True, True): "joint"}[has_class, has_scale]
    lacking = [name for name, needed in (("classification", has_class), ("regression", has_scale)) if needed]
    lacking = [name for name in lacking if name not in cfg.task]
    if lacking or cfg.task.get("tags") or (cfg.task.monitor == choice("task", "joint").monitor and right != "joint"):
        raise ConfigurationError(
            f"task={cfg.task.name} with task.target={cfg.task.target} and task.targets={list(cfg.task.targets)}",
            expected="a class label for task=genre, scales for task=affect, both for task=joint, neither for task=tags",
            fix=f"choose task={right}",
        )


def wanted(task: DictConfig) -> dict[str, str]:
    """Labels that a task predicts, by name: ``categorical``, ``continuous`` or ``tags``.

    Raises:
        ConfigurationError: one is named twice.
    """
    if task.get("tags") and not task.target and not task.targets:
        return {str(task.tags): "tags"}
    names = [*([task.target] if task.target else []), *task.targets]
    if len(set(names)) < len(names):
        raise ConfigurationError(
            f"task.target={task.target} task.targets={list(task.targets)} name a label twice",
            expected="every label once",
            fix="leave out the repeated one",
        )
    return {str(name): "categorical" if name == task.target else "continuous" for name in names}


def _mismatch(cfg: DictConfig, data: ClipSource, target: str, kind: str) -> TaskMismatchError:
    offered = ", ".join(f"{name} ({_kind(found)})" for name, found in data.targets.items()) or "no labels"
    reason = data.why_missing(target)
    same_kind = [name for name, found in data.targets.items() if _kind(found) == kind]
    choices_of = {"task": _tasks_for(data.targets), "data": _data_for(target, kind)}
    remedy = data.remedy(target, kind)
    ways = [f"{group}={', '.join(names)}" for group, names in choices_of.items() if names]
    if same_kind:
        words = {"categorical": "target={}", "continuous": "targets=[{},…]", "tags": "tags={}"}
        ways.append(f"task.{words[kind].format(same_kind[0])}")
    return TaskMismatchError(
        f"task={cfg.task.name} needs the {kind} label '{target}'{did_you_mean(target, same_kind)}; "
        f"data={data.name} offers {offered}" + (f" ('{target}': {reason})" if reason else ""),
        expected="data that carries the task's labels",
        fix=remedy or (f"choose {' or '.join(ways)}" if ways else "add such a label to the data"),
    )


def _kind(target: Target) -> str:
    return str(target.to_dict()["kind"])


def _tasks_for(targets: Mapping[str, Target]) -> list[str]:
    """Tasks whose labels these targets hold."""
    offered = {name: _kind(target) for name, target in targets.items()}
    tasks = {name: wanted(choice("task", name)) for name in choices("task")}
    return [name for name, labels in tasks.items() if labels.items() <= offered.items()]


def _data_for(target: str, kind: str) -> list[str]:
    """Data sets that are known to carry a label, before any of their files are looked at."""
    found = []
    for name in choices("data"):
        node = choice("data", name).source
        settings = {key: node[key] for key in node if not OmegaConf.is_interpolation(node, key)}
        try:
            offered = build.make(OmegaConf.create({**settings, "root": None})).targets.get(target)
        except MusicAffectError:
            continue  # it depends on the user's own files
        if offered is not None and _kind(offered) == kind:
            found.append(name)
    return found


def check_chosen(cfg: DictConfig) -> None:
    """Refuses a command about a data set that names none.

    Raises:
        ConfigurationError: with the data sets that there are.
    """
    if cfg.get("data") is None:
        raise ConfigurationError(
            "no data is chosen",
            expected="a data set",
            fix=f"add data=folder data.root=MUSIC, or another of {', '.join(choices('data'))}; see --help",
        )


def choices(group: str) -> list[str]:
    """Files of a group in conf/."""
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def choice(group: str, name: str) -> DictConfig:
    """One file of a group together with the files of that group that it builds on."""
    node = OmegaConf.load(conf_folder() / group / f"{name}.yaml")
    assert isinstance(node, DictConfig)
    bases = [choice(group, base) for base in node.pop("defaults", []) if isinstance(base, str) and base != "_self_"]
    merged = OmegaConf.merge(*bases, node)
    assert isinstance(merged, DictConfig)
    return merged
