from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from music_affect.contracts.spec import Categorical, Continuous
from music_affect.data.cache.builder import open_or_build
from music_affect.data.cache.features import cache_folder
from music_affect.data.reader import ReadArrays
from music_affect.data.splits import SplitPlan, split_clips, straddling_groups
from music_affect.data.synthetic import SyntheticSource
from music_affect.features.extractor import AudioExtractor

GENRES = ("Blues", "Classical", "Electronic", "Folk", "Hip-Hop", "Jazz", "Metal", "Pop", "Rock", "Trip-Hop")
AFFECT = {"valence", "energy", "danceability"}


def tiny(corpus: Path) -> SyntheticSource:
    return SyntheticSource(corpus.parent, num_clips=40, seconds=3)


def test_description_makes_no_music(tmp_path: Path) -> None:
    source = SyntheticSource(tmp_path / "corpora")
    assert source.targets == {"genre": Categorical(GENRES), **dict.fromkeys(AFFECT, Continuous(0.0, 1.0))}
    assert source.synthetic
    assert (source.name, source.holds) == ("synthetic", "audio")
    assert not (tmp_path / "corpora").exists()


def test_settings_have_folders_of_their_own(tmp_path: Path) -> None:
    sources = [SyntheticSource(tmp_path), SyntheticSource(tmp_path, num_clips=40), SyntheticSource(tmp_path, seconds=3)]
    assert len({source.root for source in [*sources, SyntheticSource(tmp_path, seed=1)]}) == 4
    assert all(source.root.parent == tmp_path for source in sources)


def test_first_use_makes_the_corpus(tmp_path: Path) -> None:
    source = SyntheticSource(tmp_path / "corpora", num_clips=10, seconds=1)
    assert Counter(clip.labels["genre"] for clip in source.clips()) == dict.fromkeys(GENRES, 1)
    assert all(clip.path.is_file() for clip in source.clips())


def test_clips_come_with_labels_artists_parts_and_folds(tiny_corpus: Path) -> None:
    source = tiny(tiny_corpus)
    assert source.root == tiny_corpus
    clips = source.clips()
    assert len(clips) == 40
    for clip in clips:
        assert set(clip.labels) == {"genre", *AFFECT}
        assert all(0 <= float(clip.labels[name]) <= 1 for name in AFFECT)
        assert clip.group
        assert clip.fold in range(5)
    assert {clip.split for clip in clips} == {"train", "val", "test"}
    for plan in (SplitPlan(), SplitPlan(fold=2)):
        assert straddling_groups(split_clips(clips, "genre", plan)) == {}


@pytest.mark.parametrize("beat", [False, True])
def test_corpus_becomes_a_cache_of_features(tiny_corpus: Path, cache_root: Path, beat: bool) -> None:
    source, extractor = tiny(tiny_corpus), AudioExtractor(beat=beat)
    folder = cache_folder(cache_root, source.root, extractor.settings())
    cache = open_or_build(folder, source.clips(), extractor, ReadArrays(extractor), workers=1)
    assert cache.skipped == []
    assert cache.ids == [clip.id for clip in source.clips()]
    assert (cache.num_features, cache.identity.blocks) == (141, extractor.blocks)
    frames = 1 + 3 * 22050 // 512
    assert set(cache.lengths) == {frames} if not beat else 2 <= cache.lengths.min() <= cache.lengths.max() <= 15
    clip = source.clips()[17]
    exact = extractor(clip.path)
    np.testing.assert_allclose(cache.clip(clip.id), exact, rtol=1e-3, atol=1e-3)
    mel = np.concatenate([cache.clip(name) for name in cache.ids])[:, :128]
    assert -80 <= mel.min() < mel.max() <= 0
