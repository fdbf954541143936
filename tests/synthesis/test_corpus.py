import csv
import json
import multiprocessing
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from music_affect.contracts.errors import CacheError, ConfigurationError
from music_affect.data.synthesis.corpus import make_corpus

GENRES = ["Blues", "Classical", "Electronic", "Folk", "Hip-Hop", "Jazz", "Metal", "Pop", "Rock", "Trip-Hop"]


def make(root: Path, workers: int = 1, num_clips: int = 40, seed: int = 0) -> Path:
    return make_corpus(root, num_clips=num_clips, seconds=3.0, seed=seed, workers=workers, progress=False)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def rows_of(root: Path) -> list[dict[str, str]]:
    with (root / "labels.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("synthetic") / "corpus")


def test_two_workers_write_the_same_bytes_as_one(corpus: Path, tmp_path: Path) -> None:
    assert contents(make(tmp_path / "two", workers=2)) == contents(corpus)


def test_another_seed_gives_other_music_and_other_labels(corpus: Path, tmp_path: Path) -> None:
    other = contents(make(tmp_path / "other", seed=1, num_clips=20))
    mine = contents(corpus)
    assert not any(other[name] == mine[name] for name in other if name.endswith((".flac", ".csv")))


def test_table_has_every_clip_with_its_columns(corpus: Path) -> None:
    rows = rows_of(corpus)
    assert list(rows[0]) == ["path", "id", "genre", "artist", "split", "fold", "valence", "energy", "danceability"]
    assert [row["path"] for row in rows] == [f"clips/{index:04d}.flac" for index in range(40)]
    assert [row["id"] for row in rows] == [f"{index:04d}" for index in range(40)]
    assert Counter(row["genre"] for row in rows) == dict.fromkeys(GENRES, 4)
    values = [row[name] for row in rows for name in ("valence", "energy", "danceability")]
    assert all(0.0 <= float(value) <= 1.0 and len(value.split(".")[1]) == 4 for value in values)


def test_every_genre_is_in_every_split_and_artists_never_straddle(corpus: Path) -> None:
    rows = rows_of(corpus)
    for genre in GENRES:
        assert {row["split"] for row in rows if row["genre"] == genre} == {"train", "val", "test"}
    places = defaultdict(set)
    for row in rows:
        places[row["artist"]].add((row["genre"], row["split"], row["fold"]))
    assert all(len(place) == 1 for place in places.values())
    assert {row["fold"] for row in rows} == {"0", "1", "2", "3", "4"}


def test_audio_is_finite_audible_and_never_clipped(corpus: Path) -> None:
    for row in rows_of(corpus):
        audio, rate = soundfile.read(corpus / row["path"], dtype="float32")
        info = soundfile.info(corpus / row["path"])
        assert (rate, info.channels, info.format, info.subtype) == (22050, 1, "FLAC", "PCM_16")
        assert audio.shape == (3 * 22050,)
        assert np.isfinite(audio).all()
        assert 0.1 < np.abs(audio).max() < 0.95
        assert audio.std() > 0.01


def test_second_call_touches_nothing(corpus: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*")}
    assert make(corpus) == corpus
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*")} == before


def test_interrupted_corpus_is_completed_and_finished_clips_are_kept(corpus: Path, tmp_path: Path) -> None:
    partial = make(tmp_path / "partial")
    (partial / "labels.csv").unlink()
    (partial / "clips" / "0007.flac").unlink()
    (partial / "clips" / ".0030.tmp-abcdefgh.flac").write_bytes(b"half a file")
    kept = (partial / "clips" / "0008.flac").stat().st_mtime_ns
    make(partial)
    assert contents(partial) == contents(corpus)
    assert (partial / "clips" / "0008.flac").stat().st_mtime_ns == kept


def test_two_processes_at_once_leave_one_good_corpus(corpus: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    calls = [context.Process(target=make, args=(tmp_path / "shared",)) for _ in range(2)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert [call.exitcode for call in calls] == [0, 0]
    assert contents(tmp_path / "shared") == contents(corpus)


def test_other_parameters_in_the_same_folder_are_refused(corpus: Path) -> None:
    with pytest.raises(CacheError, match=r"holds another corpus .*'num_clips': 40.*'num_clips': 50.*choose another"):
        make(corpus, num_clips=50)


def test_a_users_own_labels_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,genre\nmine.wav,Rock\n")
    with pytest.raises(CacheError, match=r"no readable corpus\.json"):
        make(tmp_path)
    assert contents(tmp_path) == {"labels.csv": b"path,genre\nmine.wav,Rock\n"}


def test_too_few_clips_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"num_clips=9.*at least 10 clips"):
        make(tmp_path / "small", num_clips=9)
    assert not (tmp_path / "small").exists()


def test_corpus_describes_itself(corpus: Path) -> None:
    assert json.loads((corpus / "corpus.json").read_text()) == {
        "version": 1,
        "num_clips": 40,
        "seconds": 3.0,
        "seed": 0,
    }
    assert "no person plays or sings" in (corpus / "README.txt").read_text()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"cannot be written \(Not a directory\); expected .* MUSIC_AFFECT_CACHE"):
        make(tmp_path / "file" / "corpus")
