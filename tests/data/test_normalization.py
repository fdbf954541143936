from __future__ import annotations

import json

import numpy as np
import torch

from music_affect.data.normalization import Normalizer

SCALES = np.array([20.0, 0.3, 5.0])
CLIPS = [np.random.default_rng(seed).normal(-40, SCALES, (seed + 1, 3)).astype(np.float32) for seed in range(20)]
FRAMES = np.concatenate(CLIPS)


def test_statistics_are_those_of_all_frames_together() -> None:
    normalizer = Normalizer.fit(iter(CLIPS))
    np.testing.assert_allclose(normalizer.mean, FRAMES.mean(0), rtol=1e-5)
    np.testing.assert_allclose(normalizer.deviation, FRAMES.std(0), rtol=1e-4)
    assert normalizer.mean.dtype == normalizer.deviation.dtype == torch.float32


def test_training_frames_have_mean_0_and_deviation_1() -> None:
    frames = Normalizer.fit(CLIPS)(torch.from_numpy(FRAMES)[None])
    assert frames.shape == (1, len(FRAMES), 3)
    np.testing.assert_allclose(frames[0].mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(frames[0].std(0, correction=0), 1, atol=1e-4)


def test_constant_row_becomes_zero() -> None:
    constant = [np.column_stack([clip[:, 0], np.full(len(clip), -80.0, np.float32)]) for clip in CLIPS]
    normalizer = Normalizer.fit(constant)
    assert not normalizer(torch.from_numpy(constant[3]))[:, 1].any()
    assert float(normalizer.deviation[1]) == 1.0


def test_float16_and_large_offsets_do_not_spoil_the_statistics() -> None:
    frames = (np.random.default_rng(0).normal(0, 1, (100_000, 1)) - 80).astype(np.float16)
    normalizer = Normalizer.fit([frames])  # type: ignore[list-item]
    np.testing.assert_allclose(normalizer.mean, frames.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(normalizer.deviation, frames.astype(np.float64).std(0), rtol=1e-5)


def test_survives_a_checkpoint_unchanged() -> None:
    normalizer = Normalizer.fit(CLIPS)
    again = Normalizer.from_dict(json.loads(json.dumps(normalizer.to_dict())))
    assert torch.equal(again.mean, normalizer.mean)
    assert torch.equal(again.deviation, normalizer.deviation)


def test_identity_changes_nothing() -> None:
    frames = torch.from_numpy(FRAMES)
    assert torch.equal(Normalizer.identity(3)(frames), frames)
