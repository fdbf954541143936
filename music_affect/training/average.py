"""An averaged system: a run whose members are runs, and which answers with the mean of their answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, open_dict

from music_affect.configuration import build, caching, compatibility
from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.contracts.spec import DataSpec
from music_affect.data.source import ClipSource
from music_affect.data.splits import restrict
from music_affect.data.view import View
from music_affect.runs import writer as run_writer
from music_affect.runs.predictions import Predictions
from music_affect.runs.writer import LAST_CHECKPOINT, RunWriter
from music_affect.system import files, launch
from music_affect.training import transfer

if TYPE_CHECKING:
    from music_affect.data.preparation import Prepared

log = logging.getLogger(__name__)
FOLDER = "members"  # of their runs, in that of the average
MakeRun = Callable[[DictConfig, RunWriter], Mapping[str, Any]]


def members(cfg: DictConfig) -> dict[str, DictConfig]:
    """Configurations of the members, by name: the run's own, with the model and the features of the member.

    Whatever refers to the model's recipe (epochs, rates, crops) then refers to that of the member, and what a person
    has set for the run holds for every member.

    Args:
        cfg: of the averaged run, unresolved; none where its model has no members.
    """
    found = {}
    for name, node in cfg.model.get("members", {}).items():
        member = cfg.copy()
        with open_dict(member):
            member.model, member.features = node.model, node.features
            member.logger = {}  # the average is what is logged
        found[str(name)] = member
    return found


def check(cfg: DictConfig, source: ClipSource) -> None:
    """Refuses members that cannot be trained on the data, before any work.

    Raises:
        ConfigurationError: there are none, their weights are all zero, or the run has settings that they cannot share.
    """
    if "members" not in cfg.model:
        return
    weights = cfg.model.members.values()
    for part in ("classification", "regression"):
        if not any(node.get(part, 0) > 0 for node in weights):
            raise ConfigurationError(
                f"model={cfg.model.name}, none of whose members counts for {part}",
                expected=f"model.members.NAME.{part} above 0 for one at least",
                fix="raise one of these weights",
            )
    for word, given in {"start_from": cfg.start_from is not None, "debug": cfg.loader.overfit_batches > 0}.items():
        if given:
            raise ConfigurationError(
                f"{word} with model={cfg.model.name}, which is an average of {', '.join(cfg.model.members)}",
                expected="one network",
                fix="choose the model of one member",
            )
    if launch.processes() > 1:
        raise ConfigurationError(
            f"model={cfg.model.name} in {launch.processes()} processes that torchrun or srun has started",
            expected="one process, which trains the members one after the other",
            fix="leave out torchrun or srun: a member starts its processes itself (trainer=ddp)",
        )
    for member in members(cfg).values():
        compatibility.check(member, source)
        transfer.check(member)


def usable_by_all(cfg: DictConfig, source: ClipSource, prepared: Prepared) -> Prepared:
    """The clips that every member has features of, extracted where need be.

    Args:
        cfg: of the averaged run.
        source: its data set.
        prepared: its divided clips, by its own features.
    """
    clips = source.clips()
    there = [clip for clips in prepared.splits.values() for clip in clips]
    for name, member in members(cfg).items():
        cache = caching.features(member, source, clips)
        found = [clip for clip in there if clip.id in cache.position]
        if len(found) < len(there):
            log.warning(f"{len(there) - len(found)} clips have no features for the member {name} and are left out.")
        there = found
    return replace(prepared, splits=restrict(prepared.splits, there))


def fit(
    cfg: DictConfig, source: ClipSource, prepared: Prepared, view: View, writer: RunWriter, make_run: MakeRun
) -> tuple[dict[str, Predictions], dict[str, Any], int]:
    """Trains the members that have not been trained, each a run in ``members/NAME``, and averages their answers.

    Args:
        cfg: of the averaged run.
        source: its data set.
        prepared: its clips, with features for every member.
        view: the columns of its own features.
        writer: of its folder.
        make_run: trains one member in its own folder and reports on it.

    Returns:
        Predictions by part, facts of each member by name, and the number of trained parameters of all.
    """
    # torch, only now that there is work for it
    from music_affect.data.normalization import Normalizer
    from music_affect.runs.checkpoint import describe, read_checkpoint, write_average_checkpoint
    from music_affect.runs.training_clips import count_trained_on
    from music_affect.training.answers import answer, mean_of

    answers: dict[str, dict[str, Predictions]] = {part: {} for part in prepared.parts}
    facts: dict[str, Any] = {}
    checkpoints: dict[str, Path] = {}
    parameters = 0
    for name, member in members(cfg).items():
        folder = writer.path / FOLDER / name
        transfer.use_public_weights(member)
        log.info(f"Member {name}: {member.model.name} on {member.features.name} features")
        metrics = _trained(member, folder, make_run)
        writer.has_begun()
        checkpoints[name] = folder / metrics["weights"]["file"]
        checkpoint = read_checkpoint(checkpoints[name], trusted=True)  # this run wrote it
        about = checkpoint.description
        if about.labels_hash != prepared.labels_hash or count_trained_on(
            about.trained_on, (), prepared.splits["test"], source.identity, prepared.cache
        ):
            raise CheckpointError(
                f"the labels or parts of the data changed since the member in {folder} was trained",
                expected="the same data for all members",
                fix="restore it, or add overwrite=true to train all of them anew",
            )
        cache = caching.features(member, source, source.clips())
        for part, found in answers.items():
            found[name] = answer(member, checkpoint, cache, prepared.splits[part])
        facts[name] = {key: metrics[key] for key in ("model", "features", "score", "test", "seconds")}
        parameters += metrics["parameters"]
    plain = build.plain(cfg)
    spec = DataSpec(view.num_features, 0, prepared.targets, view.own_blocks)
    description = describe(plain, prepared, spec, Normalizer.identity(view.num_features))
    write_average_checkpoint(writer.path / LAST_CHECKPOINT, description, checkpoints)
    files.write_csv(writer.path / "metrics.csv", ["epoch"], [])
    averaged = {part: mean_of(found, plain["model"]["members"], prepared.targets) for part, found in answers.items()}
    return averaged, facts, parameters


def _trained(member: DictConfig, folder: Path, make_run: MakeRun) -> Mapping[str, Any]:
    """Metrics of a member: it is trained, goes on where it was stopped, or is finished already."""
    began = time.perf_counter()
    member.paths.run = str(folder)
    with run_writer.claim(folder, build.plain(member), resume=True, overwrite=False) as writer:
        metrics = writer.read_metrics() if writer.finished else make_run(member, writer)
    log.info(f"  score {metrics['score']:.3f}, {time.perf_counter() - began:.0f} s")
    return metrics
