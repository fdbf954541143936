"""The LightningDataModule of every run: a data set, its features, its division, and the batches out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ConfigurationError
from music_affect.contracts.spec import DataSpec
from music_affect.data.cache.features import FeatureCache
from music_affect.data.datamodule import ClipDataModule
from music_affect.data.normalization import Normalizer
from music_affect.data.preparation import Prepared, divided
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import SplitPlan


class MusicDataModule(LightningDataModule):
    """A data set with its features, divided and served: the LightningDataModule of every run.

    ``prepare_data`` extracts the features that are missing, ``setup`` divides the clips; both do nothing twice.

    Args:
        source: the data set.
        extract: opens the feature cache of clips, after having extracted what is missing.
        targets: names of the labels that are learnt.
        plan: how the clips are divided.
        serve: makes the module that serves divided clips of a cache, standardised by a normaliser.
        normalizer: of the run that this one starts from, or None.
        config: what the module was made from, in plain containers; a checkpoint carries it.

    Raises:
        MusicAffectError: a file of labels or the division allow no run.
    """

    def __init__(
        self,
        source: ClipSource,
        extract: Callable[[list[Clip]], FeatureCache],
        targets: Sequence[str],
        plan: SplitPlan,
        serve: Callable[..., ClipDataModule],
        normalizer: Normalizer | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.source, self._extract, self._targets, self._plan = source, extract, targets, plan
        self._serve, self._normalizer, self.config = serve, normalizer, dict(config or {})
        self._cache: FeatureCache | None = None
        self._prepared: Prepared | None = None
        self._clips: ClipDataModule | None = None

    def prepare_data(self) -> None:
        if self._cache is None:
            self._cache = self._extract(self.source.clips())

    def setup(self, stage: str | None = None) -> None:
        if self._prepared is None:
            self.prepare_data()  # in a process that has extracted nothing itself: opens what is there
            assert self._cache is not None
            self._prepared = divided(self.source, self._cache, self._targets, self._plan)

    @property
    def prepared(self) -> Prepared:
        """The divided clips; extracts and divides where that has not been done."""
        self.setup()
        assert self._prepared is not None
        return self._prepared

    @property
    def clips(self) -> ClipDataModule:
        """What serves the clips; made once, after which their division stays."""
        if self._clips is None:
            found = self.prepared
            self._clips = self._serve(found.cache, found.splits, found.targets, self._normalizer)
        self._clips.trainer = self.trainer
        return self._clips

    @property
    def spec(self) -> DataSpec:
        """What a model is built from."""
        return self.clips.spec

    def train_dataloader(self) -> DataLoader[Batch]:
        several = self.trainer is not None and self.trainer.world_size > 1
        if several and self.trainer._accelerator_connector.use_distributed_sampler:  # type: ignore[union-attr]
            raise ConfigurationError(
                "a Trainer of several processes that would divide the batches a second time",
                expected="the rows of each planned batch to be shared out once",
                fix="write Trainer(use_distributed_sampler=False, ...)",
            )
        return self.clips.train_dataloader()

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        return self.clips.val_dataloader()

    def test_dataloader(self) -> DataLoader[Batch]:
        return self.clips.test_dataloader()

    def predict_dataloader(self) -> DataLoader[Batch]:
        """The test clips, a clip a batch: all of its windows."""
        return self.clips.windows("test", each=True)

    def clip(self, place: int) -> Clip:
        """A clip of the test part by its place there."""
        return self.clips.splits["test"][place]
