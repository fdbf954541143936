"""What a checkpoint says of itself, and reading it back.

A checkpoint carries the resolved configuration, the DataSpec, the normaliser and where its data came from, as plain
containers beside the weights: evaluating it needs its path and nothing else.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from music_affect import files
from music_affect.data.normalization import Normalizer
from music_affect.errors import CheckpointError
from music_affect.spec import DataSpec

KEY = "music_affect"  # of the description among the entries of a checkpoint
FORMAT = 3


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
        return cls(
            config=plain["config"],
            spec=DataSpec.from_dict(plain["spec"]),
            normalizer=Normalizer.from_dict(plain["normalizer"]),
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
    """

    path: Path
    description: Description
    weights: Mapping[str, torch.Tensor]
    reference: Mapping[str, Any] | None
    epoch: int


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint, or the one that a run folder's figures were measured with.

    Raises:
        CheckpointError: it is not there, broken, or of another kind or age.
    """
    path = _tested_checkpoint(path) if path.is_dir() else path
    if not path.is_file():
        raise CheckpointError(
            f"no checkpoint at {path}", expected="a .ckpt file or a finished run folder", fix="correct checkpoint=PATH"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{path} cannot be read ({reason})",
            expected="a whole checkpoint of plain tensors and containers",
            fix="use another checkpoint of the run, or train again",
        ) from error
    own = content.get(KEY) if isinstance(content, dict) else None
    if own is None or own.get("format") != FORMAT:
        found = "no description of music_affect" if own is None else f"the format {own.get('format')}"
        raise CheckpointError(
            f"{path} carries {found}", expected=f"a checkpoint of music_affect, format {FORMAT}", fix="train again"
        )
    description = Description.from_dict(own)
    weights = content.get("state_dict", {})
    return Checkpoint(path, description, weights, content.get("reference"), int(content.get("epoch", 0)))


def write_reference_checkpoint(path: Path, description: Description, reference: Mapping[str, Any]) -> None:
    """Saves a reference model in the form of a checkpoint."""
    with files.atomic_path(path) as temporary:
        torch.save({KEY: description.to_dict(), "reference": dict(reference)}, temporary)


def _tested_checkpoint(run_folder: Path) -> Path:
    try:
        return run_folder / str(files.read_json(run_folder / "metrics.json")["weights"]["file"])
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"the folder {run_folder} is not a finished run",
            expected="a .ckpt file or a finished run folder",
            fix="give the path of one of the files in its checkpoints/",
        ) from error
