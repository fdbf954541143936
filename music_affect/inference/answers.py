"""A checkpoint's answers for clips: what evaluation and prediction share."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from music_affect.configuration import build
from music_affect.configuration.caching import features
from music_affect.configuration.compatibility import FLOAT16
from music_affect.contracts.errors import CheckpointError, RunFolderError
from music_affect.contracts.spec import Categorical, Tags, Target
from music_affect.data.cache.features import FeatureCache
from music_affect.data.source import Clip, ClipSource
from music_affect.runs.checkpoint import Checkpoint, made_from
from music_affect.runs.predictions import Predictions
from music_affect.system import files
from music_affect.training.answers import answer, mean_of

if TYPE_CHECKING:
    from music_affect.features.audio.selection import Selection

log = logging.getLogger(__name__)
_SELECTION = "data.selection"
_OF_THE_DATA = "min_seconds"  # of a selection: which files are in the data set, not what the model hears of them


@dataclass(frozen=True)
class Answering:
    """A checkpoint beside the features of a data set.

    Args:
        checkpoint: whose answers are wanted.
        cfg: its run's configuration, with the data and the folders of this call.
        cache: features of the clips, as it was trained on them.
        members: likewise, of the models whose answers it averages, by name.
    """

    checkpoint: Checkpoint
    cfg: DictConfig
    cache: FeatureCache
    members: Mapping[str, Answering] = field(default_factory=dict)

    @cached_property
    def ids(self) -> set[str]:
        """Of the clips that it can answer for."""
        return set(self.cache.position).intersection(*(member.ids for member in self.members.values()))

    def answer(self, clips: Sequence[Clip]) -> Predictions:
        """Predictions for clips among ``ids``, in order, labelled or not.

        Raises:
            CheckpointError: weights or settings do not fit together.
        """
        if not self.members:
            return answer(self.cfg, self.checkpoint, self.cache, clips)
        answers = {name: member.answer(clips) for name, member in self.members.items()}
        with made_from(self.checkpoint.path):
            return mean_of(answers, self.cfg.model.members, self.checkpoint.description.spec.targets)


def configuration(cfg: DictConfig, checkpoint: Checkpoint) -> tuple[DictConfig, ClipSource]:
    """The run's configuration with the data and the folders of this call, and that data set.

    Raises:
        MusicAffectError: the checkpoint's settings do not fit together, or the data is not there.
    """
    with made_from(checkpoint.path):
        run_cfg = checkpoint.description.cfg
        own = OmegaConf.select(cfg, "data") is None
        _settle(run_cfg, cfg, cfg.accelerator)
        if not own:
            with open_dict(run_cfg):
                run_cfg.data = OmegaConf.create(OmegaConf.to_container(cfg.data))
                run_cfg.also = None
        if checkpoint.reference is None:
            from music_affect.training.trainer import check_trainer

            check_trainer(run_cfg)
        if own:
            return run_cfg, build.source(run_cfg, Path(cfg.paths.cache))
    return run_cfg, build.source(run_cfg)  # the caller's own: what is wrong with it is no fault of the checkpoint


def _settle(run_cfg: DictConfig, call: DictConfig, accelerator: str) -> None:
    """Puts this call's folders and device in place of the training's."""
    with open_dict(run_cfg):
        run_cfg.paths, run_cfg.workers = call.paths, call.workers
        run_cfg.callbacks, run_cfg.logger = {}, {}
        run_cfg.trainer = {**_trainer(run_cfg.trainer), "accelerator": accelerator, "devices": 1}
        on_gpu = accelerator != "cpu" and torch.cuda.is_available()
        if str(run_cfg.trainer.get("precision")) in FLOAT16 and not on_gpu:
            run_cfg.trainer.precision = "32-true"  # which holds all that float16 says
        run_cfg.loader.overfit_batches = 0
        run_cfg.features.extraction.pop("device", None)  # the training's; this machine may lack it
        if "cache" in (run_cfg.features.extraction.get("network") or {}):
            run_cfg.features.extraction.network.cache = call.paths.cache


def _trainer(trained: DictConfig) -> dict[str, Any]:
    """What of the training's Trainer changes answers: not where it writes, what watches it, or on which machines."""
    return {key: trained[key] for key in ("_target_", "precision", "deterministic") if key in trained}


def answering(run_cfg: DictConfig, checkpoint: Checkpoint, data: ClipSource, clips: list[Clip]) -> Answering:
    """A checkpoint beside the features of clips, extracted where need be, as it was trained on them.

    Args:
        run_cfg: of ``configuration``; its selection is changed to that of the training.
        checkpoint: whose answers are wanted.
        data: of ``run_cfg``.
        clips: all of the data.

    Raises:
        CheckpointError: the features of this data are others.
    """
    _hear_as_trained(run_cfg, checkpoint, data)
    cache = features(run_cfg, data, clips)
    _check_features(run_cfg, checkpoint, cache)
    members = {}
    for name, member in checkpoint.members.items():
        with made_from(checkpoint.path):
            own = member.description.cfg
            _settle(own, run_cfg, run_cfg.trainer.accelerator)
            with open_dict(own):
                own.data, own.also = run_cfg.data, run_cfg.get("also")
        members[name] = answering(own, member, data, clips)
    return Answering(checkpoint, run_cfg, cache, members)


def _hear_as_trained(run_cfg: DictConfig, checkpoint: Checkpoint, data: ClipSource) -> None:
    """Uses that part of each file that was trained on, unless the command line names another one."""
    trained_on = checkpoint.description.cfg.data
    if data.holds == "arrays" or trained_on.get("selection") is None:
        return
    with made_from(checkpoint.path):
        own = build.selection(run_cfg)
        trained = build.selection(OmegaConf.create({"data": trained_on, "features": run_cfg.features}))
    heard = replace(trained, min_seconds=own.min_seconds)
    if heard == own:
        return
    if _named_on_the_command_line():
        log.info(
            f"Used of each file: {_told(own)}, as {_SELECTION} says; the checkpoint was trained on {_told(trained)}."
        )
        return
    with open_dict(run_cfg):
        run_cfg.data.selection = asdict(heard)
    log.info(
        f"Used of each file: {_told(trained)}, as in training (not {_told(own)}, which is the data's own setting)."
    )


def _named_on_the_command_line() -> bool:
    """Whether a word there says which part of a file to use."""
    words = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    keys = [word.lstrip("+~").split("=", 1)[0] for word in words]
    return any(key == _SELECTION or key.startswith(f"{_SELECTION}.") for key in keys if not key.endswith(_OF_THE_DATA))


def _told(selection: Selection) -> str:
    parts = {
        "whole": "the whole",
        "start": f"the first {selection.seconds} s",
        "middle": f"the middle {selection.seconds} s",
        "spread": f"{selection.windows} windows of {selection.seconds} s",
    }
    return parts[selection.position]


def _check_features(run_cfg: DictConfig, checkpoint: Checkpoint, cache: FeatureCache) -> None:
    """Refuses data whose features are not those of the training.

    Raises:
        CheckpointError: with the first setting that differs.
    """
    trained, found = checkpoint.description.features, cache.identity.settings
    blocks = build.view(run_cfg, cache.identity.blocks).own_blocks
    different = {key: (trained[key], found[key]) for key in trained.keys() & found.keys() if trained[key] != found[key]}
    if trained.get("beat_tracker") != found.get("beat_tracker"):  # librosa's is not named
        different["beat_tracker"] = tuple(settings.get("beat_tracker", "librosa") for settings in (trained, found))
    for name in ("min_seconds", "selection"):  # which audio is described, not how
        different.pop(name, None)
    if blocks != checkpoint.description.spec.blocks:
        different["blocks"] = (checkpoint.description.spec.blocks, blocks)
    for name, (before, now) in sorted(different.items()):
        raise CheckpointError(
            f"the data has features with {name}={now} and the checkpoint was trained with {name}={before}",
            expected="the features that the checkpoint was trained on",
            fix="choose such data (data=…_beat has one row a beat), or train on these features",
        )


def check_classes(trained: Mapping[str, Target], found: Mapping[str, Target], data: str) -> None:
    """Refuses labels that the checkpoint could never give.

    Raises:
        CheckpointError: the data has classes that the checkpoint does not know, or none of its tags.
    """
    for name, kind in trained.items():
        other = found.get(name)
        if isinstance(kind, Tags) and isinstance(other, Tags) and not set(kind.names) & set(other.names):
            raise CheckpointError(
                f"data={data} has none of the tags of '{name}' that the checkpoint knows",
                expected=f"some of {', '.join(kind.names)}",
                fix="score other data, or spell its tags as in training",
            )
        if not isinstance(kind, Categorical) or not isinstance(other, Categorical):
            continue
        unknown = sorted(set(other.classes) - set(kind.classes))
        if unknown:
            raise CheckpointError(
                f"data={data} has classes of '{name}' that the checkpoint does not know ({', '.join(unknown)})",
                expected=f"classes among {', '.join(kind.classes)}",
                fix="score other data, or rename or leave out these classes",
            )


def results_path(checkpoint: Path, kind: str, name: str, out: str | None) -> Path:
    """Where results are written, looked at before there are any.

    Args:
        checkpoint: whose results they are; they stand beside its run unless ``out`` says otherwise.
        kind: of results, a folder in that of the run.
        name: of the file or folder.
        out: another folder, or None.

    Raises:
        CheckpointError: a link there leads elsewhere.
        RunFolderError: nothing can be written there.
    """
    run_folder = checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent
    folder = Path(out).expanduser() if out else run_folder / kind
    path = folder / name
    if not files.inside(folder if out else run_folder, path):
        raise CheckpointError(
            f"{path} is a link out of the run's folder",
            expected="results to stay beside the checkpoint",
            fix="remove the link",
        )
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    if not os.access(existing, os.W_OK):
        raise RunFolderError(
            f"the folder {existing} cannot be written",
            expected="a writable folder for the results",
            fix="add out=FOLDER to write them elsewhere",
        )
    return path
