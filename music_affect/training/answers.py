"""What a checkpoint answers for clips whose features are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from omegaconf import DictConfig

from music_affect.configuration import build
from music_affect.contracts.spec import Continuous, Target
from music_affect.data.cache.features import FeatureCache
from music_affect.data.preparation import statistics
from music_affect.data.source import Clip
from music_affect.runs.checkpoint import Checkpoint, made_from
from music_affect.runs.predictions import Predictions


def answer(cfg: DictConfig, checkpoint: Checkpoint, cache: FeatureCache, clips: Sequence[Clip]) -> Predictions:
    """Predictions of a network or of a reference model for clips, in order, labelled or not.

    Args:
        cfg: of the checkpoint's run, with the trainer of this call.
        checkpoint: whose answers are wanted.
        cache: features of the clips, as it was trained on them.
        clips: to be predicted.

    Raises:
        CheckpointError: its weights or settings do not fit together.
    """
    with made_from(checkpoint.path):
        return _answer(cfg, checkpoint, cache, clips)


def _answer(cfg: DictConfig, checkpoint: Checkpoint, cache: FeatureCache, clips: Sequence[Clip]) -> Predictions:
    description = checkpoint.description
    targets = description.spec.targets
    if checkpoint.reference is not None:
        from music_affect.evaluation import references

        fitted = references.from_dict(checkpoint.reference, targets)
        rows = statistics(cache, build.view(cfg, cache.identity.blocks))
        return references.predict(fitted, rows[[cache.position[clip.id] for clip in clips]])
    from music_affect.training import fit as fitting
    from music_affect.training.callbacks.termination import Termination
    from music_affect.training.trainer import trainer_for_answers

    data = build.datamodule(cfg, cache, {"test": clips}, targets, description.normalizer)
    task = build.task(cfg, description.spec)
    task.load_state_dict(dict(checkpoint.weights))
    return fitting.predict(task, trainer_for_answers(cfg.trainer, [Termination()]), data.windows("test"))


def mean_of(
    answers: Mapping[str, Predictions], weights: Mapping[str, Mapping[str, float]], targets: Mapping[str, Target]
) -> Predictions:
    """The members' answers for the same clips as one: weighted means of probabilities, and of values in their units.

    Args:
        answers: by member, its predictions.
        weights: by member, of its answers for a class or tags (``classification``) and for scales (``regression``); not
            negative, and not all zero.
        targets: labels, by name.
    """
    found = {}
    for name, kind in targets.items():
        part = "regression" if isinstance(kind, Continuous) else "classification"
        shares = [weights[member][part] for member in answers]
        found[name] = np.average([each[name] for each in answers.values()], axis=0, weights=shares)
    return found
