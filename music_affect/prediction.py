"""A checkpoint's answers for clips that need no labels, as a table or as the lab's submission file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from music_affect import files, inference, predictions
from music_affect.caching import Say
from music_affect.checkpoint import read_checkpoint
from music_affect.data.cache import FeatureCache
from music_affect.data.lab import AFFECT
from music_affect.data.source import Clip, ClipSource
from music_affect.errors import ConfigurationError, DataNotFoundError, TaskMismatchError
from music_affect.measurement import Predictions
from music_affect.spec import Target

HEADERS = ("Id", "Id.fused.full.npy.gz")
SUFFIXES = ("", ".fused.full.npy", ".fused.full.npy.gz")


def predict(cfg: DictConfig, path: Path, console: Console) -> Path:
    """Answers for the clips of a split.

    Args:
        cfg: composed from ``conf/predict.yaml``.
        path: a checkpoint or a finished run folder.
        console: for people to read.

    Returns:
        The file that was written.

    Raises:
        MusicAffectError: the checkpoint does not fit the data or the format.
    """
    checkpoint = read_checkpoint(path, cfg.trust)
    targets = checkpoint.description.spec.targets
    if cfg.format == "kaggle":
        _check_submission(cfg, targets)
    run_cfg, source = inference.configuration(cfg, checkpoint)
    if cfg.format == "kaggle" and run_cfg.get("also") is not None:
        raise ConfigurationError(
            f"a submission over data={run_cfg.data.name} and data@also={run_cfg.also.name}, whose ids may be the same",
            expected="the data set of the competition alone",
            fix=f"add data={run_cfg.also.name} (or the other one)",
        )
    split = cfg.split or ("test" if cfg.format == "kaggle" else None)
    name = f"{source.name}{'' if split is None else f'-{split}'}-{cfg.format}.csv"
    file = None if cfg.out is None or Path(cfg.out).suffix != ".csv" else Path(cfg.out)
    folder, name = (cfg.out, name) if file is None else (str(file.parent), file.name)
    out = inference.results_path(checkpoint.path, "predictions", name, folder)
    wanted = _clips_of(source, split)
    say: Say = console.print
    for remark in source.remarks():
        say(remark)
    cache = inference.features_as_trained(run_cfg, checkpoint, source, source.clips(), say)
    clips = _readable(wanted, cache, say, complete=cfg.format == "kaggle")
    found = inference.answer(run_cfg, checkpoint, cache, clips)
    if cfg.format == "kaggle":
        _write_submission(out, clips, found, cfg.kaggle.header, cfg.kaggle.suffix)
    else:
        predictions.write(out, {split or "all": clips}, {split or "all": found}, targets)
    label = "SYNTHETIC music, " if source.synthetic else ""
    say(f"{label}{len(clips)} clips: {out}")
    return out


def _clips_of(source: ClipSource, split: str | None) -> list[Clip]:
    """Clips of the split, or all of them."""
    clips = [clip for clip in source.clips() if split is None or clip.split == split]
    if not clips:
        raise ConfigurationError(
            f"data={source.name} has no clips in the split {split}",
            expected="a split that the data set prescribes",
            fix="leave out split= to predict all clips",
        )
    return clips


def _readable(wanted: Sequence[Clip], cache: FeatureCache, say: Say, *, complete: bool) -> list[Clip]:
    """Clips that have features; all of them where a row for each is needed."""
    clips = [clip for clip in wanted if clip.id in cache.position]
    lacking = len(wanted) - len(clips)
    if lacking:
        say(f"{lacking} of {len(wanted)} clips cannot be used: {cache.folder / 'skipped.csv'}")
    if not clips or (complete and lacking):
        raise DataNotFoundError(
            f"{lacking} of {len(wanted)} clips have no features",
            expected="at least one, and all of them for a submission, which needs a row for each",
            fix=f"see {cache.folder / 'skipped.csv'} and replace these files",
        )
    return clips


def _check_submission(cfg: DictConfig, targets: Mapping[str, Target]) -> None:
    lacking = [name for name in AFFECT if name not in targets]
    if lacking:
        raise TaskMismatchError(
            f"the checkpoint predicts {', '.join(targets)}, not {', '.join(lacking)}",
            expected=f"a run of task=affect or task=joint, which predicts {', '.join(AFFECT)}",
            fix="give such a checkpoint, or format=csv",
        )
    for name, choices in (("header", HEADERS), ("suffix", SUFFIXES)):
        if cfg.kaggle[name] not in choices:
            told = ", ".join(repr(choice) for choice in choices)
            raise ConfigurationError(f"kaggle.{name}={cfg.kaggle[name]}", expected=f"one of {told}", fix="correct it")


def _write_submission(out: Path, clips: Sequence[Clip], found: Predictions, header: str, suffix: str) -> None:
    """Rows sorted by id; the id of a clip is what its file is called up to the first dot."""
    numbers = [clip.path.name.split(".", 1)[0] for clip in clips]
    order = sorted(range(len(clips)), key=lambda place: (len(numbers[place]), numbers[place]))
    rows = [[f"{numbers[place]}{suffix}", *(f"{found[name][place]:.6f}" for name in AFFECT)] for place in order]
    files.write_csv(out, [header, *AFFECT], rows, exact=True)
