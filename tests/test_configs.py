"""Everything in conf/: each file can be chosen, says what it is for, and repeats no fact that stands elsewhere."""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from music_affect.configuration import command_line, compatibility, help_text
from music_affect.configuration import compose as configuration
from music_affect.contracts.shapes import flat
from music_affect.data.splits import SplitPlan

CHECKOUT = Path(__file__).parents[1]
CONF = configuration.conf_folder()
FILES = sorted(str(path.relative_to(CONF).with_suffix("")) for path in CONF.rglob("*.yaml"))
ENTRIES = [name for name in FILES if "/" not in name]
ENTRY = r"python -m music_affect\.(\w+)"
# {name:number}, [name,name], or a word; a colon ends it only at the end of a clause.
VALUE = r"(?:\{[^}]*\}|\[[^\]]*\]|(?:[^\s;:`…\[\]{}'\"]|:(?=\w))+)"
# What may be left out stands in brackets, what a shell would take apart in quotes.
WORD = rf"\[?['\"]?(-m|[\w./@]+={VALUE})['\"]?\]?"
COMMAND = re.compile(rf"{ENTRY}((?:\s+{WORD.replace('(-m', '(?:-m')})+)")
AXES = ("data", "features", "model", "task")
DIFFS = ("experiment", "grid", "hparams_search")  # groups whose files change settings of all others


@functools.cache
def load(name: str) -> DictConfig:
    """One file as it is written."""
    content = OmegaConf.load(CONF / f"{name}.yaml")
    assert isinstance(content, DictConfig)
    return content


def text(name: str) -> str:
    return (CONF / f"{name}.yaml").read_text(encoding="utf-8")


def commands(content: str) -> list[tuple[str, list[str]]]:
    """Entry points and their words as a text tells them."""
    found = COMMAND.findall(content)
    return [(entry, [word for word in re.findall(rf"\s{WORD}", words) if word != "-m"]) for entry, words in found]


def groups(entry: str) -> list[str]:
    """Groups that an entry point offers."""
    lines = [line for line in load(entry).defaults if isinstance(line, DictConfig)]
    return [str(key) for line in lines for key in line if not str(key).startswith("override")]


def options(entry: str) -> list[tuple[str, str]]:
    """Every choice from every group of an entry point."""
    offered = [(group, group.split("@")[0]) for group in groups(entry)]  # data@also offers the files of data
    return [(group, name.removeprefix(f"{base}/")) for group, base in offered for name in FILES if in_(base, name)]


def in_(group: str, name: str) -> bool:
    return name.startswith(f"{group}/")


def needed(entry: str) -> list[str]:
    """The words without which an entry point does not start, as its own first line gives them."""
    words = commands(text(entry))[0][1]
    return [word for word in words if OmegaConf.is_missing(load(entry), word.split("=")[0])]


def settings(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a file with its value as written; a key is given with its path."""
    if not isinstance(node, DictConfig):
        return
    for key in node:
        name, value = f"{prefix}{key!s}", node._get_node(key)
        yield name, value
        yield from settings(value, f"{name}.")


def compose(entry: str, words: list[str]) -> DictConfig:
    """What a command line gives, without Hydra's own settings, every reference in it resolved."""
    cfg = configuration.check_overrides(entry, words)
    own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    OmegaConf.resolve(own)
    return own


TRAINED = ("experiment", "grid")  # tests/test_experiments.py takes a step with each of their files
CHOICES = [(entry, *choice) for entry in ENTRIES for choice in options(entry) if choice[0] not in TRAINED]


def together(entry: str) -> list[list[str]]:
    """Command lines of an entry point that choose every file once, as many at once as there are groups.

    A file that changes settings of others stands alone: it could hide what is wrong with them.
    """
    found = [[f"{group}={name}" for at, group, name in CHOICES if (at, group) == (entry, one)] for one in groups(entry)]
    alone = [[word] for words in found for word in words if word.split("=")[0] in (*DIFFS, "debug")]
    several = [words for words in found if words and [words[0]] not in alone]
    return [*alone, *([word for word in line if word] for line in itertools.zip_longest(*several))]


LINES = [(entry, " ".join(line)) for entry in ENTRIES for line in together(entry)]


def test_every_choice_is_in_a_line() -> None:
    assert sorted((entry, word) for entry, line in LINES for word in line.split()) == sorted(
        (entry, f"{group}={name}") for entry, group, name in CHOICES
    )


@pytest.mark.parametrize(("entry", "line"), LINES, ids=["-".join(one) for one in LINES])
def test_every_choice_composes(entry: str, line: str) -> None:
    """Several at once: composing is what costs, and what is wrong with a file is told with its setting."""
    cfg = configuration.check_overrides(entry, [*needed(entry), *line.split()])
    chosen = cfg.hydra.runtime.choices
    assert {group: chosen[group] for group, _, _ in (word.partition("=") for word in line.split())} == dict(
        word.split("=") for word in line.split()
    )
    known = help_text.meanings(entry, cfg)
    unexplained = [key for key in help_text.plain_settings(cfg) if not help_text.meaning_of(key, known)]
    assert unexplained == [], "write a comment behind the setting in conf/, or an Args line in the class's docstring"


@pytest.mark.parametrize("line", ["", "model=lstm trainer=gpu", "data=fma task=affect hparams_search=lstm"])
def test_choices_alone_give_the_usual_settings_without_composing_again(line: str) -> None:
    words = line.split()
    with configuration.composing():
        cfg = configuration.loaded("train", words)
        once, again = (configuration.usual_settings("train", cfg, given) for given in (words, [*words, "seed=7"]))
    unlike = {name for name, value in flat(once).items() if value != flat(again)[name]}
    assert (flat(once).keys(), unlike - {"sweep.name"}) == (flat(again).keys(), set())  # a sweep is named by its time


@pytest.mark.parametrize("axis", AXES)
def test_no_two_choices_share_a_name(axis: str) -> None:
    """Run folders are named by them."""
    names = [
        compatibility.choice(axis, name).name for entry, group, name in CHOICES if (entry, group) == ("train", axis)
    ]
    assert len(names) > 2
    assert len(set(names)) == len(names)


PAGES = [path for place in ("README.md", "docs/*.md", "multirun/*.md") for path in CHECKOUT.glob(place)]
DESCRIPTIONS = [str(import_module(f"music_affect.{entry}").__doc__) for entry in ENTRIES]  # what --help begins with
TEXTS = [*map(text, FILES), *DESCRIPTIONS, *(path.read_text(encoding="utf-8") for path in PAGES)]
TOLD = sorted({(entry, " ".join(words)) for content in TEXTS for entry, words in commands(content)})
ALONE = {(entry, f"{group}={name}") for entry in ENTRIES for group, name in options(entry)}  # composed elsewhere
TOLD = [told for told in TOLD if told not in ALONE]


@pytest.mark.parametrize(("entry", "line"), [told for told in TOLD if told[0] in ENTRIES])
def test_every_command_that_is_told_is_understood(entry: str, line: str) -> None:
    assert compose(entry, line.split())


def test_every_entry_point_that_is_told_exists() -> None:
    told = {entry for content in TEXTS for entry in re.findall(ENTRY, content)}
    assert {"train", "evaluate"} <= told
    assert [entry for entry in told if find_spec(f"music_affect.{entry}") is None] == []


def test_words_are_taken_out_of_a_text_as_a_shell_would_take_them() -> None:
    text = """
    Average: `python -m music_affect.ensemble runs/a runs/b`; or `python -m music_affect.train -m model=lstm,cnn`: both.
    # python -m music_affect.train task=affect ['task.targets=[valence,energy]'] freeze=until_epoch:5
    python -m music_affect.train data@also=multitask "weighting.weights={valence:2,energy:1}" [data.fold=0]; and so on
    """
    assert commands(text) == [
        ("train", ["model=lstm,cnn"]),
        ("train", ["task=affect", "task.targets=[valence,energy]", "freeze=until_epoch:5"]),
        ("train", ["data@also=multitask", "weighting.weights={valence:2,energy:1}", "data.fold=0"]),
    ]


def test_every_group_is_offered_by_an_entry_point() -> None:
    offered = {group for entry in ENTRIES for group in groups(entry)} | {"hydra"}
    assert {name.split("/")[0] for name in FILES if "/" in name} <= offered


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_is_for(name: str) -> None:
    """By a comment, or as a diff over another file of its group."""
    is_diff = [base for base in load(name).get("defaults", []) if base != "_self_"] and name not in ENTRIES
    assert is_diff or "# " in text(name) or load(name).keys() == {"_target_"}


@pytest.mark.parametrize("name", [name for name in FILES if name.split("/")[0] in AXES])
def test_a_choice_on_an_axis_opens_with_the_command_that_makes_it(name: str) -> None:
    group, choice = name.split("/")
    entry, words = commands(text(name))[0]
    assert f"python -m music_affect.{entry} " in text(name).splitlines()[0]
    assert f"{group}={choice}" in words


@functools.cache
def targets() -> dict[str, dict[str, DictConfig]]:
    """Nodes that name something of ours to build, each by the file in which they stand complete."""
    found: dict[str, dict[str, DictConfig]] = {}
    for name in FILES:
        group, _, choice = name.rpartition("/")
        if name.split("/")[0] in DIFFS:
            continue
        node = compatibility.choice(group, choice) if group and "/" not in group else load(name)
        for inner in [node, *(value for _, value in settings(node) if isinstance(value, DictConfig))]:
            if str(inner.get("_target_")).startswith("music_affect."):
                found.setdefault(inner["_target_"], {})[name] = inner
    return found


@pytest.mark.parametrize("target", sorted(targets()))
def test_a_constructor_has_the_defaults_of_one_of_its_files(target: str) -> None:
    differences = {name: unlike(get_object(target), node) for name, node in targets()[target].items()}
    assert [] in differences.values(), differences


def unlike(constructor: Any, node: DictConfig) -> list[str]:
    """Settings that are not the constructor's defaults; what is filled in from elsewhere does not count."""
    parameters = inspect.signature(constructor).parameters
    keys = [str(key) for key in node if key != "_target_"]
    written = {key: node[key] for key in keys if not filled_in(OmegaConf.to_container(node)[key])}
    defaults = {key: parameters[key].default for key in written}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}
    return [
        f"{key}: {value} instead of {plain[key]}"
        for key, value in written.items()
        if plain[key] is not inspect.Parameter.empty and plain[key] != value
    ]


def filled_in(value: Any) -> bool:
    """Whether a value, or each part of it, stands elsewhere."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return bool(parts) and all(str(part).startswith("${") for part in parts)


def test_a_constructor_that_is_called_by_name_has_the_defaults_of_its_file() -> None:
    assert unlike(SplitPlan, load("train").split) == []


@pytest.mark.parametrize("name", FILES)
def test_no_size_of_the_data_is_configured(name: str) -> None:
    assert {key.rsplit(".", 1)[-1] for key, _ in settings(load(name))} & set(configuration.FROM_THE_DATA) == set()


def test_the_deciding_metric_stands_in_the_file_of_its_task_alone() -> None:
    package = Path(command_line.__file__).parent
    tasks = [str(path) for path in (CONF / "task").glob("*.yaml")]
    code = {str(path): path.read_text(encoding="utf-8") for path in [*CONF.rglob("*.yaml"), *package.rglob("*.py")]}
    for monitor in {load(f"task/{name}").get("monitor") for name in compatibility.choices("task")} - {None}:
        # An example in a docstring is set in backticks; a value never is.
        assert [path for path, content in code.items() if re.search(rf"(?<!`){monitor}", content)] == [
            path for path in tasks if monitor in Path(path).read_text(encoding="utf-8")
        ]
    assert all(compatibility.choice("task", name).mode in ("min", "max") for name in compatibility.choices("task"))
