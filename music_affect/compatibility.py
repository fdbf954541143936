"""Task, data and model checked against each other before any work: no heavy import is needed to tell."""

from __future__ import annotations

from collections.abc import Mapping

from omegaconf import DictConfig, OmegaConf

from music_affect import build
from music_affect.command_line import FROM_THE_DATA, conf_folder
from music_affect.data.source import ClipSource
from music_affect.errors import ConfigurationError, MusicAffectError, TaskMismatchError
from music_affect.spec import Categorical, Target


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
            offered = build.make(OmegaConf.create({**settings, "root": None})).targets.get(target)
        except MusicAffectError:
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
