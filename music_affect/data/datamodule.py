"""The LightningDataModule: cached clips to batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ConfigurationError
from music_affect.contracts.spec import Categorical, DataSpec, Target
from music_affect.data.augmentation import Augmentation
from music_affect.data.cache.features import FeatureCache
from music_affect.data.clip_store import ClipStore, MappedStore, MemoryStore, viewed_lengths
from music_affect.data.labels import MISSING_CLASS, encode
from music_affect.data.loading import Loading, refuse
from music_affect.data.normalization import Normalizer
from music_affect.data.sampling import BatchPlan, RankSampler, TrainingSampler, WindowSampler
from music_affect.data.source import Clip
from music_affect.data.view import View
from music_affect.system.collectives import rank, world_size

BYTES_A_GB = 2**30
EVALUATION_BATCH = 4  # windows without gradients: so many training batches fit at once
TRAINING_ROWS = 2  # a process's, at least: a batch norm of a single value has no variance to share
NORMALIZED_CLIPS = 10_000  # reading all of 100,000 would take minutes and change the fourth digit


class ClipDataset(Dataset[Batch]):
    """Whole batches of one split: an item is a batch, asked for by its plan."""

    def __init__(
        self,
        store: ClipStore,
        targets: Mapping[str, Tensor],
        crop_frames: int | None,
        blocks: Mapping[str, tuple[int, int]],
        augmentation: Augmentation | None,
    ) -> None:
        self.store, self._targets, self._blocks, self._augmentation = store, targets, blocks, augmentation
        self._frames = crop_frames or int(store.lengths.max())

    def __getitem__(self, plan: BatchPlan) -> Batch:
        places = plan.clips[plan.rows]
        spectrogram, lengths = self.store.gather(places, plan.begins[plan.rows], self._frames)
        clips, device = torch.from_numpy(places), lengths.device
        targets = {name: values[clips].to(device, non_blocking=True) for name, values in self._targets.items()}
        batch = Batch(spectrogram, lengths, targets, clips.to(device, non_blocking=True))
        if self._augmentation is None:
            return batch
        if plan.rows != slice(None):
            return self._augmented_share(batch, plan, self._augmentation)
        return self._augmentation(batch, self._blocks, torch.Generator().manual_seed(plan.seed))

    def _augmented_share(self, batch: Batch, plan: BatchPlan, augmentation: Augmentation) -> Batch:
        """The rows of one of several processes, masked as they are in the whole batch; mixed only with one another."""
        if augmentation.mixup_alpha > 0:
            return augmentation(batch, self._blocks, torch.Generator().manual_seed(plan.seed + plan.rows.start))
        lengths = np.minimum(self.store.lengths[plan.clips] - plan.begins, self._frames)
        # Masking multiplies by zero or one, so that the stripes of all rows show in a batch of ones, without reading.
        ones = torch.ones(len(lengths), *batch.spectrogram.shape[1:], device=batch.spectrogram.device)
        whole = Batch(ones, torch.from_numpy(lengths).to(ones.device), {}, torch.from_numpy(plan.clips))
        masks = augmentation(whole, self._blocks, torch.Generator().manual_seed(plan.seed)).spectrogram[plan.rows]
        return replace(batch, spectrogram=batch.spectrogram * masks)


class ClipDataModule(LightningDataModule):
    """Serves the clips of a cache, standardised by the statistics of the training part.

    Args:
        cache: holds the frames of every clip.
        splits: clips by part; all of them are in the cache, and each carries some of the targets.
        targets: what the task needs of the labels.
        view: which columns are used and how many frames are averaged.
        loading: how clips are served.
        augmentation: changes training batches, or None.
        seed: of shuffling, crops and augmentation.
        normalizer: of an earlier run; None learns it from the training part.

    Attributes:
        spec: what the model is built from.
        normalizer: in use.
    """

    def __init__(
        self,
        cache: FeatureCache,
        splits: Mapping[str, Sequence[Clip]],
        targets: Mapping[str, Target],
        view: View,
        loading: Loading,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        normalizer: Normalizer | None = None,
    ) -> None:
        super().__init__()
        self._cache, self._view, self._loading, self._seed = cache, view, loading, seed
        self._augmentation = None if loading.overfit_batches else augmentation
        self.splits = {name: self._used(name, clips) for name, clips in splits.items()}
        self._targets = targets
        self.normalizer = normalizer or self._normalizer()
        self._datasets: dict[str, ClipDataset] = {}
        self.spec = DataSpec(view.num_features, self._max_frames(), dict(targets), view.own_blocks)

    def labels(self, split: str, target: str) -> NDArray[np.int64] | NDArray[np.float32]:
        """Labels of a split's clips, in order: class indices (-1: missing) or values (NaN: missing)."""
        return encode(self.splits[split], target, self._targets[target])

    def train_dataloader(self) -> DataLoader[Batch]:
        dataset = self._dataset("train")
        weights = self._frequencies()
        lengths, settings = dataset.store.lengths, self._loading
        if settings.overfit_batches:
            one = WindowSampler(lengths, settings.batch_size, settings.crop_frames, None, settings.crop_step)
            return self._loader(dataset, one, rows=TRAINING_ROWS)
        sampler = TrainingSampler(
            lengths, settings.batch_size, settings.crop_frames, self._seed, weights, settings.crop_step
        )
        return self._loader(dataset, sampler, rows=TRAINING_ROWS)

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        return self.windows("val") if self.splits.get("val") else []

    def test_dataloader(self) -> DataLoader[Batch]:
        return self.windows("test")

    def windows(self, split: str, *, each: bool = False) -> DataLoader[Batch]:
        """The whole of every clip of a split in evenly spread windows; ``each`` clip in a batch of its own."""
        dataset = self._dataset(split)
        size, settings = self._loading.batch_size * EVALUATION_BATCH, self._loading
        lengths = dataset.store.lengths
        sampler = WindowSampler(lengths, size, settings.crop_frames, settings.windows, settings.crop_step, each=each)
        return self._loader(dataset, sampler)

    def _normalizer(self) -> Normalizer:
        """Learnt from the training part; of a very large one, from clips evenly spread over it."""
        clips = self.splits["train"]
        step = -(-len(clips) // NORMALIZED_CLIPS)
        return Normalizer.fit(self._view(self._cache.clip(clip.id)) for clip in clips[::step])

    def _used(self, name: str, clips: Sequence[Clip]) -> list[Clip]:
        if name == "train" and self._loading.overfit_batches:
            few = np.random.default_rng(self._seed).permutation(len(clips))
            return [clips[place] for place in few[: self._loading.overfit_batches * self._loading.batch_size]]
        return list(clips)

    def _max_frames(self) -> int:
        parts = [[clip.id for clip in clips] for clips in self.splits.values() if clips]
        longest = max(int(viewed_lengths(self._cache, names, self._view).max()) for names in parts)
        return min(longest, self._loading.crop_frames or longest)

    def _dataset(self, split: str) -> ClipDataset:
        if split not in self._datasets:
            names = [clip.id for clip in self.splits[split]]
            labels = {name: torch.from_numpy(self.labels(split, name)) for name in self._targets}
            augmentation = self._augmentation if split == "train" else None
            store = self._store(names)
            self._datasets[split] = ClipDataset(
                store, labels, self._loading.crop_frames, self.spec.blocks, augmentation
            )
        return self._datasets[split]

    def _store(self, names: Sequence[str]) -> ClipStore:
        values = int(viewed_lengths(self._cache, names, self._view).sum()) * self._view.num_features
        if values * 4 > self._loading.in_memory_gb * BYTES_A_GB:
            return MappedStore(self._cache, names, self._view, self.normalizer)
        store = MemoryStore(self._cache, names, self._view, self.normalizer)
        if self.trainer is not None and self.trainer.strategy.root_device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.trainer.strategy.root_device)
            if values * 4 < free / 4:
                store.to(self.trainer.strategy.root_device)
        return store

    def _loader(
        self, dataset: ClipDataset, sampler: TrainingSampler | WindowSampler, rows: int = 1
    ) -> DataLoader[Batch]:
        from_disk = isinstance(dataset.store, MappedStore)
        workers = self._loading.num_workers if from_disk else 0
        return DataLoader(
            dataset,
            sampler=_share(sampler, rows),  # type: ignore[arg-type]  # yields plans, and the dataset answers with whole batches
            batch_size=None,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=from_disk and torch.cuda.is_available(),
            # Its own, or starting an epoch would draw from the generator that dropout draws from.
            generator=torch.Generator(),
        )

    def _frequencies(self) -> NDArray[np.float64] | None:
        """How often each training clip is drawn, relatively; None for each once an epoch."""
        sets = np.unique([clip.data for clip in self.splits["train"]], return_inverse=True)[1]
        several = self._loading.data_balance == "sampler" and bool(sets.max() > 0)
        weights = 1.0 / np.bincount(sets)[sets] if several else None
        if self._loading.class_balance == "sampler":
            return self._balance() * (1.0 if weights is None else weights)
        return weights

    def _balance(self) -> NDArray[np.float64]:
        classes = [name for name, target in self._targets.items() if isinstance(target, Categorical)]
        if not classes:
            refuse("class_balance", self._loading.class_balance, "none where the task's label is not a class")
        labels = self.labels("train", classes[0])
        there = labels != MISSING_CLASS
        counts = np.bincount(labels[there].astype(np.int64))
        weights = 1.0 / counts[labels.astype(np.int64)]
        weights[~there] = weights[there].mean()
        return weights


def _share(sampler: TrainingSampler | WindowSampler, rows: int) -> TrainingSampler | WindowSampler | RankSampler:
    """This process's part of every batch, of ``rows`` rows at least; all of it where no other process trains along."""
    if world_size() == 1:
        return sampler
    if sampler.smallest < rows * world_size():
        raise ConfigurationError(
            f"a batch of {sampler.smallest} rows for {world_size()} processes",
            expected=f"{rows} rows or more for each",
            fix="lower trainer.devices, or raise loader.batch_size",
        )
    return RankSampler(sampler, rank(), world_size())
