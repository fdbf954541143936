"""Whether a configuration that came out of a file may be built from.

A checkpoint may be a stranger's. Its configuration is resolved, and every class in it stands where ``conf/`` has one:
so no interpolation is resolved, and nothing is imported or called that has no business in its place. A person's own
classes are built where ``trust`` says so: ``true``, or the name of their module.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from music_affect.contracts.errors import CheckpointError
from music_affect.contracts.shapes import check_size
from music_affect.system.plain_text import is_word, on_one_line

Trust = bool | str | Sequence[str] | None
TARGET = "_target_"
_NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+")
_OF_A_MEMBER = re.compile(r"model\.members\.\w+\.")  # an averaged system holds the settings of its models
_SPECIAL = re.compile(r"_\w+_")  # of Hydra: they change what is called, and how
_DEEPEST, _MOST, _LONGEST = 20, 50_000, 10_000
_PLAIN = str | int | float | bool | None


@dataclass(frozen=True)
class Kind:
    """What may stand in a place.

    Args:
        names: of classes, in full.
        modules: package whose classes and functions may stand there too.
        base: of these classes, in full; None for functions.
    """

    names: tuple[str, ...] = ()
    modules: str | None = None
    base: str | None = None

    def allows(self, name: str) -> bool:
        """Whether the name is that of such a class itself, not a way through a module to what it imports."""
        if name in self.names:
            return True
        module, _, attribute = name.rpartition(".")
        if self.modules is None or not f"{module}.".startswith(f"{self.modules}."):
            return False
        try:
            found = vars(import_module(module)).get(attribute)
        except ImportError:
            return False
        own = f"{getattr(found, '__module__', '')}.".startswith(f"{self.modules}.")
        return own and getattr(found, "__qualname__", "") == attribute and self._fits(found)

    def _fits(self, found: Any) -> bool:
        if self.base is None:
            return inspect.isfunction(found)
        module, _, attribute = self.base.rpartition(".")
        return inspect.isclass(found) and issubclass(found, getattr(import_module(module), attribute))


_SOURCE = Kind(modules="music_affect.data", base="music_affect.data.source.ClipSource")
_READER = Kind(names=("music_affect.data.excerpt_reader.ExcerptReader",))
_BEATS = Kind(names=("music_affect.features.beat.LibrosaBeats", "music_affect.features.learned_beats.LearnedBeats"))
_REFERENCE = Kind(modules="music_affect.evaluation", base="music_affect.evaluation.baselines.reference.Reference")
_OBJECTIVE = Kind(modules="music_affect.tasks", base="music_affect.tasks.objective.Objective")
PLACES: Mapping[str, Kind] = {
    "data.source": _SOURCE,
    "also.source": _SOURCE,
    "data.reader": _READER,
    "also.reader": _READER,
    "features.extraction": Kind(modules="music_affect.features", base="music_affect.features.extraction.FileExtractor"),
    "features.extraction.beat_tracker": _BEATS,
    "features.extraction.network": Kind(
        names=(
            "music_affect.models.musicnn_network.MusicnnNetwork",
            "music_affect.models.onnx_network.OnnxNetwork",
        )
    ),
    "beat_tracker": _BEATS,
    "model.net": Kind(modules="music_affect.models", base="music_affect.models.backbone.Backbone"),
    "model.start": Kind(
        names=(
            "music_affect.models.musicnn_start.MusicnnStart",
            "music_affect.models.transformer_start.TransformerStart",
        )
    ),
    "model.reference.classification": _REFERENCE,
    "model.reference.regression": _REFERENCE,
    "task.classification": _OBJECTIVE,
    "task.regression": _OBJECTIVE,
    "task.tagging": _OBJECTIVE,
    "weighting": Kind(modules="music_affect.tasks", base="music_affect.tasks.weighting.Weighting"),
    "optimizer": Kind(modules="torch.optim", base="torch.optim.Optimizer"),
    "scheduler": Kind(modules="music_affect.tasks.schedules"),
    "augmentation": Kind(names=("music_affect.data.augmentation.Augmentation",)),
    "trainer": Kind(names=("lightning.pytorch.Trainer",)),
}
NEVER_BUILT = ("callbacks", "logger", "trainer.strategy", "trainer.plugins", "trainer.profiler", "trainer.max_time")
NAMES = ("tag", "run_name", *(f"{group}.name" for group in ("data", "also", "features", "model", "task")))
SOURCE_NAMES = ("data.source.name", "also.source.name")
_FILES = ("data.source.", "also.source.", "data.reader.", "also.reader.")  # whose texts may be parts of paths
_ROOTS = ("data.source.root", "also.source.root")


def check(config: Mapping[str, Any], trust: Trust, where: object) -> None:
    """Refuses a configuration that would do anything but describe a run of this package.

    Args:
        config: plain containers.
        trust: ``True``, or modules whose classes may be built.
        where: it came from, for the message.

    Raises:
        CheckpointError: with the first setting that is refused.
    """
    try:
        check_size(config, _DEEPEST, _MOST)
        for place, key, value in _walk(config):
            _check_setting(place, key, value, trust)
    except ValueError as error:
        raise CheckpointError(
            on_one_line(f"the configuration in {where} is refused: {error}"),
            expected="the settings of a run, and only classes of music_affect and what it trains with, in their places",
            fix="if you know whose it is and want to run its classes, add trust=MODULE with the name of their module, "
            "or trust=true for all; else leave it alone",
        ) from error


def _walk(node: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every setting, with the place of the group that it stands in; elements of lists as ``group[]``."""
    pairs = node.items() if isinstance(node, Mapping) else ((None, item) for item in node)
    for key, value in pairs:
        yield place, key, value
        if isinstance(value, Mapping | list | tuple):
            inner = f"{place}[]" if key is None else f"{place}.{key}" if place else str(key)
            yield from _walk(value, inner)


def _check_setting(place: str, key: Any, value: Any, trust: Trust) -> None:
    name = f"{place}.{key}" if place and key is not None else str(place if key is None else key)
    if f"{name}.".startswith(tuple(f"{one}." for one in NEVER_BUILT)) or name.startswith("trainer.plugins[]"):
        return  # no answer depends on it, and what answers leaves it out
    if not isinstance(value, _PLAIN | Mapping | list | tuple) or not isinstance(key, _PLAIN):
        raise ValueError(f"{name} is of the kind {type(value).__name__}")
    for text in (key, value):
        if isinstance(text, str) and ("${" in text or text == "???" or len(text) > _LONGEST):
            raise ValueError(f"{name} is {text[:80]!r}, which is no plain value")
    if key == TARGET:
        _check_target(place, value, trust)
    elif isinstance(key, str) and _SPECIAL.fullmatch(key) and not trust:
        raise ValueError(f"{name} is a word of Hydra's own")
    elif place == "trainer" and not isinstance(value, _PLAIN | list):
        raise ValueError(f"{name} is more than a value")
    elif name in (*NAMES, *SOURCE_NAMES) and value is not None and not is_word(str(value)):
        raise ValueError(f"{name}={str(value)[:80]!r} cannot be the name of a file")
    elif isinstance(value, str) and name.startswith(_FILES) and name not in _ROOTS and _leads_out(value):
        raise ValueError(f"{name}={value[:80]!r} leads out of the data's folder")


def _check_target(place: str, name: Any, trust: Trust) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{place}._target_={name!r} is no name of a class")
    modules = [trust] if isinstance(trust, str) else [] if trust is None or isinstance(trust, bool) else trust
    trusted = trust is True or any(f"{name}.".startswith(f"{module}.") for module in modules)
    kind = PLACES.get(_OF_A_MEMBER.sub("", place))
    if not trusted and (kind is None or not kind.allows(name)):
        raise ValueError(f"{place or 'its top'} would call {name}")


def _leads_out(text: str) -> bool:
    parts = re.split(r"[/\\]", text)
    return ".." in parts or (len(parts) > 1 and (parts[0] == "" or parts[0].endswith(":")))
