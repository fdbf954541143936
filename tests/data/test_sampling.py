from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from music_affect.configuration.compatibility import choice, choices
from music_affect.contracts.errors import ConfigurationError
from music_affect.data.loading import Loading, crop_frames
from music_affect.data.sampling import BatchPlan, TrainingSampler, WindowSampler, window_begins

RANDOM = np.random.default_rng(0)
UNLIKE = RANDOM.integers(5, 130, 205)  # lengths of beat-synchronous clips
ALIKE = np.full(205, 1291)


def epoch(sampler: TrainingSampler, number: int) -> list[BatchPlan]:
    sampler.set_epoch(number)
    return list(sampler)


def clips(plans: list[BatchPlan]) -> list[int]:
    return [int(clip) for plan in plans for clip in plan.clips]


def same(one: list[BatchPlan], other: list[BatchPlan]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.clips, b.clips) and np.array_equal(a.begins, b.begins) and a.seed == b.seed
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("lengths", [UNLIKE, ALIKE], ids=["unlike", "alike"])
@pytest.mark.parametrize("batch_size", [1, 8, 16, 204, 205, 1000])
def test_batches_are_even_and_hold_every_clip_once(lengths: np.ndarray, batch_size: int) -> None:
    sampler = TrainingSampler(lengths, batch_size, None, seed=0)
    plans = epoch(sampler, 0)
    sizes = [len(plan.clips) for plan in plans]
    assert len(sampler) == len(plans)
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert sorted(clips(plans)) == list(range(205))
    assert all(plan.clips.dtype == plan.begins.dtype == np.int64 for plan in plans)


def test_an_epoch_is_the_same_whenever_it_is_asked_for() -> None:
    going = TrainingSampler(UNLIKE, 16, 40, seed=3)
    history = [epoch(going, number) for number in range(4)]
    resumed = TrainingSampler(UNLIKE, 16, 40, seed=3)
    assert same(epoch(resumed, 2), history[2])
    assert same(epoch(resumed, 3), history[3])
    assert not same(history[2], history[3])
    assert not same(epoch(TrainingSampler(UNLIKE, 16, 40, seed=4), 2), history[2])
    assert len({plan.seed for plans in history for plan in plans}) == 4 * len(going)


def test_global_random_state_is_neither_read_nor_moved() -> None:
    np.random.seed(0)
    first = epoch(TrainingSampler(UNLIKE, 16, 40, seed=3), 1)
    after = np.random.random()
    np.random.seed(0)
    assert np.random.random() == after
    assert same(epoch(TrainingSampler(UNLIKE, 16, 40, seed=3), 1), first)


def padding(plans: list[BatchPlan], lengths: np.ndarray) -> float:
    """Share of padded frames."""
    room = sum(len(plan.clips) * lengths[plan.clips].max() for plan in plans)
    return float(1 - sum(lengths[plan.clips].sum() for plan in plans) / room)


def test_clips_of_unlike_lengths_are_grouped_and_still_meet_others_next_time() -> None:
    sampler = TrainingSampler(UNLIKE, 16, None, seed=0)
    first, second = epoch(sampler, 0), epoch(sampler, 1)
    shuffled = np.array_split(np.random.default_rng(0).permutation(205), len(sampler))
    unsorted = [BatchPlan(batch, np.zeros_like(batch), 0) for batch in shuffled]
    assert padding(first, UNLIKE) < 0.5 * padding(unsorted, UNLIKE)
    companies = [{frozenset(plan.clips.tolist()) for plan in plans} for plans in (first, second)]
    assert not companies[0] & companies[1]
    order = [UNLIKE[plan.clips].mean() for plan in first]
    assert order not in (sorted(order), sorted(order, reverse=True))


@pytest.mark.parametrize("crop", [1, 40, 128])
def test_crops_lie_inside_their_clips_and_reach_both_ends(crop: int) -> None:
    sampler = TrainingSampler(UNLIKE, 16, crop, seed=0)
    begins: dict[int, set[int]] = {}
    for number in range(60):
        for plan in epoch(sampler, number):
            for clip, begin in zip(plan.clips.tolist(), plan.begins.tolist(), strict=True):
                begins.setdefault(clip, set()).add(begin)
    for clip, found in begins.items():
        assert min(found) >= 0
        assert max(found) <= max(0, UNLIKE[clip] - crop)
    short = [clip for clip in begins if 0 < UNLIKE[clip] - crop < 4]
    assert all(begins[clip] == set(range(UNLIKE[clip] - crop + 1)) for clip in short)
    assert any(len(found) > 1 for found in begins.values())


def test_whole_clips_begin_at_their_beginning() -> None:
    plans = epoch(TrainingSampler(UNLIKE, 16, None, seed=0), 0)
    assert not any(plan.begins.any() for plan in plans)


def test_weights_balance_the_classes() -> None:
    labels = np.array([0] * 180 + [1] * 20 + [2] * 5)
    weights = 1.0 / np.bincount(labels)[labels]
    sampler = TrainingSampler(ALIKE, 16, 100, seed=0, weights=weights)
    drawn = np.bincount(labels[[clip for number in range(20) for clip in clips(epoch(sampler, number))]])
    assert drawn.sum() == 20 * 205
    np.testing.assert_allclose(drawn / drawn.sum(), 1 / 3, atol=0.04)


@pytest.mark.parametrize(
    ("length", "crop", "windows", "expected"),
    [
        (100, None, 5, [0]),
        (100, 100, 5, [0]),
        (30, 100, 5, [0]),
        (100, 40, None, [30]),
        (100, 40, 1, [0, 30, 60]),
        (100, 40, 2, [0, 30, 60]),
        (80, 40, 1, [0, 40]),
        (100, 40, 4, [0, 20, 40, 60]),
        (102, 100, 5, [0, 1, 2]),
    ],
)
def test_windows_spread_evenly_over_the_clip(
    length: int, crop: int | None, windows: int | None, expected: list[int]
) -> None:
    assert set(window_begins(length, crop, windows)) == set(expected)
    assert len(window_begins(length, crop, windows)) == len(set(expected))


@pytest.mark.parametrize("rows", ["of full rate", "beats", "excerpts"])
@pytest.mark.parametrize("model", choices("model"))
def test_windows_of_every_recipe_hold_every_frame(model: str, rows: str) -> None:
    recipe = choice("model", model).recipe
    step, rate = {"of full rate": (1, 22050 / 512), "beats": (1, None), "excerpts": (21, 21.0)}[rows]
    average = 1 if step > 1 else recipe.average_frames
    crop = crop_frames(recipe.crop_seconds, recipe.crop_beats, rate, average, step)
    for length in (step * np.array([1, 2, 11, 12, 13, 30, 59, 60, 61, 646, 1292, 2584])).tolist():
        begins = window_begins(length, crop, recipe.windows, step)
        assert begins[0] == 0
        assert begins[-1] + (crop or length) >= length
        assert all(after - before <= (crop or length) for before, after in pairwise(begins))
        assert crop is None or len(begins) <= max(recipe.windows, -(-length // crop))


SECONDS = RANDOM.integers(1, 31, 60)  # of clips that were described second by second, 21 frames each


@pytest.mark.parametrize("seconds", [1, 3])
def test_crops_and_windows_of_excerpts_begin_at_whole_seconds(seconds: int) -> None:
    sampler = TrainingSampler(21 * SECONDS, 16, 21 * seconds, seed=0, crop_step=21)
    begins: dict[int, set[int]] = {}
    for number in range(300):
        for plan in epoch(sampler, number):
            for clip, begin in zip(plan.clips.tolist(), plan.begins.tolist(), strict=True):
                begins.setdefault(clip, set()).add(begin)
    possible = [{21 * second for second in range(max(1, length - seconds + 1))} for length in SECONDS]
    assert all(found <= possible[clip] for clip, found in begins.items())
    short = [clip for clip, length in enumerate(SECONDS) if length < 20]
    assert all(begins[clip] == possible[clip] for clip in short)
    windows: dict[int, list[int]] = {}
    for plan in WindowSampler(21 * SECONDS, 32, 21 * seconds, windows=30, crop_step=21):
        for clip, begin in zip(plan.clips.tolist(), plan.begins.tolist(), strict=True):
            windows.setdefault(clip, []).append(begin)
    assert {clip: set(found) for clip, found in windows.items()} == dict(enumerate(possible))


@pytest.mark.parametrize(
    ("length", "crop", "windows", "expected"),
    [
        (210, 21, None, [84]),
        (210, 21, 2, list(range(0, 210, 21))),
        (210, 63, 3, [0, 42, 105, 147]),
        (210, 21, 30, list(range(0, 210, 21))),
        (21, 63, 9, [0]),
        (42, 21, 2, [0, 21]),
    ],
)
def test_windows_of_excerpts_spread_evenly(length: int, crop: int, windows: int | None, expected: list[int]) -> None:
    assert window_begins(length, crop, windows, crop_step=21) == expected


def test_a_crop_of_excerpts_holds_whole_ones() -> None:
    assert [crop_frames(seconds, None, 21.0, 1, 21) for seconds in (None, 0.3, 1.0, 1.4, 5.0)] == [
        None,
        21,
        21,
        21,
        105,
    ]
    assert crop_frames(5.0, None, 1.0, 1, 1) == 5
    assert crop_frames(12.0, None, 22050 / 512, 4) == 129
    with pytest.raises(ConfigurationError, match=r"loader\.average_frames=4; expected 1, since every 21 frames stand"):
        crop_frames(1.0, None, 21.0, 4, 21)
    with pytest.raises(ConfigurationError, match=r"loader\.crop_step=0"):
        Loading(crop_step=0)


@pytest.mark.parametrize("crop", [None, 40])
def test_window_sampler_serves_every_window_of_every_clip(crop: int | None) -> None:
    sampler = WindowSampler(UNLIKE, 32, crop, windows=3)
    plans = list(sampler)
    assert len(plans) == len(sampler)
    assert max(len(plan.clips) for plan in plans) <= 32
    served = sorted(
        (int(clip), int(begin)) for plan in plans for clip, begin in zip(plan.clips, plan.begins, strict=True)
    )
    wanted = [(clip, begin) for clip, length in enumerate(UNLIKE) for begin in window_begins(int(length), crop, 3)]
    assert served == wanted
    assert same(list(sampler), plans)
    longest = [int(UNLIKE[plan.clips].max()) for plan in plans]
    assert longest == sorted(longest)
