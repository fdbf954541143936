"""A search checked against data, model and command line before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omegaconf import DictConfig

from music_affect.configuration import build
from music_affect.configuration import compose as configuration
from music_affect.configuration.compatibility import wanted
from music_affect.configuration.overrides import parsed
from music_affect.configuration.plan import overrides_of
from music_affect.configuration.settings import check_one
from music_affect.contracts.errors import ConfigurationError, SplitError
from music_affect.contracts.shapes import flat
from music_affect.data.labels import labelled
from music_affect.data.splits import divide, restrict
from music_affect.sweep.search import space as spaces


def check_overrides_of(cfg: DictConfig, arguments: Sequence[str], axes: Mapping[str, spaces.Axis]) -> None:
    """Refuses what has no meaning beside a search: lists of values, failed runs made again, and a space of settings
    that do not exist, are given, or do nothing.

    Args:
        cfg: of the command, Hydra's own included.
        arguments: overrides of the command line.
        axes: of the space, by setting.

    Raises:
        ConfigurationError: with the override.
    """
    words = overrides_of(cfg, arguments)
    overrides = parsed(words)
    lists = [str(override.input_line) for override in overrides if override.is_sweep_override()]
    if lists:
        raise ConfigurationError(
            f"{lists[0]} beside hparams_search",
            expected="one value each: a search proposes the values that vary",
            fix=f"give one, or search over it with +search.space.{lists[0].replace('=', '=[', 1)}]",
        )
    if cfg.sweep.retry_failed:
        raise ConfigurationError(
            "sweep.retry_failed=true beside hparams_search",
            expected="failed trials to stay failed: later proposals have learnt from them",
            fix="leave it out, and raise search.trials for more of them",
        )
    given = {override.key_or_group for override in overrides}
    for name in axes:
        if name in given:
            raise ConfigurationError(
                f"{name} is both given and searched for",
                expected="one of the two",
                fix=f"leave it out, or add search.space.{name}=null",
            )
    config_name = str(cfg.hydra.job.config_name)
    configuration.check_overrides(config_name, [*words, *spaces.examples(axes)])
    _check_values(config_name, cfg, words, axes)
    _check_effect(cfg, axes)


def _check_values(config_name: str, cfg: DictConfig, words: Sequence[str], axes: Mapping[str, spaces.Axis]) -> None:
    """Every choice, and both ends of every range, are values that the setting may have."""
    with configuration.composing():
        usual = flat(configuration.usual_settings(config_name, cfg, words))
    for name, axis in axes.items():
        for value in axis if isinstance(axis, list) else (axis["low"], axis["high"]):
            if name in usual:  # else it is a group, whose choices are checked as words are
                check_one(name, value, usual[name])


def _check_effect(cfg: DictConfig, axes: Mapping[str, spaces.Axis]) -> None:
    idle = "loader.crop_seconds" if cfg.data.beat else "loader.crop_beats"
    if idle in axes:
        raise ConfigurationError(
            f"search.space holds {idle}, which changes nothing with data={cfg.data.name}",
            expected="crops in beats for data with a row a beat, in seconds for other data",
            fix="choose hparams_search=default for the former, hparams_search=full_rate for the latter",
        )
    if "reference" in cfg.model:
        raise ConfigurationError(
            f"hparams_search with model={cfg.model.name}, which is fitted at once",
            expected="a network, judged after every epoch",
            fix="choose another model",
        )


def check_validation(cfg: DictConfig) -> None:
    """Refuses data without a validation part: settings chosen by the test part would flatter it.

    Raises:
        SplitError: with what to add.
    """
    source = build.source(cfg)
    targets = {name: source.targets[name] for name in wanted(cfg.task) if name in source.targets}
    if not targets:
        return  # the run's own check says so
    clips = source.clips()
    splits = restrict(divide(source, clips, build.split_plan(cfg)), labelled(clips, targets))
    if not splits["val"]:
        raise SplitError(
            f"data={cfg.data.name} has no validation part ({len(splits['train'])} clips to train on)",
            expected="clips to judge trials by, which are never those of the test part",
            fix="add split.val_fraction=0.2",
        )
