"""The words of a command line: Hydra's options taken apart, and ``null``, ``~`` and own folders as Hydra takes them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from music_affect.contracts.errors import ConfigurationError

NONE = "none"  # a group's file for nothing at all
SEARCHPATH = "hydra.searchpath"


def conf_folder() -> Path:
    """The configurations: beside the package in a checkout, inside it once installed."""
    installed = Path(__file__).parents[1] / "conf"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "conf"


def options(group: str, folders: Sequence[Path] = ()) -> list[str]:
    """Files of a group, those in folders under it too (``cnn``, ``s1/cnn_mel``), and those of a user's own folders."""
    places = [folder / group for folder in (conf_folder(), *folders)]
    found = {path.relative_to(place).with_suffix("").as_posix() for place in places for path in place.rglob("*.yaml")}
    return sorted(found)


def parsed(words: Sequence[str]) -> list[Override]:
    """The words as Hydra understands them.

    Raises:
        ConfigurationError: it does not.
    """
    try:
        return OverridesParser.create().parse_overrides(list(words))
    except HydraException as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(
            f"the command line is not understood ({reason})",
            expected="words like model=cnn, optimizer.lr=1e-3 or seed=0,1,2 (with -m)",
            fix="see --help, and quote values that hold commas, brackets or blanks",
        ) from error


def arguments(line: Sequence[str]) -> tuple[list[str], argparse.Namespace]:
    """A command line for Hydra, and Hydra's options in it, which may stand between the words.

    A folder of one's own (``--config-dir``) becomes a word, so that it is known wherever the words are.
    """
    given = get_args_parser().parse_intermixed_args(list(line))
    if given.hydra_help or given.info or given.shell_completion:
        return list(line), given
    words = spelled(given.overrides)
    if given.cfg:
        return [*(word for word in line if word not in given.overrides), *words], given
    if given.config_dir is not None:
        words = _with_folder(words, Path(given.config_dir))
    kept = ("config_path", "config_name", "experimental_rerun")
    flags = [f"--{name.replace('_', '-')}={getattr(given, name)}" for name in kept if getattr(given, name) is not None]
    return [*flags, *(["--multirun"] if given.multirun else []), *words], given


def own_folders(overrides: Sequence[Override]) -> list[Path]:
    """Folders of configurations that the words name beside ours.

    Raises:
        ConfigurationError: one is not there.
    """
    named = next((override.value() for override in reversed(overrides) if override.key_or_group == SEARCHPATH), None)
    if not isinstance(named, list):
        return []
    found = [Path(str(name).removeprefix("file://")) for name in named if not str(name).startswith("pkg://")]
    for folder in found:
        _check_folder(folder)
    return found


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigurationError(
            f"no folder {folder}",
            expected="a folder with configurations",
            fix="correct --config-dir or hydra.searchpath",
        )


def spelled(words: Sequence[str]) -> list[str]:
    """The words with ``null`` and ``~`` for a group as Hydra takes them: ``group=none`` where there is such a file."""
    overrides = parsed(words)
    folders = own_folders(overrides)
    return [_spelled(override, options(override.key_or_group, folders)) for override in overrides]


def _spelled(override: Override, known: Sequence[str]) -> str:
    line, name = str(override.input_line), override.get_key_element().lstrip("+~")
    if not known or name.startswith("hydra/"):
        return line
    if override.is_sweep_override():
        values = [str(value) for value in override.sweep_string_iterator()]
        if "null" not in values:
            return line
        if NONE not in known:
            raise ConfigurationError(
                f"{line} with null beside others", expected=f"files of {name} alone", fix="leave null out"
            )
        return f"{name}={','.join(NONE if value == 'null' else value for value in values)}"
    if override.is_delete() or override.value() is None:
        return f"{name}={NONE}" if NONE in known else f"~{name}"
    return line


def _with_folder(words: Sequence[str], folder: Path) -> list[str]:
    _check_folder(folder)
    others = own_folders(parsed(words))
    named = ",".join(quoted(str(one)) for one in (folder.absolute(), *others))
    return [*(word for word in words if not word.startswith(f"{SEARCHPATH}=")), f"{SEARCHPATH}=[{named}]"]


def quoted(text: str) -> str:
    """A text as one value of a command line, whatever stands in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
