from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from array_cache import GENRES, make_cache
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ConfigurationError
from music_affect.contracts.spec import Categorical, Continuous, DataSpec, Target
from music_affect.data.augmentation import Augmentation
from music_affect.data.cache.features import FeatureCache
from music_affect.data.clip_store import MappedStore, MemoryStore
from music_affect.data.datamodule import ClipDataModule
from music_affect.data.loading import Loading, crop_frames
from music_affect.data.normalization import Normalizer
from music_affect.data.source import Clip
from music_affect.data.view import View

LENGTHS = [20 + (7 * place) % 50 for place in range(60)]
GENRE: dict[str, Target] = {"genre": Categorical(GENRES)}
VALENCE: dict[str, Target] = {"valence": Continuous(0.0, 1.0)}
BOTH = {"mel": (0, 6), "chroma": (6, 10)}

Prepared = tuple[FeatureCache, dict[str, list[Clip]]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    cache, clips = make_cache(tmp_path_factory.mktemp("cache"), LENGTHS)
    return cache, {"train": clips[:38], "val": clips[38:45], "test": clips[45:]}


def module(
    prepared: Prepared,
    targets: dict[str, Target] = GENRE,
    view: View = View(BOTH),  # noqa: B008  # frozen
    augmentation: Augmentation | None = None,
    seed: int = 0,
    normalizer: Normalizer | None = None,
    **loading: Any,
) -> ClipDataModule:
    cache, splits = prepared
    return ClipDataModule(cache, splits, targets, view, Loading(**loading), augmentation, seed, normalizer)


def batches(loader: DataLoader[Batch] | list[DataLoader[Batch]], epoch: int = 0) -> list[Batch]:
    assert isinstance(loader, DataLoader)
    if hasattr(loader.sampler, "set_epoch"):
        loader.sampler.set_epoch(epoch)
    return list(loader)


def clips_of(served: Iterable[Batch]) -> list[int]:
    return torch.cat([batch.clips for batch in served]).tolist()


def assert_same(one: list[Batch], other: list[Batch]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a.spectrogram, b.spectrogram)
        assert torch.equal(a.lengths, b.lengths)
        assert torch.equal(a.clips, b.clips)
        assert all(torch.equal(a.targets[name], b.targets[name]) for name in a.targets)


@pytest.mark.parametrize(
    ("view", "loading", "features", "frames"),
    [
        (View(BOTH), {}, 10, max(LENGTHS)),
        (View(BOTH), {"crop_frames": 16}, 10, 16),
        (View(BOTH), {"crop_frames": 900}, 10, max(LENGTHS)),
        (View({"chroma": (6, 10)}, 4), {}, 4, max(LENGTHS) // 4),
    ],
)
def test_spec_is_read_off_the_data(
    prepared: Prepared, view: View, loading: dict[str, Any], features: int, frames: int
) -> None:
    spec = module(prepared, view=view, **loading).spec
    assert spec == DataSpec(features, frames, GENRE, view.own_blocks)


def test_normaliser_is_learnt_from_the_training_part_alone(prepared: Prepared) -> None:
    cache, splits = prepared
    expected = Normalizer.fit(np.asarray(cache.clip(clip.id), np.float32) for clip in splits["train"])
    found = module(prepared).normalizer
    assert torch.equal(found.mean, expected.mean)
    assert torch.equal(found.deviation, expected.deviation)
    given = Normalizer.identity(10)
    served = batches(module(prepared, normalizer=given).test_dataloader())
    assert -80 <= min(float(batch.spectrogram.min()) for batch in served) < -70


def test_labels_are_indices_or_values_in_the_order_of_the_clips(prepared: Prepared) -> None:
    labels = module(prepared).labels("test", "genre")
    assert labels.dtype == np.int64
    assert labels.tolist() == [place % 3 for place in range(45, 60)]
    values = module(prepared, targets=VALENCE).labels("val", "valence")
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, [place / 60 for place in range(38, 45)], rtol=1e-6)


@pytest.mark.parametrize("targets", [GENRE, VALENCE])
def test_batches_carry_the_labels_of_their_clips(prepared: Prepared, targets: dict[str, Target]) -> None:
    data = module(prepared, targets=targets, batch_size=8, crop_frames=16, windows=3)
    loaders = {"train": data.train_dataloader(), "val": data.val_dataloader(), "test": data.test_dataloader()}
    for split, loader in loaders.items():
        for batch in batches(loader):
            assert batch.spectrogram.shape == (len(batch.clips), int(batch.lengths.max()), 10)
            for name in targets:
                assert torch.equal(batch.targets[name], torch.from_numpy(data.labels(split, name))[batch.clips])


def test_missing_labels_are_told_apart_from_all_others(prepared: Prepared) -> None:
    cache, splits = prepared
    bare = [replace(clip, labels={"genre": "Jazz"} if place % 2 else {"valence": 0.25}) for place, clip in
            enumerate(splits["test"])]  # fmt: skip
    data = module((cache, {**splits, "test": bare}), targets={**GENRE, **VALENCE})
    genres, values = data.labels("test", "genre"), data.labels("test", "valence")
    assert genres.tolist() == [1 if place % 2 else -1 for place in range(15)]
    np.testing.assert_equal(values, np.array([np.nan if place % 2 else 0.25 for place in range(15)], np.float32))
    (batch,) = batches(data.test_dataloader())
    assert torch.equal(batch.targets["genre"], torch.from_numpy(genres)[batch.clips])
    assert torch.equal(batch.targets["valence"].isnan(), batch.targets["genre"] >= 0)


def test_training_serves_each_clip_once_and_testing_each_window(prepared: Prepared) -> None:
    data = module(prepared, batch_size=8, crop_frames=32, windows=3)
    assert sorted(clips_of(batches(data.train_dataloader()))) == list(range(38))
    windows = [3 if length > 33 else length - 31 if length > 32 else 1 for length in LENGTHS[45:]]
    served = clips_of(batches(data.test_dataloader()))
    assert [served.count(clip) for clip in range(15)] == windows


def test_augmentation_changes_training_batches_only(prepared: Prepared) -> None:
    augmentation = Augmentation(time_masks=2, time_width=0.5, mixup_alpha=0.3)
    data, plain = module(prepared, augmentation=augmentation), module(prepared)
    assert_same(batches(data.test_dataloader()), batches(plain.test_dataloader()))
    assert all(batch.weight is not None for batch in batches(data.train_dataloader()))
    assert_same(batches(data.train_dataloader(), 2), batches(data.train_dataloader(), 2))
    again, other = (module(prepared, augmentation=augmentation, seed=seed) for seed in (0, 1))
    assert_same(batches(again.train_dataloader(), 1), batches(data.train_dataloader(), 1))
    assert clips_of(batches(other.train_dataloader(), 1)) != clips_of(batches(data.train_dataloader(), 1))


def test_empty_validation_part_has_no_loader(prepared: Prepared) -> None:
    cache, splits = prepared
    for without in ({**splits, "val": []}, {"train": splits["train"], "test": splits["test"]}):
        data = module((cache, without))
        assert data.val_dataloader() == []
        assert data.spec.max_frames == max(LENGTHS)


def test_overfitting_sees_the_same_few_batches_unaugmented(prepared: Prepared) -> None:
    data = module(prepared, augmentation=Augmentation(mixup_alpha=0.3), batch_size=8, overfit_batches=2, crop_frames=16)
    served = [batches(data.train_dataloader(), epoch) for epoch in range(2)]
    assert_same(*served)
    assert sorted(clips_of(served[0])) == list(range(16))
    assert all(batch.weight is None for batch in served[0])
    assert {clip.id for clip in data.splits["train"]} < {clip.id for clip in prepared[1]["train"]}
    assert len(data.splits["test"]) == 15


def test_balanced_sampling_draws_rare_classes_as_often(prepared: Prepared) -> None:
    cache, splits = prepared
    rare = [clip for clip in splits["train"] if clip.labels["genre"] != "Rock"] + [splits["train"][2]]
    data = module((cache, {**splits, "train": rare}), class_balance="sampler")
    loader = data.train_dataloader()
    labels = torch.cat([batch.targets["genre"] for epoch in range(60) for batch in batches(loader, epoch)])
    np.testing.assert_allclose(torch.bincount(labels) / len(labels), 1 / 3, atol=0.05)


def drawn(loader: Iterable[object], where: NDArray[np.bool_]) -> float:
    """Share of draws over many epochs that fall on some of the clips."""
    assert isinstance(loader, DataLoader)
    found = [clip for epoch in range(60) for clip in clips_of(batches(loader, epoch))]
    return float(where[found].mean())


def test_two_data_sets_are_drawn_equally_often_unless_told_otherwise(prepared: Prepared) -> None:
    cache, splits = prepared
    train = [replace(clip, data="a" if place < 8 else "b") for place, clip in enumerate(splits["train"])]
    small = np.array([clip.data == "a" for clip in train])
    both = (cache, {**splits, "train": train})
    assert drawn(module(both).train_dataloader(), small) == pytest.approx(0.5, abs=0.05)
    assert drawn(module(both, data_balance="none").train_dataloader(), small) == 8 / 38
    one = module(prepared, data_balance="sampler").train_dataloader()
    assert sorted(clips_of(batches(one))) == list(range(38))


def test_clips_without_a_class_are_drawn_as_often_as_the_others_under_balance(prepared: Prepared) -> None:
    cache, splits = prepared
    labels: list[dict[str, str | float]] = [{"valence": 0.5}] * 19 + [{"genre": "Jazz"}] * 15 + [{"genre": "Rock"}] * 4
    train = [replace(clip, labels=found) for clip, found in zip(splits["train"], labels, strict=True)]
    both = module((cache, {**splits, "train": train}), {**GENRE, **VALENCE}, class_balance="sampler")
    place = np.arange(38)
    loader = both.train_dataloader()
    shares = [drawn(loader, where) for where in (place < 19, (place >= 19) & (place < 34), place >= 34)]
    np.testing.assert_allclose(shares, [1 / 2, 1 / 4, 1 / 4], atol=0.05)


@pytest.mark.parametrize("view", [View(BOTH), View({"mel": (0, 6)}, 4)])
def test_reading_from_disk_in_another_process_changes_nothing(prepared: Prepared, view: View) -> None:
    settings: dict[str, Any] = {"batch_size": 8, "crop_frames": 16 // view.average_frames, "windows": 2}
    in_memory = module(prepared, view=view, augmentation=Augmentation(mixup_alpha=0.3), **settings)
    from_disk = module(
        prepared, view=view, augmentation=Augmentation(mixup_alpha=0.3), **settings, in_memory_gb=0.0, num_workers=1
    )
    kinds = [type(data._dataset("train").store) for data in (in_memory, from_disk)]
    assert kinds == [MemoryStore, MappedStore]
    loaders = [data.train_dataloader() for data in (in_memory, from_disk)]
    assert [loader.num_workers for loader in loaders] == [0, 1]
    for epoch in (0, 3):
        assert_same(*(batches(loader, epoch) for loader in loaders))
    assert_same(batches(in_memory.test_dataloader()), batches(from_disk.test_dataloader()))


class Listener(LightningModule):
    """Notes which clips it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.shown: list[list[int]] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        self.shown[-1].extend(batch.clips.tolist())
        return self.weight.sum() * 0

    def on_train_epoch_start(self) -> None:
        self.shown.append([])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_the_trainer_shuffles_anew_every_epoch_as_planned(prepared: Prepared, tmp_path: Path) -> None:
    data, listener = module(prepared, batch_size=8), Listener()
    Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    ).fit(listener, data)  # fmt: skip
    planned = module(prepared, batch_size=8)
    assert listener.shown == [clips_of(batches(planned.train_dataloader(), epoch)) for epoch in range(3)]
    assert len({tuple(epoch) for epoch in listener.shown}) == 3


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"batch_size": 0}, r"loader\.batch_size=0; expected 1 or more"),
        ({"windows": 0}, r"loader\.windows=0; expected 1 or more"),
        ({"num_workers": -1}, r"loader\.num_workers=-1; expected 0 or more"),
        ({"overfit_batches": -1}, r"loader\.overfit_batches=-1; expected 0 or more"),
        ({"class_balance": "weights"}, r"loader\.class_balance=weights; expected none or sampler"),
        ({"data_balance": "weights"}, r"loader\.data_balance=weights; expected none or sampler"),
    ],
)
def test_settings_without_a_meaning_are_refused(setting: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        Loading(**setting)


def test_balancing_needs_classes(prepared: Prepared) -> None:
    data = module(prepared, targets=VALENCE, class_balance="sampler")
    with pytest.raises(ConfigurationError, match=r"class_balance=sampler; expected none where .* is not a class"):
        data.train_dataloader()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((12.0, None, 22050 / 512, 4), 129),
        ((12.0, 30, 22050 / 512, 1), 517),
        ((None, 30, 22050 / 512, 1), None),
        ((12.0, 30, None, 1), 30),
        ((12.0, None, None, 1), None),
        ((0.01, None, 22050 / 512, 4), 1),
    ],
)
def test_crops_are_counted_in_frames_of_the_model(
    arguments: tuple[float | None, int | None, float | None, int], expected: int | None
) -> None:
    assert crop_frames(*arguments) == expected


def test_crops_without_a_length_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"loader\.crop_beats=0; expected a positive number"):
        crop_frames(None, 0, None, 1)
    with pytest.raises(ConfigurationError, match=r"loader\.average_frames=0"):
        crop_frames(None, None, 43.0, 0)
