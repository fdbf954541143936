"""What published systems did wrong with their data: made here on purpose, with its wrong number, then tried on ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from running import compose
from scipy import stats
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from torch import Tensor

from music_affect.configuration import build
from music_affect.contracts.spec import Categorical
from music_affect.data.datamodule import ClipDataModule
from music_affect.data.loading import crop_frames
from music_affect.data.sampling import TrainingSampler, window_begins
from music_affect.data.source import Clip
from music_affect.data.splits import SplitPlan, split_clips, straddling_groups
from music_affect.evaluation.alarms import split_alarms
from music_affect.evaluation.measurement import measure
from music_affect.models.backbone import length_mask
from music_affect.models.pooling import masked_mean
from music_affect.training.experiment import prepare

Floats = NDArray[np.float64]


def spearman(first: Tensor | Floats, second: Tensor | Floats) -> float:
    return float(stats.spearmanr(np.asarray(first), np.asarray(second))[0])


def served(lab_root: Path, *words: str) -> ClipDataModule:
    """What a run on the lab's affect set is trained on."""
    cfg = compose("train", "data=multitask", f"data.root={lab_root}", "task=affect", "model=cnn_fast", *words)
    prepared = prepare(cfg, build.source(cfg))
    return build.datamodule(cfg, prepared.cache, prepared.splits, prepared.targets)


def test_zero_padding_of_decibels(lab_root: Path) -> None:
    """Zeros behind short clips in dB: the loudest level, not silence; ours pads after standardising and masks it."""
    quiet = np.full((100, 128), -60.0)
    padded = np.vstack([quiet, np.zeros((200, 128))])
    assert padded.mean() == pytest.approx(-20), "40 dB louder by padding alone"

    data = served(lab_root)
    batch = next(iter(data.windows("train")))
    past = ~length_mask(batch.lengths, batch.spectrogram.shape[1])
    assert past.any(), "clips of one length would prove nothing"
    assert not batch.spectrogram[past].any(), "0 is the training mean after standardising"
    assert batch.spectrogram[~past].mean().abs() < 0.1
    task = build.task(compose("train", "model=cnn_fast", "task=affect"), data.spec).eval()
    for row in range(len(batch.lengths)):
        alone = batch.spectrogram[row : row + 1, : int(batch.lengths[row])]
        together = task(batch.spectrogram, batch.lengths)["valence"][row]
        assert torch.allclose(task(alone, batch.lengths[row : row + 1])["valence"][0], together, atol=1e-5)


def test_first_frames_alone() -> None:
    """Only the first 150 of 1292 frames: what comes later is never heard; ours trains on and averages all of a clip."""
    random = np.random.default_rng(0)
    valence = random.random(60)
    clips = random.normal(0, 0.01, (60, 1292))
    clips[:, 150:] += valence[:, None]
    assert abs(spearman(clips[:, :150].mean(1), valence)) < 0.3
    assert spearman(clips.mean(1), valence) > 0.99

    for model in ("cnn", "ast", "lstm"):
        cfg = compose("train", "data=multitask", f"model={model}")
        frames = 1292 // cfg.loader.average_frames
        crop = crop_frames(cfg.loader.crop_seconds, None, build.frame_rate(cfg), cfg.loader.average_frames)
        size = crop or frames
        tested = {
            step for begin in window_begins(frames, crop, cfg.loader.windows) for step in range(begin, begin + size)
        }
        sampler, trained = TrainingSampler(np.full(16, frames), 16, crop, seed=0), set()
        for epoch in range(cfg.trainer.max_epochs):
            sampler.set_epoch(epoch)
            trained |= {step for plan in sampler for begin in plan.begins for step in range(begin, begin + size)}
        assert tested == trained == set(range(frames)), model


def test_labels_encoded_by_each_split() -> None:
    """Class numbers made per split: a perfect model scores .25; ours take them from the data set, once."""
    classes = ("Blues", "Jazz", "Metal", "Rock")
    train, test = np.array(classes * 2), np.array(["Blues", "Metal", "Rock", "Metal"])
    number = {name: place for place, name in enumerate(np.unique(train))}
    perfect = [number[name] for name in test]
    assert (np.unique(test, return_inverse=True)[1] == perfect).mean() == 0.25

    clips = [Clip(str(place), Path(), {"genre": str(name)}, split="test") for place, name in enumerate(test)]
    scores = measure({"genre": np.eye(4)[perfect]}, clips, {"genre": Categorical(classes)})["classification"]
    assert scores["accuracy"]["value"] == 1.0
    assert scores["per_class"]["Metal"]["f1"] == 1.0


def test_folds_that_do_not_keep_artists_together() -> None:
    """Random folds: the artist is recognised and the genre read off; ours keep artists together, or raise an alarm."""
    random = np.random.default_rng(0)
    artists = np.repeat(np.arange(40), 5)
    genres = random.integers(0, 4, 40)[artists]  # says nothing about the sound, which is the artist's alone
    sound = random.normal(0, 1, (40, 16))[artists] + random.normal(0, 0.3, (200, 16))
    model = KNeighborsClassifier(1)
    told = cross_val_predict(model, sound, genres, cv=KFold(5, shuffle=True, random_state=0))
    assert f1_score(genres, told, average="macro") > 0.9

    names = np.array(["Blues", "Jazz", "Metal", "Rock"])[genres]
    clips = [
        Clip(str(place), Path(), {"genre": str(name)}, group=f"artist {artist}")
        for place, (name, artist) in enumerate(zip(names, artists, strict=True))
    ]
    honest = np.empty(200, dtype=np.int64)
    for fold in range(5):
        parts = split_clips(clips, ["genre"], SplitPlan(fold=fold))
        assert straddling_groups(parts) == {}
        train, test = ([int(clip.id) for clip in parts[name]] for name in ("train", "test"))
        honest[test] = model.fit(sound[train], genres[train]).predict(sound[test])
    assert f1_score(genres, honest, average="macro") < 0.4
    groups = {"train": {clip.group or "" for clip in clips[::2]}, "test": {clip.group or "" for clip in clips[1::2]}}
    alarms = {alarm.name: alarm.message for alarm in split_alarms({}, groups)}
    assert "40 in train and test" in alarms["leaked groups"]


def test_decibels_beside_chroma_as_they_come(lab_root: Path) -> None:
    """Raw mel dB beside chroma: chroma weighs nothing and is not heard; ours gives every row the same spread."""
    random = np.random.default_rng(0)
    mode = random.random(200)
    chroma = np.outer(mode, np.linspace(0.1, 1, 12))
    rows = np.hstack([random.uniform(-80, 0, (200, 12)), chroma])
    heard = [
        spearman(cross_val_predict(KNeighborsRegressor(5), given, mode, cv=5), mode)
        for given in (rows, (rows - rows.mean(0)) / rows.std(0))
    ]
    assert heard[0] < 0.3
    assert heard[1] > 0.9

    data = served(lab_root, "features=fused")
    batch = next(iter(data.windows("train")))
    valid = batch.spectrogram[length_mask(batch.lengths, batch.spectrogram.shape[1])]
    mel, chroma_rows = valid[:, :128], valid[:, 128:]
    assert torch.allclose(valid.std(0), torch.ones(140), atol=0.25)
    assert chroma_rows.square().sum() / mel.square().sum() == pytest.approx(12 / 128, rel=0.1)
    raw = data.normalizer.deviation
    assert raw[128:].square().sum() / raw[:128].square().sum() < 0.001
    pooled = masked_mean(batch.spectrogram, length_mask(batch.lengths, batch.spectrogram.shape[1]))
    assert pooled[:, 128:].abs().mean() > 0.01
