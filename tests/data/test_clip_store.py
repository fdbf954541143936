from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from array_cache import make_cache

from music_affect.data.cache.features import FeatureCache
from music_affect.data.clip_store import ClipStore, MappedStore, MemoryStore, viewed_lengths
from music_affect.data.normalization import Normalizer
from music_affect.data.view import View

LENGTHS = [30, 7, 1, 12, 45, 3]
MEL, CHROMA = {"mel": (0, 6)}, {"chroma": (6, 10)}
VIEWS = [View({**MEL, **CHROMA}), View(MEL), View(CHROMA), View({**MEL, **CHROMA}, 4), View(CHROMA, 4)]
NAMES = ["".join(view.blocks) + str(view.average_frames) for view in VIEWS]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return make_cache(tmp_path_factory.mktemp("cache"), LENGTHS)[0]


def fitted(cache: FeatureCache, view: View) -> Normalizer:
    return Normalizer.fit(view(cache.clip(name)) for name in cache.ids)


def stores(cache: FeatureCache, view: View, names: list[str]) -> list[ClipStore]:
    normalizer = fitted(cache, view)
    return [MemoryStore(cache, names, view, normalizer), MappedStore(cache, names, view, normalizer)]


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
def test_view_selects_columns_and_averages_neighbours(cache: FeatureCache, view: View) -> None:
    columns = {"mel1": slice(0, 6), "chroma1": slice(6, 10)}.get("".join(view.blocks) + "1", slice(0, 10))
    for name, frames in zip(cache.ids, LENGTHS, strict=True):
        exact = np.asarray(cache.clip(name)[:, columns], dtype=np.float64)
        step = view.average_frames
        groups = [exact[begin : begin + step] for begin in range(0, frames - frames % step, step)] or [exact]
        found = view(cache.clip(name))
        assert found.dtype == np.float32
        assert found.shape == (view.length(frames), view.num_features)
        np.testing.assert_allclose(found, [group.mean(0) for group in groups], rtol=1e-5)


def test_view_numbers_its_own_blocks() -> None:
    assert VIEWS[0].own_blocks == {"mel": (0, 6), "chroma": (6, 10)}
    assert VIEWS[2].own_blocks == {"chroma": (0, 4)}
    turned = View({**CHROMA, **MEL})
    assert turned.own_blocks == {"chroma": (0, 4), "mel": (4, 10)}
    frames = np.arange(20, dtype=np.float16).reshape(2, 10)
    assert turned(frames)[0].tolist() == [6, 7, 8, 9, 0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
@pytest.mark.parametrize("frames", [1, 3, 100])
def test_both_stores_give_the_standardised_crops(cache: FeatureCache, view: View, frames: int) -> None:
    names = cache.ids[::-1]
    lengths = viewed_lengths(cache, names, view)
    random = np.random.default_rng(frames)
    places = random.integers(len(names), size=9)
    begins = (random.random(9) * lengths[places]).astype(np.int64)
    batches = [store.gather(places, begins, frames) for store in stores(cache, view, names)]
    normalizer = fitted(cache, view)
    for batch, counts in batches:
        assert batch.dtype == torch.float32
        assert counts.tolist() == np.minimum(lengths[places] - begins, frames).tolist()
        assert batch.shape == (9, int(counts.max()), view.num_features)
        for row, (place, begin, count) in enumerate(zip(places, begins, counts.tolist(), strict=True)):
            whole = normalizer(torch.from_numpy(view(cache.clip(names[place]))))
            assert torch.equal(batch[row, :count], whole[begin : begin + count])
            assert not batch[row, count:].any()
    assert torch.equal(batches[0][0], batches[1][0])
    assert torch.equal(batches[0][1], batches[1][1])


def test_padding_is_zero_after_standardising_and_silence_is_not(cache: FeatureCache) -> None:
    for store in stores(cache, VIEWS[0], cache.ids):
        batch, lengths = store.gather(np.arange(6), np.zeros(6, np.int64), 100)
        assert lengths.tolist() == LENGTHS
        inside = torch.arange(45) < lengths[:, None]
        assert batch[~inside].abs().max() == 0
        assert batch[inside].abs().min() > 0
        np.testing.assert_allclose(batch[inside].mean(0), 0, atol=1e-4)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory from /proc")
def test_mapped_store_keeps_nothing_in_memory(tmp_path: Path) -> None:
    # A process of its own: what earlier tests made the allocator keep would hide the growth.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        mapped, memory, bytes_of_all = pool.submit(growths, tmp_path).result()
    assert mapped < 0.1 * bytes_of_all
    assert memory > 0.8 * bytes_of_all


def growths(folder: Path) -> tuple[int, int, int]:
    """Bytes by which each store grows over an epoch, and the bytes of all frames."""
    cache, _ = make_cache(folder, [500] * 400, num_mels=60)
    view = View(cache.identity.blocks)
    normalizer = Normalizer.identity(64)

    def growth(kind: type[MemoryStore] | type[MappedStore]) -> int:
        before = private_bytes()
        store = kind(cache, cache.ids, view, normalizer)
        for first in range(0, 400, 8):
            store.gather(np.arange(first, first + 8), np.zeros(8, np.int64), 500)
        return private_bytes() - before

    growth(MappedStore)  # what the first use of anything allocates
    return growth(MappedStore), growth(MemoryStore), 400 * 500 * 64 * 4


def private_bytes() -> int:
    """Memory of this process without the pages of mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024
