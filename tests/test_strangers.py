"""What a stranger's checkpoint or run folder can do: be refused in one line. No code, no secret, no other folder."""

from __future__ import annotations

import copy
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf
from running import QUICK, compose, train_quickly

from music_affect.configuration import compose as configuration
from music_affect.contracts.errors import CheckpointError, ConfigurationError, MusicAffectError
from music_affect.ensemble import ensemble
from music_affect.evaluate import evaluate
from music_affect.evaluation.run_report import write_report
from music_affect.predict import predict
from music_affect.runs import trust
from music_affect.train import train

SECRET = "a-secret-of-this-machine"
WORDS = ["data.source.num_clips=40", "trainer.max_epochs=1", "model=mlp", "trainer=smoke", "features=mel"]
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def run(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a small network. Not to be changed."""
    folder = tmp_path_factory.mktemp("run") / "genre" / "synthetic-mel-mlp-s0"
    train_quickly(folder, *WORDS)
    return folder


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that no attack may make, in a folder that also holds a module of a stranger; a secret stands beside."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("A_SECRET", SECRET)
    monkeypatch.syspath_prepend(str(place))
    (place / "strange.py").write_text(
        "import pathlib\npathlib.Path('canary').touch()\nfrom music_affect.models.mlp import MLP\nclass Net(MLP): ...\n"
    )
    return place / "canary"


def changed(run: Path, target: Path, change: Change) -> Path:
    """A copy of a run whose checkpoint was changed."""
    shutil.copytree(run, target)
    path = target / json.loads((target / "metrics.json").read_text())["weights"]["file"]
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)
    return target


def setting(name: str, value: Any) -> Change:
    """Replaces one setting of the configuration."""

    def change(content: dict[str, Any]) -> None:
        *groups, last = name.split(".")
        node = content["music_affect"]["config"]
        for group in groups:
            node[group] = node.get(group) or {}
            node = node[group]
        node[last] = value

    return change


@cache
def _composed(entry: str) -> DictConfig:
    return compose(entry, "checkpoint=x")


def asked(entry: str, run: Path) -> DictConfig:
    """The configuration of a call, composed once."""
    cfg = _composed(entry).copy()
    cfg.checkpoint = str(run)
    return cfg


ENTRIES: dict[str, Callable[[Path, Path], object]] = {
    "evaluate": lambda run, out: evaluate(asked("evaluate", run)),
    "predict": lambda run, out: predict(asked("predict", run)),
    "start_from": lambda run, out: train(compose("train", *QUICK, *WORDS, f"start_from={run}"), out),
}
TOUCH = "__import__('pathlib').Path('canary').touch()"
CALLS = {
    "os.system": {"_target_": "os.system", "command": "touch canary"},
    "through a module of ours": {"_target_": "music_affect.system.files.os.system", "command": "touch canary"},
    "through a class of ours": {"_target_": "music_affect.data.folder.os.system", "command": "touch canary"},
    "collect_env": {"_target_": "torch.utils.collect_env.run", "command": "touch canary"},
    "sympify": {"_target_": "sympy.sympify", "a": TOUCH},
    "eval": {"_target_": "builtins.eval", "_args_": [TOUCH]},
    "import": {"_target_": "strange.Net"},
    "get_object": {"_target_": "hydra.utils.get_object", "path": "strange.Net"},
    "partial": {"_target_": "functools.partial", "_args_": [{"_target_": "os.system"}, "touch canary"]},
    "entry point": {"_target_": "music_affect.system.files.write_text", "path": "canary", "text": ""},
    "a function of the package": {"_target_": "music_affect.data.synthesis.corpus.make_corpus", "root": "canary"},
    "another kind": {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "canary"},
}
PLACES = (
    "data.source",
    "data.reader",
    "also",
    "model.net",
    "model.net.width",
    "model.recipe.epochs",
    "features.extraction",
    "features.extraction.n_fft",
    "task.classification",
    "task.classification.label_smoothing",
    "optimizer",
    "optimizer.lr",
    "scheduler",
    "weighting",
    "augmentation.mixup_alpha",
    "trainer",
    "trainer.callbacks",
    "paths.cache",
    "unheard.of",
    "features.blocks",
)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("call", ["collect_env", "import"])
def test_no_entry_point_calls_what_a_checkpoint_names(
    entry: str, call: str, run: Path, canary: Path, tmp_path: Path
) -> None:
    bad = changed(run, tmp_path / "bad", setting("data.source", copy.deepcopy(CALLS[call])))
    with pytest.raises(CheckpointError, match=r"data\.source would call .* add trust=MODULE"):
        ENTRIES[entry](bad, tmp_path / "out")
    assert not canary.exists()


@pytest.mark.parametrize("place", ["callbacks", "logger", "trainer.strategy", "trainer.plugins", "trainer.profiler"])
def test_what_no_answer_depends_on_is_never_built(place: str, run: Path, canary: Path, tmp_path: Path) -> None:
    call = copy.deepcopy(CALLS["os.system"])
    bad = changed(run, tmp_path / "bad", setting(place, [call] if place.endswith("plugins") else {"its": call}))
    for name in ("evaluate", "predict"):
        ENTRIES[name](bad, tmp_path / "out")
    assert not canary.exists()


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The configuration of a run. Not to be changed."""
    found = OmegaConf.to_container(compose("train", "model=mlp"), resolve=True)
    assert isinstance(found, dict)
    trust.check({**found, "tag": 5}, False, "here")
    return {str(key): value for key, value in found.items()}


@pytest.mark.parametrize("call", CALLS)
def test_no_place_takes_a_call(call: str, canary: Path, settings: dict[str, Any]) -> None:
    for place in PLACES:
        config = copy.deepcopy(settings)
        setting(place, [CALLS[call]] if place.endswith("s") else CALLS[call])({"music_affect": {"config": config}})
        with pytest.raises(CheckpointError, match=r"would call|more than a value"):
            trust.check(config, False, "here")
    assert not canary.exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("data.name", "${oc.env:A_SECRET}", "no plain value"),
        ("task.name", "x ${oc.env:A_SECRET}", "no plain value"),
        ("model.net.width", "${run_digest:}", "no plain value"),
        ("${oc.env:A_SECRET}", 1, "no plain value"),
        ("seed", "???", "no plain value"),
        ("model.net._partial_", True, "Hydra's own"),
        ("model.net._args_", [1], "Hydra's own"),
        ("data.name", "../../outside", "name of a file"),
        ("data.source.name", "/tmp/outside", "name of a file"),
        ("model.name", "a\nb", "name of a file"),
        ("features.name", "C:outside", "name of a file"),
        ("task.name", "x" * 300, "name of a file"),
        ("tag", "..", "name of a file"),
        ("data.source.labels", "../../etc/passwd", "leads out"),
        ("data.source.folder", "/etc", "leads out"),
        ("trainer.default_root_dir", {"a": 1}, "more than a value"),
        ("model.net.width", torch.zeros(3), "kind Tensor"),
        ("model.net.width", (b"bytes",), "kind bytes"),
    ],
)
def test_settings_that_would_be_more_than_values_are_refused(
    name: str, value: Any, message: str, settings: dict[str, Any]
) -> None:
    config = copy.deepcopy(settings)
    content = {"music_affect": {"config": config}}
    if name.startswith("${"):
        config[name] = value
    else:
        setting(name, value)(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        trust.check(config, False, "here")
    assert "\n" not in str(caught.value)


def test_a_secret_stands_in_no_file(run: Path, canary: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("data.name", "data.source.name", "task.name")):
        bad = changed(run, tmp_path / f"bad{number}", setting(name, "${oc.env:A_SECRET}"))
        for entry in ENTRIES.values():
            with pytest.raises(MusicAffectError):
                entry(bad, tmp_path / "out")
    found = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert found == []


def test_bombs_of_references_are_refused_at_once() -> None:
    lines: list[Any] = ["lol"]
    for _ in range(30):
        lines = [lines] * 10
    itself: list[Any] = []
    itself.append(itself)
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    for bomb in (lines, itself, deep):
        with pytest.raises(CheckpointError, match="nested"):
            trust.check({"data": bomb}, False, "here")


def test_all_that_the_configurations_name_is_allowed_and_nothing_else_of_its_place() -> None:
    """The list is complete, and holds no more names than the configurations have."""
    found: dict[str, set[str]] = {}
    for path in sorted(configuration.conf_folder().rglob("*.yaml")):
        group = path.relative_to(configuration.conf_folder()).parts[0]
        if group not in ("hydra", "train.yaml"):
            package = {"experiment": "", "grid": "", "hparams_search": "", "debug": ""}.get(group, group)
            _collect(OmegaConf.to_container(OmegaConf.load(path)), package, found)
    found = {place: names for place, names in found.items() if not place.startswith(trust.NEVER_BUILT)}
    assert {place for place in found if not place.startswith("also")} <= set(trust.PLACES)
    for place, names in found.items():
        assert [name for name in names if not trust.PLACES[place].allows(name)] == [], place
    used = {name for names in found.values() for name in names}
    assert {name for kind in trust.PLACES.values() for name in kind.names} <= used


def _collect(node: Any, place: str, found: dict[str, set[str]]) -> None:
    if isinstance(node, dict):
        if "_target_" in node:
            found.setdefault(place, set()).add(node["_target_"])
            assert callable(get_class(node["_target_"])) if node["_target_"][-1].isupper() else True
        for key, value in node.items():
            _collect(value, f"{place}.{key}".lstrip("."), found)


def test_a_module_that_is_named_may_be_built_from(run: Path, canary: Path, tmp_path: Path) -> None:
    own = changed(run, tmp_path / "own", setting("model.net._target_", "strange.Net"))
    with pytest.raises(CheckpointError, match=r"model\.net would call strange\.Net; .*add trust=MODULE"):
        evaluate(compose("evaluate", f"checkpoint={own}"))
    for word in ("trust=strange", "trust=[other,strange]", "trust=true"):
        configuration.check_overrides("evaluate", [f"checkpoint={own}", word])  # as the command line has it
        assert evaluate(compose("evaluate", f"checkpoint={own}", word))["scores"]
    with pytest.raises(CheckpointError, match="would call"):
        evaluate(compose("evaluate", f"checkpoint={own}", "trust=stran"))


@pytest.mark.parametrize("part", ["evaluations", "predictions"])
def test_results_stay_in_the_folder_of_the_run(part: str, run: Path, tmp_path: Path) -> None:
    linked = shutil.copytree(run, tmp_path / "linked")
    shutil.rmtree(linked / part, ignore_errors=True)
    (tmp_path / "elsewhere").mkdir()
    (linked / part).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="is a link out"):
        ENTRIES["evaluate" if part == "evaluations" else "predict"](linked, tmp_path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_music_is_composed_where_this_machine_keeps_it(run: Path, tmp_path: Path) -> None:
    bad = changed(run, tmp_path / "bad", setting("data.source.root", str(tmp_path / "theirs")))
    evaluate(compose("evaluate", f"checkpoint={bad}"))
    assert not (tmp_path / "theirs").exists()


@pytest.mark.parametrize("file", ["../../../other.ckpt", "/tmp/other.ckpt", "checkpoints/../x", 5, None, ["a"], "\0/a"])
def test_the_checkpoint_of_a_run_is_one_of_its_own(file: object, run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["weights"]["file"] = file
    (folder / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(CheckpointError):
        ENTRIES["predict"](folder, tmp_path)


def _own(content: dict[str, Any]) -> Any:
    return content["music_affect"]


WRONG: dict[str, Change] = {
    **{
        f"{name}={value!r}"[:40]: lambda content, name=name, value=value: _own(content).__setitem__(name, value)  # type: ignore[misc]
        for name in ("config", "spec", "normalizer", "features", "fingerprint", "split_hash", "trained_on", "format")
        for value in (None, 7, "text", [1], {"a": 1}, {1: 2})
        if not (name in ("fingerprint", "split_hash") and value == "text")
        and not (name == "features" and value == {"a": 1})
    },
    "classes": lambda content: _own(content)["spec"]["targets"]["genre"].__setitem__("classes", "abc"),
    "fewer classes": lambda content: _own(content)["spec"]["targets"]["genre"].__setitem__("classes", ["a"]),
    "no targets": lambda content: _own(content)["spec"].__setitem__("targets", {}),
    "columns": lambda content: _own(content)["spec"].__setitem__("num_features", 7),
    "huge": lambda content: _own(content)["spec"].__setitem__("num_features", 10**13),
    "half a block": lambda content: _own(content)["spec"].__setitem__("blocks", {"mel": [0]}),
    "short mean": lambda content: _own(content)["normalizer"].__setitem__("mean", [0.0]),
    "nan": lambda content: _own(content)["normalizer"].__setitem__("mean", [float("nan")] * 128),
    "no weights": lambda content: content.__setitem__("state_dict", {}),
    "weights of text": lambda content: content.__setitem__("state_dict", {"a": "b"}),
    "list of weights": lambda content: content.__setitem__("state_dict", [1]),
    "other shapes": lambda content: content.__setitem__(
        "state_dict", {name: value.flatten()[:1] for name, value in content["state_dict"].items()}
    ),
    "reference": lambda content: content.__setitem__("reference", {"genre": {}}),
    "epoch": lambda content: content.__setitem__("epoch", "x"),
    "no loader": lambda content: _own(content)["config"].pop("loader"),
    "loader": setting("loader.windows", "many"),
    "wide": setting("model.net.width", 10**9),
    "precision": setting("trainer.precision", "sharp"),
    "split": setting("split", {"x": 1}),
    "blocks": setting("features.blocks", [["mel"]]),
    "selection": setting("data.selection", "all"),
    "clips": setting("data.source.num_clips", "../../x"),
    "seconds": setting("data.source.seconds", [1]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_checkpoint_of_wrong_kinds_is_one_line(wrong: str, run: Path, tmp_path: Path) -> None:
    bad = changed(run, tmp_path / "bad", WRONG[wrong])
    with pytest.raises(MusicAffectError) as caught:
        ENTRIES["evaluate"](bad, tmp_path)
    assert "\n" not in str(caught.value)


def test_archives_that_would_unpack_to_more_than_they_hold_are_refused(run: Path, tmp_path: Path) -> None:
    path = run / "checkpoints" / "last.ckpt"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as bomb:
        for member in whole.infolist():
            bomb.writestr(member.filename, whole.read(member))
    with pytest.raises(CheckpointError, match="it is compressed"):
        ENTRIES["evaluate"](tmp_path / "bomb.ckpt", tmp_path)
    (tmp_path / "junk.ckpt").write_text("junk")
    with pytest.raises(CheckpointError, match="it is no checkpoint"):
        ENTRIES["evaluate"](tmp_path / "junk.ckpt", tmp_path)


@pytest.mark.parametrize("word", ["tag=../../x", "tag=a/b", "'tag=\"a\\nb\"'", "data.name=..", "sweep.name=/tmp/x"])
def test_a_name_on_the_command_line_leads_nowhere_else(word: str) -> None:
    with pytest.raises(ConfigurationError, match="a name that can be that of a file"):
        configuration.check_overrides("train", [word.strip("'")])


def test_reports_and_ensembles_of_a_strangers_run_run_nothing(run: Path, canary: Path, tmp_path: Path) -> None:
    bad = changed(run, tmp_path / "bad", setting("data.source", CALLS["collect_env"]))
    (bad / "config.yaml").write_text(
        "data: {source: {_target_: os.system, command: touch canary}}\n"
        "x: !!python/object/apply:os.system [touch canary]\n"
    )
    write_report(bad)
    ensemble([bad, run], tmp_path / "out")
    assert not canary.exists()
    assert os.environ["A_SECRET"] == SECRET
