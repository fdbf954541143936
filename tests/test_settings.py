"""Every setting has a kind and a range; a value without a meaning is refused in one sentence before any work."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from lightning.fabric.plugins.precision.precision import _PRECISION_INPUT
from lightning.pytorch import Trainer
from omegaconf import OmegaConf
from running import train_command

from music_affect.configuration import build, compatibility, settings
from music_affect.configuration.compose import OF_VALUES, check_overrides, conf_folder, variable
from music_affect.configuration.overrides import arguments, spelled
from music_affect.configuration.plan import plan
from music_affect.configuration.setting_rules import PRECISIONS, RULES, SHORT_PRECISIONS
from music_affect.contracts import shapes
from music_affect.contracts.errors import ConfigurationError
from music_affect.data.loading import BALANCES
from music_affect.tasks.regression import LOSSES

NAN, INF = float("nan"), float("inf")
NEVER = [NAN, INF, -INF, 10**400, {"a": [NAN]}, [{"a": INF}]]  # in no setting
WRONG: Mapping[type, Sequence[Any]] = {  # by the kind of the usual value
    bool: [1, 0, "yes", "", 0.5, [True], {"a": True}],
    int: [True, False, "1", "abc", "", "٣", "0x10", -1, {"a": 1}, "x" * 9999],
    float: [True, False, "1.0", "abc", "", ".nan", -1, -0.5, {"a": 1}, [0.5]],
    str: [0.5, ["a"], {"a": 1}],
    list: [True, 0.5, "abc", "", {"a": 1}, {}, [None], [[[1]]]],
}
NOT_TRAINED = ("majority", "linear", "kernel", "knn", "average", "best")  # models of no epochs, with a rate of 0
ENTRIES = (
    ("train", "hparams_search=default"),
    ("evaluate", "checkpoint=x"),
    ("predict", "checkpoint=x"),
    ("prepare", "workers=1"),
    ("doctor", "data=folder"),
)


def refusal(entry: str, *words: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_overrides(entry, words)
    told = str(caught.value)
    assert "\n" not in told
    assert "; expected " in told
    return told


def every_setting() -> Iterator[tuple[str, Any]]:
    """The settings of all files in conf/, each with its usual value as it is written there."""
    for path in sorted(conf_folder().glob("*/*.yaml")):
        if path.parent.name not in (*OF_VALUES, "hydra") and path.stem not in NOT_TRAINED:
            chosen = compatibility.choice(path.parent.name, path.stem)
            prefix = "" if path.parent.name == "hparams_search" else f"{path.parent.name}."
            yield from shapes.flat(OmegaConf.to_container(chosen), prefix).items()
    for entry, word in ENTRIES:
        cfg = check_overrides(entry, [word])
        own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
        yield from shapes.flat(OmegaConf.to_container(own, resolve=True)).items()


def taken(name: str, value: Any, usual: Any) -> bool:
    try:
        settings.check_one(name, value, usual)
    except ConfigurationError as error:
        return len(str(error)) > 600  # that would be no line to read
    return True


def test_no_setting_takes_a_value_of_another_kind_or_out_of_its_range() -> None:
    found = {f"{name} {value}": (name, value) for name, value in every_setting() if "${" not in str(value)}
    assert len(found) > 250
    found = {key: one for key, one in found.items() if not key.startswith("search.space.")}  # a range of its own
    assert taken("trust", "yes", False)  # false, or the name of a module
    for name, usual in found.values():
        if name == "trust":
            continue
        assert taken(name, usual, usual), name
        wrong = [*NEVER, *WRONG.get(type(usual), ())]
        assert [value for value in wrong if taken(name, value, usual)] == [], (name, usual)


def test_only_some_settings_without_a_usual_value_may_be_anything() -> None:
    free = {name for name, usual in every_setting() if usual is None and settings.rule_of(name, None).holds(True)}
    assert free == set()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("optimizer.lr=true", "optimizer.lr=true; expected a number above 0; correct it (it usually is 0.001)"),
        ("optimizer.lr=0", "optimizer.lr=0; expected a number above 0"),
        ("optimizer.lr=-0.0", "optimizer.lr=-0.0"),
        ("optimizer.lr=1e999", "optimizer.lr=inf"),
        ("optimizer.lr=.nan", "optimizer.lr=.nan"),
        ("optimizer.lr=${seed}", "optimizer.lr=0"),
        ("optimizer=sgd model.recipe.learning_rate=abc", "model.recipe.learning_rate=abc"),
        ("model.net.inner_dropout=1", "inner_dropout=1; expected a number from 0 to below 1"),
        ("loader.windows=nan", "a whole number from 1 to 1000"),
        ("trainer.max_epochs=1e3", "trainer.max_epochs=1000.0; expected a whole number from 1 to 100000; write 1000"),
        ("trainer.max_epochs=-1", "trainer.max_epochs=-1"),
        ("trainer.max_epochs=null", "trainer.max_epochs=null"),
        ("trainer.max_epochs=1000000000", "a whole number from 1 to 100000"),
        ("trainer.precision=f16", "trainer.precision=f16, did you mean"),
        ("+trainer.max_epoch=3", "unknown setting 'trainer.max_epoch', did you mean 'trainer.max_epochs'?"),
        ("+trainer.logger=true", "expected it to be left to this package"),
        ("+trainer.limit_train_batches=-5", "expected a whole number from 1 up or a number above 0, up to 1"),
        ("+split.part=0.5", "unknown setting 'split.part'"),
        ("+optimizer.eps=-1", "optimizer.eps=-1"),
        ("+mine.deep=[1,{a:nan}]", "mine.deep=[1,{a: nan}]; expected numbers that are finite"),
        ("seed=null", "seed=null; expected a whole number from 0 to 4294967295"),
        ("seed={a:1}", "seed={a: 1}"),
        (f"seed={10**400}", "seed=an integer of 1329 bits"),
        ("data=folder data.root=2024", """quote it: 'data.root="2024"'"""),
        ("workers=1000000", "a whole number from 1 to 1024 or null"),
        ("backbone_rate=-0.1", "backbone_rate=-0.1"),
        ("data.source=5", "expected settings of its own: data.source._target_"),
        ("data=folder data.selection=whole", "data.selection=whole; expected settings of its own"),
        ("task.targets=genre", "task.targets=genre; expected a list"),
        ("task.monitor=nonsense", "task.monitor=nonsense; expected val/FIGURE or train/FIGURE"),
        ("optimizer.betas=0.9", "a list of 2 values, each a number from 0 to below 1"),
        ("optimizer.betas=[0.9,1.0]", "optimizer.betas=[0.9,1.0]"),
        ("seed='\x1b[31m'", "seed=\\x1b[31m"),
        ("experiment=published/s1/cnn_mel loader.batch_size=0", "loader.batch_size=0"),
        ("hparams_search=default search.trials=0", "search.trials=0"),
        ("sweep.devices=1", "sweep.devices=1; expected a list"),
        ("model=[cnn,mlp]", "model=[cnn,mlp]; expected model to be one of"),
        ("model=5", "model=5; expected model to be one of"),
    ],
)
def test_a_refusal_says_what_was_found_and_what_was_expected(words: str, told: str) -> None:
    assert told in refusal("train", *words.split(" "))


@pytest.mark.parametrize(
    ("entry", "word", "told"),
    [
        *(
            ("prepare", f"variants={value}", "each one of full, beat, mfcc, melgram")
            for value in ("[ful]", "full", "[]")
        ),
        ("prepare", "variants=null", "variants=null; expected a list of 1 or more"),
        (
            "predict",
            "kaggle.header=id",
            "kaggle.header=id, did you mean 'Id'?; expected one of Id, Id.fused.full.npy.gz",
        ),
        ("predict", "kaggle.suffix=.npy", "expected one of '', .fused.full.npy, .fused.full.npy.gz"),
    ],
)
def test_the_words_of_other_commands_are_checked_as_well(entry: str, word: str, told: str) -> None:
    assert told in refusal(entry, *(["checkpoint=x"] if entry == "predict" else []), word)


@pytest.mark.parametrize(
    "word", ["optimizer.weight_decay=-0.0", "trainer.max_epochs=1_000", "model.net.mlp_ratio=2.5", "tag=5",
    "sweep.name=5", "+mine.new=abc", "+trainer.max_steps=-1", "+trainer.limit_train_batches=0.5", "data.fold=null",
    "trainer.gradient_clip_val=0", "callbacks.early_stopping.patience=null", "loader.crop_beats=null",
    "trainer.devices=[0,1]", "optimizer.lr=1"],
)  # fmt: skip
def test_what_makes_sense_is_taken(word: str) -> None:
    check_overrides("train", [word])


@pytest.mark.parametrize("group", ["logger", "callbacks", "scheduler", "augmentation"])
@pytest.mark.parametrize("form", ["{}=null", "~{}"])
def test_a_group_for_which_nothing_has_a_meaning_can_be_left_out(group: str, form: str) -> None:
    cfg = check_overrides("train", [form.format(group)])
    assert cfg.hydra.runtime.choices[group] == "none"


@pytest.mark.parametrize(
    "group", ["model", "data", "task", "optimizer", "trainer", "features", "paths", "loader", "split"]
)
def test_a_group_that_is_needed_cannot_be_left_out(group: str) -> None:
    assert f"{group} is taken out; expected settings of its own" in refusal("train", f"~{group}")


@pytest.mark.parametrize("name", ["optimizer.lr", "loader.batch_size", "data.source", "seed", "trainer.max_epochs"])
def test_a_setting_that_is_needed_cannot_be_taken_out(name: str) -> None:
    assert f"{name} is taken out" in refusal("train", f"~{name}")


def test_null_among_others_is_the_file_for_nothing_or_refused() -> None:
    assert spelled(["logger=null,csv", "data@also=null", "~experiment"]) == [
        "logger=none,csv",
        "~data@also",
        "~experiment",
    ]
    assert "data@also=null,fma with null beside others" in refusal("train", "data@also=null,fma")


def test_every_run_of_a_sweep_is_checked_before_the_first_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigurationError, match=r"optimizer\.lr=0; expected"):
        plan("train", ["optimizer.lr=1e-3,0"])
    with pytest.raises(ConfigurationError, match=r"optimizer\.lr=interval\(1e-3,1e-2\) is no list of values"):
        check_overrides("train", ["optimizer.lr=interval(1e-3,1e-2)"])
    assert train_command(tmp_path, "-m", "seed=0,1,true", f"paths.sweeps={tmp_path / 'sweeps'}") == 1
    assert capsys.readouterr().err == (
        "error: seed=true; expected a whole number from 0 to 4294967295; correct it (it usually is 0).\n"
    )


def test_several_values_without_m_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command(tmp_path, "seed=1,2") == 1
    assert capsys.readouterr().err.startswith("error: seed=1,2 asks for several runs; expected -m beside it")


def test_a_group_that_is_added_is_checked_with_the_others() -> None:
    assert check_overrides("train", ["+model@second=cnn"]).second.name == "cnn"
    assert "second.net.dropout=2" in refusal("train", "+model@second=cnn", "second.net.dropout=2")


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"_target_": "torch.nn.Dropout", "p": 2}, r"a\.net: torch\.nn\.Dropout .*ValueError: dropout probability"),
        ({"_target_": "torch.nn.Linear", "in_features": -1, "out_features": 1}, "RuntimeError"),
        ({"_target_": "torch.nn.ReLU", "foo": 1}, "TypeError: .*unexpected keyword argument 'foo'"),
        ({"_target_": "torch.nn.Nothing"}, "ImportError: Error loading 'torch.nn.Nothing'"),
    ],
)
def test_what_a_constructor_refuses_is_one_line_in_its_own_words(node: dict[str, Any], told: str) -> None:
    found = OmegaConf.create({"a": {"net": node}}).a.net
    for made in (build.make, lambda one: build.later(one)()):
        with pytest.raises(ConfigurationError, match=told) as caught:
            made(found)
        assert "\n" not in str(caught.value)


def test_a_folder_of_ones_own_is_found_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine's" / "experiment").mkdir(parents=True)
    (tmp_path / "mine's" / "experiment" / "own.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /model: mlp\nseed: 3\noptimizer:\n  lr: 0.5\n"
    )
    for line in (["-cd", "mine's", "experiment=own"], ["experiment=own", "--config-dir=mine's", "-m", "tag=a,b"]):
        words, given = arguments(["trainer=cpu", *line])
        cfg = check_overrides("train", [word for word in words if not word.startswith("-")])
        assert (cfg.model.name, cfg.seed, cfg.optimizer.lr, given.multirun) == ("mlp", 3, 0.5, "-m" in line)
    with pytest.raises(ConfigurationError, match="no folder nowhere; expected a folder with configurations"):
        arguments(["--config-dir", "nowhere"])
    with pytest.raises(ConfigurationError, match="did you mean 'own'"):
        check_overrides("train", ['hydra.searchpath=["mine\'s"]', "experiment=ownn"])


def test_a_value_of_an_own_file_of_values_is_checked(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text("# @package _global_\noptimizer:\n  lr: true\n")
    assert "optimizer.lr=true" in refusal("train", f"hydra.searchpath=[{tmp_path}]", "experiment=own")


def test_an_empty_variable_is_as_unset_and_the_home_folder_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["MUSIC_AFFECT_OUTPUTS", "MUSIC_AFFECT_CACHE", "MUSIC_AFFECT_DATA", "MUSIC_AFFECT_FMA"]
    for name in names:
        monkeypatch.setenv(name, " ")
    cfg = check_overrides("train", ["data=fma"])
    assert (cfg.paths.outputs, cfg.paths.cache, cfg.data.root) == ("outputs", "~/.cache/music_affect", None)
    monkeypatch.setenv(names[0], "~/runs")
    monkeypatch.setenv("HOME", "/home/me")
    assert check_overrides("train", []).hydra.run.dir.startswith("/home/me/runs/genre/")
    assert check_overrides("train", ["paths.outputs='~/mine'"]).hydra.run.dir.startswith("/home/me/mine/genre/")
    assert variable("MUSIC_AFFECT_TRACEBACK") is None
    everything = "".join(path.read_text() for path in conf_folder().rglob("*.yaml"))
    assert "oc.env" not in everything


def test_lightnings_words_are_those_of_its_trainer() -> None:
    ours = {name.removeprefix("trainer.") for name in RULES if name.startswith("trainer.")}
    assert ours == set(inspect.signature(Trainer.__init__).parameters) - {"self"}
    theirs = {word for part in typing.get_args(_PRECISION_INPUT) for word in typing.get_args(part)}
    refused = {"16-true", "transformer-engine", "transformer-engine-float16"}  # see compatibility.check_precision
    assert {str(word) for word in theirs} - refused == {*PRECISIONS, *SHORT_PRECISIONS}


def test_choices_are_those_of_the_constructors() -> None:
    for name, words in {"class_balance": BALANCES, "data_balance": BALANCES, "regression.loss": LOSSES}.items():
        assert set(RULES[name].words) == set(words)
