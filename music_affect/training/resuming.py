"""Going on with a run: from which checkpoint, and whether its data is still what it was."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from music_affect.configuration.caching import kind_of
from music_affect.configuration.compatibility import wanted
from music_affect.contracts.errors import CheckpointError
from music_affect.data.cache.identity import Identity
from music_affect.data.labels import labels_hash
from music_affect.data.preparation import Prepared
from music_affect.data.source import Clip, ClipSource
from music_affect.runs.checkpoint import Checkpoint, Description, read_checkpoint
from music_affect.runs.training_clips import count_trained_before
from music_affect.runs.writer import LAST_CHECKPOINT, PREVIOUS_CHECKPOINT, RunWriter, first_change
from music_affect.system import files, machine

log = logging.getLogger(__name__)
ANEW = "add overwrite=true in place of resume=true to train anew"


def check(writer: RunWriter, now: Description, prepared: Prepared) -> None:
    """Sees to it that a run which goes on has a whole last checkpoint, which was learnt from the same data.

    Args:
        writer: of the run; one that begins has no checkpoint, and nothing is done.
        now: what this command would write into checkpoints.
        prepared: its clips.

    Raises:
        CheckpointError: there is none that can be used, or data or settings are others.
    """
    last = _last(writer.path)
    if last is None:
        return
    other = first_change(last.description.config, now.config)
    if other:
        raise CheckpointError(
            f"{last.path} is of another run ({other[0]}={other[1]} there, {other[2]} here)",
            expected="the checkpoint that this run wrote",
            fix=f"put it back, or {ANEW}",
        )
    changed = _changed(last.description, now)
    if changed:
        test = prepared.splits["test"]
        learnt = count_trained_before(last.description.trained_on, now.trained_on, test, prepared.source.identity)
        count = f" ({learnt} of the {len(test)} test clips have been learnt from)" if learnt else ""
        raise CheckpointError(
            f"{', '.join(changed)} changed since the run in {writer.path} began{count}",
            expected="the same data to resume",
            fix=f"restore it, or {ANEW}, or tag=WORD to keep both",
        )


def _last(folder: Path) -> Checkpoint | None:
    """The last checkpoint that can be read, moved to its place where it is the one before."""
    last, before = folder / LAST_CHECKPOINT, folder / PREVIOUS_CHECKPOINT
    found = _read(last)
    if isinstance(found, Checkpoint):
        return found
    earlier = _read(before)
    if isinstance(earlier, Checkpoint):
        os.replace(before, last)
        why = found.found if found else f"{last} is missing"
        log.info(f"{why}: the run goes on from the checkpoint before it, of epoch {earlier.epoch}.")
        return earlier
    broken = found or earlier
    if broken:
        raise CheckpointError(broken.found, expected=broken.expected, fix=ANEW)
    return None


def _read(path: Path) -> Checkpoint | CheckpointError | None:
    """A checkpoint, or what is wrong with it; None where there is none."""
    try:
        # Nothing is built from what it says: it is only compared with this command's own settings.
        return read_checkpoint(path, trusted=True) if path.is_file() else None
    except CheckpointError as error:
        if error.__cause__ is not None and machine.explanation(error.__cause__):
            raise error.__cause__ from None  # the file may be whole
        return error


def _changed(before: Description, now: Description) -> list[str]:
    """What is not as it was, in words."""
    compared: dict[str, tuple[Any, Any]] = {
        _labels(before, now): (before.spec.targets, now.spec.targets),
        "the features' settings": (dict(before.features), dict(now.features)),
        "the clips or their parts": (before.split_hash, now.split_hash),
        "labels, groups or folds of clips": (before.labels_hash, now.labels_hash),
        "the audio of clips": (before.features_hash, now.features_hash),
    }
    changed = [words for words, (was, found) in compared.items() if was != found]
    if changed:
        return changed
    start = (before.normalizer.to_dict(), before.trained_on) != (now.normalizer.to_dict(), now.trained_on)
    return ["the run at start_from"] if start else []


def _labels(before: Description, now: Description) -> str:
    """The labels and classes that are not in both."""
    then, today = before.spec.to_dict()["targets"], now.spec.to_dict()["targets"]
    names = [name for name in {**then, **today} if then.get(name) != today.get(name)]
    classes = [{*then.get(name, {}).get("classes", ())} ^ {*today.get(name, {}).get("classes", ())} for name in names]
    words = [
        f"{name} ({', '.join(sorted(other))})" if other else name for name, other in zip(names, classes, strict=True)
    ]
    return f"the classes or ends of {', '.join(words)}"


def finished_on_other_data(cfg: DictConfig, source: ClipSource, clips: list[Clip], folder: Path) -> bool:
    """Whether labels or files are not those that a finished run was made from; touched files count as others."""
    then = files.read_json(folder / "manifest.json").get("data", {})
    now = {
        "fingerprint": Identity.of(clips, kind_of(cfg, source)).fingerprint,
        "labels_hash": labels_hash(clips, wanted(cfg.task)),
    }
    return any(then.get(key) != value for key, value in now.items())
