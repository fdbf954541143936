"""Score a checkpoint: on the clips it was tested on (the same figure, exactly) or on other data with the same label.

  python -m music_affect.evaluate checkpoint=outputs/genre/synthetic_beat-fused-ast-s0
  python -m music_affect.evaluate checkpoint=RUN_OR_FILE data=folder data.root=MUSIC

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
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from music_affect.configuration import build, command_line, compatibility
from music_affect.contracts.errors import ConfigurationError
from music_affect.contracts.spec import Target
from music_affect.data.labels import labelled, usable
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import divide, restrict, split_hash
from music_affect.runs.checkpoint_file import checkpoint_file
from music_affect.system import files

if TYPE_CHECKING:
    from music_affect.runs.checkpoint import Checkpoint

log = logging.getLogger("music_affect.evaluate")


def evaluate(cfg: DictConfig) -> dict[str, Any]:
    """Scores a checkpoint and writes the result beside it.

    Args:
        cfg: composed from ``conf/evaluate.yaml``.

    Returns:
        The scores, with what was scored on what, as they are also written.

    Raises:
        CheckpointError: the checkpoint is broken or does not fit the data.
        ConfigurationError: the part is not there, or has no labels.
    """
    path = checkpoint_file(Path(cfg.checkpoint).expanduser())
    # torch and Lightning, only now that there is work for them
    from music_affect.evaluation.leak_alarms import leaked_checkpoint
    from music_affect.evaluation.measurement import measure
    from music_affect.inference import answers as inference
    from music_affect.runs.checkpoint import read_checkpoint
    from music_affect.runs.training_clips import count_trained_on

    checkpoint = read_checkpoint(path, cfg.trust)
    run_cfg, source = inference.configuration(cfg, checkpoint)
    inference.results_path(checkpoint.path, "evaluations", source.name, cfg.out)  # before hours of work
    trained = checkpoint.description.spec.targets
    targets = _scored(run_cfg, source, trained)
    inference.check_classes(targets, source.targets, source.name)
    clips = source.clips()
    _check_labels(cfg, source, clips, targets)
    answering = inference.answering(run_cfg, checkpoint, source, clips)
    cache = answering.cache
    left_out = [name for name in trained if name not in targets]
    if left_out:
        log.info(f"data={source.name} has no label {', '.join(left_out)}: not scored.")
    scorable = [clip for clip in usable(clips, targets, cache) if clip.id in answering.ids]
    part, chosen = _choose(cfg, run_cfg, checkpoint, source, clips, scorable)
    folder = inference.results_path(checkpoint.path, "evaluations", f"{source.name}-{part}", cfg.out)
    about = checkpoint.description
    trained_on = count_trained_on(about.trained_on, about.digests, chosen, source.identity, cache)
    leak = leaked_checkpoint(trained_on, len(chosen)) if part != "train" else None
    scored = {
        "checkpoint": str(checkpoint.path),
        "data": source.name,
        "part": part,
        "synthetic": source.synthetic,
        "skipped": cache.skip_counts,
        "trained_on": trained_on,
        "alarms": [leak.to_dict()] if leak else [],
        "scores": measure(answering.answer(chosen), chosen, targets),
    }
    files.write_json(folder / "scores.json", scored)
    log.info(f"Scores: {folder / 'scores.json'}")
    return scored


def _scored(run_cfg: DictConfig, source: ClipSource, trained: Mapping[str, Target]) -> dict[str, Target]:
    """Labels that the checkpoint answers and the data carries; refused where there are none."""
    shared = {name: kind for name, kind in trained.items() if isinstance(source.targets.get(name), type(kind))}
    if not shared:
        compatibility.check_task(run_cfg, source)
    return shared


def _check_labels(cfg: DictConfig, source: ClipSource, clips: list[Clip], targets: Mapping[str, Target]) -> None:
    """Refuses a part of given data that the data set prescribes and whose labels it hides."""
    prescribed = [clip for clip in clips if clip.split == cfg.part]
    if OmegaConf.select(cfg, "data") is None or not prescribed:
        return
    if not labelled(prescribed, targets):
        raise ConfigurationError(
            f"the {cfg.part} part of data={source.name} has {len(prescribed)} clips and no labels",
            expected="labels to score against",
            fix=f"predict it (`python -m music_affect.predict checkpoint=… data=… split={cfg.part}`) and score a "
            "held-out part of the labelled clips instead: evaluate without data=, or train with data.fold=0 and so on",
        )


def _choose(
    cfg: DictConfig,
    run_cfg: DictConfig,
    checkpoint: Checkpoint,
    source: ClipSource,
    clips: list[Clip],
    scorable: Sequence[Clip],
) -> tuple[str, list[Clip]]:
    """Which clips are scored: name of the part, and its clips."""
    from music_affect.runs.checkpoint import made_from

    own = OmegaConf.select(cfg, "data") is None
    part: str = cfg.part or ("test" if own else "all")
    if part == "all":
        return part, list(scorable)
    with made_from(checkpoint.path):
        plan = build.split_plan(run_cfg)
    splits = restrict(divide(source, clips, plan), list(scorable))
    if own and split_hash(splits) != checkpoint.description.split_hash:
        log.warning("The data changed since this checkpoint was trained: its parts are not the same clips as then.")
    if not splits[part]:
        raise ConfigurationError(f"the data has no {part} part", expected="train, test or all", fix="choose part=test")
    return part, splits[part]


def _job(cfg: DictConfig) -> None:
    scored = evaluate(cfg)
    from music_affect.system import console

    console.print_scores(console.make(), scored)


def main() -> None:
    """Entry point of ``music-affect evaluate``."""
    command_line.run("evaluate", _job, description=str(__doc__))


if __name__ == "__main__":
    main()
