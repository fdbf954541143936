"""Predict clips, labelled or not, with a trained checkpoint.

  python -m music_affect.predict checkpoint=RUN_OR_FILE data=folder data.root=MUSIC
  python -m music_affect.predict checkpoint=RUN_OR_FILE data=multitask split=test format=kaggle

The checkpoint knows its features, classes, normalisation and which part of each file it was trained on: the same part
of other data is used, whatever its own settings say, and nothing else has to be given. Where data.selection.position,
.seconds or .windows stand on the command line, they are followed, and a line names both parts. Which files are too
short (data.selection.min_seconds) is always the data's own setting.
A checkpoint builds classes of this package alone. Where you know its author, trust=MODULE lets it build those of that
module too, and trust=true whatever it names, which can run anything.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from music_affect.configuration import command_line
from music_affect.contracts.errors import ConfigurationError, DataNotFoundError, RunFolderError, TaskMismatchError
from music_affect.contracts.spec import Target
from music_affect.data.lab import AFFECT
from music_affect.data.source import Clip, ClipSource
from music_affect.runs.checkpoint_file import checkpoint_file
from music_affect.system import files

if TYPE_CHECKING:
    from music_affect.inference.answers import Answering
    from music_affect.runs.predictions import Predictions

log = logging.getLogger("music_affect.predict")


def predict(cfg: DictConfig) -> Path:
    """Writes a checkpoint's predictions for clips, labelled or not: a table, or the submission file of the competition.

    Args:
        cfg: composed from ``conf/predict.yaml``.

    Returns:
        The file that was written.

    Raises:
        MusicAffectError: the checkpoint, the data, the format or the file do not allow it.
    """
    path = checkpoint_file(Path(cfg.checkpoint).expanduser())
    if cfg.out is not None and Path(cfg.out).expanduser().is_file() and not cfg.overwrite:
        raise RunFolderError(f"{cfg.out} is there already", expected="a new file", fix="add overwrite=true")
    # torch and Lightning, only now that there is work for them
    from music_affect.inference import answers as inference
    from music_affect.runs import predictions
    from music_affect.runs.checkpoint import read_checkpoint

    checkpoint = read_checkpoint(path, cfg.trust)
    targets = checkpoint.description.spec.targets
    kaggle = cfg.format == "kaggle"
    if kaggle:
        _check_submission(targets)
    run_cfg, source = inference.configuration(cfg, checkpoint)
    if kaggle:
        _refuse_two_sets(run_cfg)
    split = cfg.split or ("test" if kaggle else None)
    out = inference.results_path(checkpoint.path, "predictions", *_named(cfg, source, split))
    wanted = _clips_of(source, split)
    for remark in source.remarks():
        log.info(remark)
    answering = inference.answering(run_cfg, checkpoint, source, source.clips())
    clips = _readable(wanted, answering, complete=kaggle)
    predicted = answering.answer(clips)
    if kaggle:
        _write_submission(out, clips, predicted, cfg.kaggle.header, cfg.kaggle.suffix)
    else:
        predictions.write(out, {split or "all": clips}, {split or "all": predicted}, targets)
    label = "SYNTHETIC music, " if source.synthetic else ""
    log.info(f"{label}{len(clips)} clips: {out}")
    return out


def _named(cfg: DictConfig, source: ClipSource, split: str | None) -> tuple[str, str | None]:
    """Name of the file, and the folder that it goes to; None for that of the run."""
    if cfg.out is not None and Path(cfg.out).suffix == ".csv":
        return Path(cfg.out).name, str(Path(cfg.out).parent)
    return f"{source.name}{'' if split is None else f'-{split}'}-{cfg.format}.csv", cfg.out


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


def _readable(wanted: Sequence[Clip], answering: Answering, *, complete: bool) -> list[Clip]:
    """Clips that have features; all of them where a row for each is needed."""
    clips = [clip for clip in wanted if clip.id in answering.ids]
    lacking, skipped = len(wanted) - len(clips), answering.cache.folder / "skipped.csv"
    if lacking:
        log.info(f"{lacking} of {len(wanted)} clips cannot be used: {skipped}")
    if not clips or (complete and lacking):
        raise DataNotFoundError(
            f"{lacking} of {len(wanted)} clips have no features",
            expected="at least one, and all of them for a submission, which needs a row for each",
            fix=f"see {skipped} and replace these files",
        )
    return clips


def _refuse_two_sets(run_cfg: DictConfig) -> None:
    if run_cfg.get("also") is not None:
        raise ConfigurationError(
            f"a submission over data={run_cfg.data.name} and data@also={run_cfg.also.name}, whose ids may be the same",
            expected="the data set of the competition alone",
            fix=f"add data={run_cfg.also.name} (or the other one)",
        )


def _check_submission(targets: Mapping[str, Target]) -> None:
    lacking = [name for name in AFFECT if name not in targets]
    if lacking:
        raise TaskMismatchError(
            f"the checkpoint predicts {', '.join(targets)}, not {', '.join(lacking)}",
            expected=f"a run of task=affect or task=joint, which predicts {', '.join(AFFECT)}",
            fix="give such a checkpoint, or format=csv",
        )


def _write_submission(out: Path, clips: Sequence[Clip], found: Predictions, header: str, suffix: str) -> None:
    """Rows sorted by id; the id of a clip is what its file is called up to the first dot."""
    numbers = [clip.path.name.split(".", 1)[0] for clip in clips]
    order = sorted(range(len(clips)), key=lambda place: (len(numbers[place]), numbers[place]))
    rows = [[f"{numbers[place]}{suffix}", *(f"{found[name][place]:.6f}" for name in AFFECT)] for place in order]
    files.write_csv(out, [header, *AFFECT], rows, exact=True)


def main() -> None:
    """Entry point of ``music-affect predict``."""
    command_line.run("predict", predict, description=str(__doc__))


if __name__ == "__main__":
    main()
