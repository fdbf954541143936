"""What a checkpoint says of itself, and reading it back.

A checkpoint carries the resolved configuration, the DataSpec, the normaliser and where its data came from, as plain
containers beside the weights: evaluating it needs its path and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from music_affect.contracts.errors import CheckpointError
from music_affect.contracts.shapes import mismatch
from music_affect.contracts.spec import TARGET, DataSpec
from music_affect.data.normalization import Normalizer
from music_affect.data.preparation import Prepared
from music_affect.runs import trust
from music_affect.runs.checkpoint_file import EXPECTED, FIX, checkpoint_file, unreadable
from music_affect.runs.training_clips import training_digests, training_ids
from music_affect.runs.trust import Trust
from music_affect.system import files
from music_affect.system.machine import blamed_on
from music_affect.system.plain_text import on_one_line

KEY = "music_affect"  # of the description among the entries of a checkpoint
FORMAT = 5
_RUN = {  # what is read of its configuration before anything is built
    "task": {"name": str, "monitor": str},
    "data": {"name": str, "beat": bool, "source": dict},
    "features": {"name": str, "blocks": [str], "extraction": dict},
    "model": {"name": str},
    "loader": dict,
    "trainer": dict,
    "split": dict,
    "seed": int,
}
SHAPE = {
    "config": _RUN,
    "spec": {"num_features": int, "max_frames": int, "targets": {str: TARGET}, "blocks": {str: [int]}},
    "normalizer": {"mean": [float], "deviation": [float]},
    "features": {str: object},
    "fingerprint": str,
    "split_hash": str,
    "labels_hash": str,
    "features_hash": str,
    "trained_on": {str: [str]},
    "digests": [int],
}
MODEL = {KEY: SHAPE, "state_dict?": {str: torch.Tensor}, "reference?": ({str: dict}, None), "epoch?": int}
CONTENT = {**MODEL, "members?": {str: MODEL}}


@dataclass(frozen=True)
class Description:
    """What stands in a checkpoint beside the weights.

    Args:
        config: the resolved configuration of the run.
        spec: what the model was built from.
        normalizer: statistics of the training part.
        features: settings of the extraction, as in the cache's identity.
        fingerprint: of the feature cache.
        split_hash: of the division into parts.
        labels_hash: of what the label files say of the clips.
        features_hash: of the features of the divided clips.
        trained_on: ids of the training clips, by data set, those of its start included.
        digests: of the features of all these clips, by which copies under other names are known.
    """

    config: Mapping[str, Any]
    spec: DataSpec
    normalizer: Normalizer
    features: Mapping[str, Any]
    fingerprint: str
    split_hash: str
    labels_hash: str
    features_hash: str
    trained_on: Mapping[str, Sequence[str]]
    digests: Sequence[int]

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "config": dict(self.config),
            "spec": self.spec.to_dict(),
            "normalizer": self.normalizer.to_dict(),
            "features": dict(self.features),
            "fingerprint": self.fingerprint,
            "split_hash": self.split_hash,
            "labels_hash": self.labels_hash,
            "features_hash": self.features_hash,
            "trained_on": {name: list(ids) for name, ids in self.trained_on.items()},
            "digests": list(self.digests),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Description:
        spec, normalizer = DataSpec.from_dict(plain["spec"]), Normalizer.from_dict(plain["normalizer"])
        if not len(normalizer.mean) == len(normalizer.deviation) == spec.num_features:  # one value would fit any
            raise ValueError(f"statistics of {len(normalizer.mean)} columns and {spec.num_features} columns")
        return cls(
            config=plain["config"],
            spec=spec,
            normalizer=normalizer,
            features=plain["features"],
            fingerprint=plain["fingerprint"],
            split_hash=plain["split_hash"],
            labels_hash=plain["labels_hash"],
            features_hash=plain["features_hash"],
            trained_on=plain["trained_on"],
            digests=plain["digests"],
        )

    @property
    def cfg(self) -> DictConfig:
        """The configuration as the entry points use it."""
        return OmegaConf.create(dict(self.config))


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory.

    Args:
        path: where it was read.
        description: what it says of itself.
        weights: of the LightningModule, or empty for a reference model.
        reference: a reference model as plain containers, or None.
        epoch: after which it was saved.
        members: checkpoints whose answers are averaged, by name; a model by itself has none.
    """

    path: Path
    description: Description
    weights: Mapping[str, torch.Tensor]
    reference: Mapping[str, Any] | None
    epoch: int
    members: Mapping[str, Checkpoint] = field(default_factory=dict)


def describe(
    config: Mapping[str, Any],
    prepared: Prepared,
    spec: DataSpec,
    normalizer: Normalizer,
    start: Checkpoint | None = None,
) -> Description:
    """What goes into a run's checkpoints beside the weights.

    Args:
        config: of the run, resolved.
        prepared: its clips.
        spec: what its model is built from.
        normalizer: in use.
        start: the run that it starts from, or None.
    """
    identity, train = prepared.cache.identity, prepared.splits["train"]
    return Description(
        config=config,
        spec=spec,
        normalizer=normalizer,
        features=identity.settings,
        fingerprint=identity.fingerprint,
        split_hash=prepared.split_hash,
        labels_hash=prepared.labels_hash,
        features_hash=prepared.features_hash,
        trained_on=training_ids(train, prepared.source.identity, start.description.trained_on if start else {}),
        digests=training_digests(train, prepared.cache, start.description.digests if start else ()),
    )


def read_checkpoint(path: Path, trusted: Trust = False) -> Checkpoint:
    """Reads a checkpoint, or the one that a run folder's figures were measured with.

    Args:
        path: of the file or the folder.
        trusted: whose classes its configuration may name besides those of this package, as ``trust.check`` has it.

    Raises:
        CheckpointError: it is not there, broken, of another kind or age, or asks for what a checkpoint may not do.
    """
    path = checkpoint_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file raises whatever pickle and torch make of it
        raise unreadable(path, error) from error
    found = _checked(path, content, CONTENT, trusted)
    members = {name: _checked(path, member, MODEL, trusted) for name, member in content.get("members", {}).items()}
    return replace(found, members=members)


def _checked(path: Path, content: Any, shape: Mapping[str, Any], trusted: Trust) -> Checkpoint:
    """What was read, once it is known to be harmless.

    Raises:
        CheckpointError: it is of another kind or age, or asks for what a checkpoint may not do.
    """
    own = content.get(KEY) if isinstance(content, dict) else None
    if not isinstance(own, dict) or own.get("format") != FORMAT:
        found = f"the format {str(own.get('format'))[:20]}" if isinstance(own, dict) else "no description"
        raise CheckpointError(
            f"{path} carries {found} of music_affect",
            expected=f"a checkpoint of music_affect, format {FORMAT}",
            fix="train again",
        )
    wrong = mismatch(content, shape)
    if wrong:
        raise _broken(path, f"is no checkpoint as music_affect writes them ({wrong})")
    trust.check(own["config"], trusted, path)
    with made_from(path):
        description = Description.from_dict(own)
    weights = content.get("state_dict", {})
    return Checkpoint(path, description, weights, content.get("reference"), int(content.get("epoch", 0)))


def made_from(path: Path) -> AbstractContextManager[None]:
    """A block that builds what a checkpoint tells of itself; where that fails, it raises a ``CheckpointError``."""
    return blamed_on(path, CheckpointError, expected=EXPECTED, fix=FIX)


def _broken(path: Path, what: str) -> CheckpointError:
    return CheckpointError(on_one_line(f"{path} {what}"), expected=EXPECTED, fix=FIX)


def write_reference_checkpoint(path: Path, description: Description, reference: Mapping[str, Any]) -> None:
    """Saves a reference model in the form of a checkpoint."""
    with files.atomic_path(path) as temporary:
        torch.save({KEY: description.to_dict(), "reference": dict(reference)}, temporary)


def write_average_checkpoint(path: Path, description: Description, members: Mapping[str, Path]) -> None:
    """Saves an averaged system: what its members' checkpoints hold beside what they were trained with.

    Args:
        path: of the new checkpoint.
        description: of the run that averages.
        members: checkpoints of models, by name.
    """
    read = {name: torch.load(file, map_location="cpu", weights_only=True) for name, file in members.items()}
    models = {
        name: {key: found[key] for key in (KEY, "state_dict", "reference", "epoch") if key in found}
        for name, found in read.items()
    }
    with files.atomic_path(path) as temporary:
        torch.save({KEY: description.to_dict(), "members": models}, temporary)
