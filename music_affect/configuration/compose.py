"""The configurations in ``conf/``: where they are, the words they use, and whether a command line fits them.

Imports Hydra and nothing heavier, so that a mistake is answered within a second.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from music_affect.configuration import settings
from music_affect.configuration.overrides import conf_folder as conf_folder
from music_affect.configuration.overrides import options, own_folders, parsed, spelled
from music_affect.configuration.setting_rules import NAMED, OWN, RULES
from music_affect.contracts import shapes
from music_affect.contracts.errors import ConfigurationError, did_you_mean
from music_affect.runs.state import digest
from music_affect.runs.trust import NAMES
from music_affect.system.plain_text import is_word, on_one_line

EXTRA_OF = {"joblib": "joblib", "ray": "ray", "submitit_local": "slurm", "submitit_slurm": "slurm", "slurm": "slurm"}
FROM_THE_DATA = ("num_features", "num_classes", "max_frames")
FOR_ALL_RUNS = ("grid", "hparams_search")  # groups that say which runs there are
OF_VALUES = ("experiment", "grid", "debug")  # groups that give values to settings of others


@contextmanager
def composing() -> Iterator[None]:
    """A context in which ``composed`` finds the configurations, also while Hydra runs a program or a sweep."""
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(conf_folder().absolute()), version_base="1.3"):
            yield
    finally:
        if outer is not None:
            GlobalHydra.instance().initialize(outer)


def check_overrides(config_name: str, words: Sequence[str]) -> DictConfig:
    """Composes the configuration once, so that a mistake in it is told in our words.

    A sweep is checked by its first cell, and every choice from a group by name; ``sweep.plan`` checks the other cells.

    Returns:
        The configuration (of the first cell), Hydra's own included.

    Raises:
        ConfigurationError: a word is not understood, or a setting has a value without a meaning.
    """
    overrides = parsed(spelled(words))
    with composing():
        for override in overrides:
            _check_choice(override, own_folders(overrides))
        return composed(config_name, [_first_cell(override) for override in overrides])


def check_single(words: Sequence[str]) -> None:
    """Refuses lists of values where one run is asked for.

    Raises:
        ConfigurationError: with the word.
    """
    for override in parsed(words):
        if override.is_sweep_override():
            raise ConfigurationError(
                f"{override.input_line} asks for several runs",
                expected="-m beside it, or one value",
                fix="add -m, or write a list as [1,2]",
            )


def composed(config_name: str, words: Sequence[str]) -> DictConfig:
    """The configuration of one run, Hydra's own included, with every setting checked; inside ``composing``.

    Raises:
        ConfigurationError: it does not compose, lacks a value, or has one without a meaning.
    """
    cfg = loaded(config_name, words)
    own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    raw = _plain(own, resolve=False)
    for key in sorted(name for name, value in shapes.flat(raw).items() if value == "???"):
        raise ConfigurationError(f"{key} is not given", expected=f"{key}=VALUE", fix="see --help for what it means")
    usual = usual_settings(config_name, cfg, words)
    # What was written comes first: a reference to it is wrong with it, and may not even resolve.
    settings.check(settings.written(raw, usual), usual)
    try:
        settings.check(_plain(own, resolve=True), usual)
    except OmegaConfBaseException as error:
        raise _explain_composition(config_name, parsed(words), error) from error
    check_names(cfg)
    return cfg


def loaded(config_name: str, words: Sequence[str]) -> DictConfig:
    """The configuration of one run as Hydra composes it, Hydra's own included, unchecked; inside ``composing``.

    Raises:
        ConfigurationError: it does not compose.
    """
    try:
        return hydra.compose(config_name, list(words), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise _explain_composition(config_name, parsed(words), error) from error


def check_names(cfg: DictConfig) -> None:
    """Refuses names that would lead a run's folder elsewhere, before any folder is made.

    Raises:
        ConfigurationError: one is not a single part of a path.
    """
    for name in (*NAMES, "sweep.name"):
        value = OmegaConf.select(cfg, name)
        if value is not None and not is_word(str(value)):
            raise ConfigurationError(
                f"{name}={on_one_line(str(value)[:80])}",
                expected="a name that can be that of a file, without /, \\ and control characters",
                fix=f"set {'tag' if name == 'run_name' else name} to another one",
            )


def usual_settings(config_name: str, cfg: DictConfig, words: Sequence[str]) -> Mapping[str, Any]:
    """The settings that the same choices give without anybody's values."""
    if all(
        name in options(group) and group not in OF_VALUES for group, _, name in (word.partition("=") for word in words)
    ):
        own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
        return _plain(own, resolve=True)  # nobody gave a value: composing again would give the same
    chosen = cfg.hydra.runtime.choices.items()
    choices = [f"{group}={name}" for group, name in chosen if name and "/" not in group and group not in OF_VALUES]
    return _usual(config_name, (*choices, *(word for word in words if word.startswith("hydra.searchpath="))))


@cache
def _usual(config_name: str, choices: Sequence[str]) -> Mapping[str, Any]:
    try:
        return _plain(hydra.compose(config_name, list(choices)), resolve=True)
    except HydraException:  # a group that somebody added, which Hydra wants to be told
        known = hydra.compose(config_name, return_hydra_config=True).hydra.runtime.choices
        added = [word if word.startswith("hydra.") or word.split("=")[0] in known else f"+{word}" for word in choices]
        return _plain(hydra.compose(config_name, added), resolve=True)


def _plain(cfg: DictConfig, *, resolve: bool) -> dict[Any, Any]:
    content = OmegaConf.to_container(cfg, resolve=resolve)
    assert isinstance(content, dict)
    return content


def _first_cell(override: Override) -> str:
    line = override.input_line or ""
    if not override.is_sweep_override() or override.is_delete():
        return line
    if not override.is_discrete_sweep():
        raise ConfigurationError(
            f"{line} is no list of values",
            expected="values like 1e-3,1e-2 or range(0,5)",
            fix="list them, or search between two ends with hparams_search",
        )
    return f"{line.split('=', 1)[0]}={next(iter(override.sweep_string_iterator()))}"


def _check_choice(override: Override, folders: Sequence[Path]) -> None:
    """A group's choice has to be one of its files."""
    group = override.key_or_group
    known = options(group, folders)
    if not known or override.is_delete() or group.startswith("hydra/"):  # launchers are also others' files
        return
    if group in FOR_ALL_RUNS and override.is_sweep_override():
        raise ConfigurationError(
            f"{override.input_line} asks for several at once",
            expected=f"one {group}, which says which runs there are",
            fix="give one command for each",
        )
    chosen = list(override.sweep_string_iterator()) if override.is_sweep_override() else override.value()
    alone = not isinstance(chosen, list) or (group not in NAMED and not override.is_sweep_override())
    for value in [chosen] if alone else cast(list[Any], chosen):
        if not isinstance(value, str) or value not in known:
            word = settings.shown(value)
            raise ConfigurationError(
                f"{group}={word}{did_you_mean(word, known)}",
                expected=f"{group} to be one of {', '.join(beside(word, known))}",
                fix="correct the word",
            )


def beside(value: str, options: Sequence[str]) -> list[str]:
    """Options in the folder that a value names, or those in none and the folders."""
    folder = value.rpartition("/")[0]
    beside = [name for name in options if folder and name.rpartition("/")[0] == folder]
    return beside or sorted({name if "/" not in name else f"{name.split('/')[0]}/…" for name in options})


def _explain_composition(config_name: str, overrides: Sequence[Override], error: Exception) -> ConfigurationError:
    known = _known_keys(_chosen(config_name, overrides))
    groups = sorted(path.name for path in conf_folder().iterdir() if path.is_dir())
    for override in overrides:
        key = override.key_or_group
        extra = EXTRA_OF.get(str(override.value())) if key == "hydra/launcher" else None
        if extra and "hydra/launcher" in str(error):
            return ConfigurationError(
                f"{override.input_line}, which is not installed",
                expected=f"the extra '{extra}' of this package",
                fix=f'run: pip install "music_affect[{extra}]"',
            )
        if override.is_add() or override.is_delete() or key in known or options(key) or key.startswith("hydra"):
            continue
        if key.rsplit(".", 1)[-1] in FROM_THE_DATA:
            return ConfigurationError(
                f"{override.input_line}, but sizes of the data are not configured",
                expected=f"{', '.join(FROM_THE_DATA)} to come from the data alone",
                fix="leave it out; choose data=, features= or task= instead",
            )
        if RULES.get(key) is OWN:
            return ConfigurationError(str(override.input_line), expected=OWN.says, fix="leave it out")
        return ConfigurationError(
            f"unknown setting '{key}'{did_you_mean(key, [*known, *groups])}",
            expected="a setting or group of the configuration",
            fix="see --help for all of them, or write +NAME=VALUE for a new one",
        )
    reason = " ".join(str(error).split())
    return ConfigurationError(
        f"the configuration does not compose ({reason})", expected="known groups and settings", fix="see --help"
    )


def _chosen(config_name: str, overrides: Sequence[Override]) -> DictConfig:
    """The configuration with the groups that a command line chooses, and nothing else of it."""
    chosen = [_first_cell(override) for override in overrides if options(override.key_or_group)]
    try:
        return hydra.compose(config_name, chosen)
    except (HydraException, OmegaConfBaseException, ValueError):
        return hydra.compose(config_name)


def _known_keys(cfg: DictConfig) -> set[str]:
    """Settings and the groups that they stand in, by their full names."""
    names = shapes.flat(_plain(cfg, resolve=False))
    return {
        ".".join(parts[: depth + 1]) for parts in (name.split(".") for name in names) for depth in range(len(parts))
    }


def variable(name: str, default: str | None = None) -> str | None:
    """An environment variable, the home folder (~) in its place; a blank one is as one that is not set."""
    found = os.environ.get(name, "").strip()
    return os.path.expanduser(found) if found else default


def transfer_suffix(start_from: Any, freeze: str) -> str:
    """``-transfer`` where there is a start, and how much of it is frozen."""
    frozen = "" if freeze == "none" else f"_freeze_{str(freeze).replace(':', '')}"
    return "" if start_from is None else f"-transfer{frozen}"


def _folder_name(root: str | None, default: str) -> str:
    return Path(str(root)).expanduser().absolute().name or default if root else default


_RESOLVERS: Mapping[str, Callable[..., Any]] = {  # words that the configurations use: ${WORD:…}
    "environment": variable,
    "expanded": lambda path: os.path.expanduser(str(path)),  # with the home folder in place of ~
    "folder_name": _folder_name,  # of a root, as a word that can stand in a file name
    "suffix": lambda prefix, value: "" if value is None else f"-{prefix}{value}",
    "joined": lambda *words: "+".join(str(word) for word in words if word is not None),
    "transfer": transfer_suffix,
    "times": lambda factor, value: factor * value,  # a multiple of a figure that stands elsewhere
    "replaced": lambda text, old, new: str(text).replace(old, new),
    "run_digest": lambda *, _root_: digest(_root_),
}
# With the import: a worker process that a launcher starts composes the configuration before it runs anything of ours.
for _name, _resolver in _RESOLVERS.items():
    OmegaConf.register_new_resolver(_name, _resolver, replace=True)
