"""What ``--help`` prints: what a command is for, the groups with their options, and what every setting means.

The meaning of a setting stands in one place: in the comment behind it in ``conf/`` or, where it is an argument of a
class, in the docstring of that class. What the files of a group share is explained in the one that training takes.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from music_affect.configuration import compose as configuration
from music_affect.configuration import settings
from music_affect.configuration.overrides import conf_folder, options, own_folders, parsed
from music_affect.contracts import shapes

TARGET = "_target_"
SEEN_BY_HYDRA_ALONE = ("hydra", "defaults")
FOREIGN = ("torch", "lightning", "hydra")  # whose docstrings are not read: finding them would import them
COLUMN = 40  # where meanings begin
GLOBAL = "# @package _global_"


def page(config_name: str, description: str, words: Sequence[str]) -> str:
    """The help of a command, with the settings that its words choose.

    Args:
        config_name: file in ``conf/``.
        description: what the command is for, with its examples.
        words: of the command line; another choice from a group has other settings.

    Raises:
        ConfigurationError: a word is not understood.
    """
    with configuration.composing():
        cfg = configuration.loaded(config_name, words)
    folders = own_folders(parsed(words))
    known = meanings(config_name, cfg, folders)
    parts = [description.strip(), "", "== Groups: choose with GROUP=OPTION =="]
    for group, chosen in _groups(cfg).items():
        choices = ", ".join(configuration.beside("", options(group.split("@")[0], folders)))
        meaning = known.get(f"defaults.{group}")
        parts.append(_line(f"{group}={chosen or 'null'}", f"{meaning} – {choices}" if meaning else choices))
    section = above = None
    for name, value in plain_settings(cfg).items():
        if section != (section := name.partition(".")[0] if "." in name else ""):
            parts += ["", f"== Settings of {section} ==" if section else "== Settings =="]
        meaning = meaning_of(name, known)
        parts.append(_line(f"{name}={settings.shown(value)}", "" if meaning == above and "." in name else meaning))
        above = meaning
    ending = (
        "Change any value by its name: NAME=VALUE. --cfg job prints a configuration; --hydra-help tells of -m and more."
    )
    return "\n".join([*parts, "", ending])


def plain_settings(cfg: DictConfig) -> dict[str, Any]:
    """Settings by their full names, without those of Hydra and the names of classes."""
    own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key not in SEEN_BY_HYDRA_ALONE])
    written = OmegaConf.to_container(own)
    assert isinstance(written, dict)
    found = {name: _resolved(own, name, value) for name, value in shapes.flat(written).items()}
    mentioned = {name for name, value in found.items() if isinstance(value, DictConfig)}  # in full where it stands
    kept = [name for name in found if name not in mentioned and not re.search(r"(^|\.)_\w+_$", name)]
    return {name: found[name] for name in kept if found[name] != {}}


def _resolved(cfg: DictConfig, name: str, written: Any) -> Any:
    try:
        found = OmegaConf.select(cfg, name) if isinstance(written, str) and "${" in written else written
    except OmegaConfBaseException:  # something that it is made of is not given
        return written
    return OmegaConf.to_container(found) if OmegaConf.is_list(found) else found


def meaning_of(name: str, known: Mapping[str, str]) -> str:
    """What a setting means, or the mapping that it stands in; a word where neither is said."""
    return known.get(name) or (meaning_of(name.rpartition(".")[0], known) if "." in name else "")


def meanings(config_name: str, cfg: DictConfig, folders: Sequence[Path] = ()) -> dict[str, str]:
    """What each setting of a configuration means, by its full name; those of groups by ``defaults.GROUP``.

    Args:
        config_name: file in ``conf/``.
        cfg: composed from it, Hydra's own settings included.
        folders: of configurations, beside ours.
    """
    places = [*folders, conf_folder()]
    own, usual = dict(comments(conf_folder() / f"{config_name}.yaml")), dict[str, str]()
    for group, chosen in _groups(cfg).items():
        folder, _, package = group.partition("@")
        for found, option in ((own, chosen), (usual, _reference().get(folder) if chosen else None)):
            for path in _files(folder, option, places) if option else ():
                prefix = "" if path.read_text(encoding="utf-8").startswith(GLOBAL) else f"{package or folder}."
                for name, meaning in comments(path).items():
                    found.setdefault(f"{prefix}{name}", meaning)
    classes = {
        f"{prefix}{name}": meaning
        for prefix, node in _built(cfg)
        for name, meaning in arguments(str(node._get_node(TARGET))).items()
    }
    return {**usual, **classes, **own}


def _groups(cfg: DictConfig) -> dict[str, str | None]:
    """Groups of an entry point in the order of its defaults, with what is chosen from each."""
    choices = reversed(cfg.hydra.runtime.choices.items())
    return {str(group): name for group, name in choices if not str(group).startswith("hydra")}


@cache
def _reference() -> dict[str, str]:
    """The file of each group that explains the settings which all of the group have: what training takes unasked."""
    lines = OmegaConf.load(conf_folder() / "train.yaml").defaults
    return {str(group): option for line in lines if isinstance(line, DictConfig) for group, option in line.items()}


def _files(group: str, option: str, places: Sequence[Path]) -> Iterator[Path]:
    """The file of an option, and those that it builds on."""
    path = next((path for place in places if (path := place / group / f"{option}.yaml").is_file()), None)
    if path is not None:
        yield path
        content = OmegaConf.load(path)
        for base in content.get("defaults", []) if isinstance(content, DictConfig) else []:
            if isinstance(base, str) and base != "_self_":
                yield from _files("" if base.startswith("/") else group, base.lstrip("/"), places)


def _built(node: DictConfig, prefix: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Nodes that name a class, with the prefix of their settings' names."""
    for key in node:
        inner = node._get_node(key)
        if isinstance(inner, DictConfig) and not inner._is_none() and key not in SEEN_BY_HYDRA_ALONE:
            yield from _built(inner, f"{prefix}{key!s}.")
    if TARGET in node:
        yield prefix, node


@cache
def comments(path: Path) -> Mapping[str, str]:
    """The comments behind the settings of a file, by their dotted names; a comment may go on below itself."""
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    return dict(_comments(root, text.splitlines())) if isinstance(root, yaml.MappingNode) else {}


def _comments(node: yaml.MappingNode, lines: Sequence[str], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in node.value:
        name, line = f"{prefix}{key.value}", key.start_mark.line
        end = value.end_mark.column if value.end_mark.line == line else key.end_mark.column
        if found := re.match(r":?\s+# (.*)", lines[line][end:]):
            own = [found[1]]
            for below in lines[line + 1 :]:
                more = re.match(r"(\s+)# (.*)", below)
                if more is None or len(more[1]) <= key.start_mark.column:
                    break
                own.append(more[2])
            yield name, " ".join(part.strip() for part in own)
        inner = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for each in inner:
            if isinstance(each, yaml.MappingNode):
                yield from _comments(each, lines, f"{name}.")


@cache
def arguments(target: str) -> Mapping[str, str]:
    """What the docstring of a class says of its arguments; read from its file, so that nothing is imported."""
    module, _, name = target.rpartition(".")
    try:
        spec = None if module.split(".")[0] in FOREIGN else find_spec(module)
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        return {}
    found: dict[str, str] = {}
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            _, _, section = (ast.get_docstring(node) or "").partition("\nArgs:\n")
            for argument in re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", section.split("\n\n")[0], re.MULTILINE):
                found[argument[0]] = " ".join(argument[1].replace("``", "").rstrip(".").split())
    return found


def _line(name: str, meaning: str) -> str:
    """A name with its meaning beside it, or below where there is no room."""
    width = shutil.get_terminal_size((120, 1)).columns if sys.stdout.isatty() else 120
    indent = " " * COLUMN
    body = textwrap.fill(meaning, max(width, COLUMN + 40), initial_indent=indent, subsequent_indent=indent)
    short = len(name) < COLUMN - 3
    return f"  {name}" if not meaning else f"  {name:<{COLUMN - 2}}{body[COLUMN:]}" if short else f"  {name}\n{body}"
