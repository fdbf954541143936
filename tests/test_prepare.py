"""Features made ahead of training: every kind in one pass, what is told of it, and what later runs find."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_files import RATE, music, write_music
from running import compose, entry_point, opened_cache

from music_affect.contracts.errors import ConfigurationError, DataNotFoundError
from music_affect.data.cache.work import BuildSummary
from music_affect.features.extractor import AudioExtractor
from music_affect.prepare import main, prepare
from music_affect.system import files

KINDS = ("full", "beat", "mfcc", "melgram")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MUSIC_AFFECT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Someone's music: folders, formats, and files that cannot be used."""
    root = tmp_path / "My Music"
    write_music(root / "Björk (live)", 2)
    write_music(root / "ogg", 1, suffix=".ogg")
    soundfile.write(root / "stereo.flac", np.stack([music(7), music(8)], axis=1), 44100)
    soundfile.write(root / "silence.wav", np.zeros(3 * RATE), RATE)
    soundfile.write(root / "blip.wav", music(9, seconds=0.3), RATE)
    (root / "notes.mp3").write_text("these are no sounds")
    return root


def made(library: Path, *words: str) -> BuildSummary:
    return prepare(compose("prepare", "data=folder", f"data.root={library}", "workers=1", *words))


def test_one_call_makes_what_every_run_needs(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = made(library, f"variants=[{','.join(KINDS)}]")
    assert (account.clips, account.made, account.skipped) == (7, 4, {"silent": 1, "too short": 1, "not audio": 1})
    told = " ".join(capsys.readouterr().out.split())
    assert "4 of 7 clips made, 0 done before, 3 left out (" in told
    assert " times real time. full: 4 clips, 3 left out (see skipped.csv), " in told
    full = opened_cache(library, "folder")
    assert full.ids == ["Björk (live)/000.wav", "Björk (live)/001.wav", "ogg/000.ogg", "stereo.flac"]
    assert opened_cache(library, "folder_beat").ids == full.ids
    assert opened_cache(library, "folder", "features=mfcc").lengths.tolist() == [3, 3, 3, 1]
    assert opened_cache(library, "folder", "features=melgram").lengths.tolist() == [63, 63, 63, 21]
    exact = AudioExtractor()(library / "ogg" / "000.ogg")
    np.testing.assert_array_equal(full.clip("ogg/000.ogg"), exact.astype(np.float16))


def test_variants_made_one_by_one_are_the_same(library: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(library, "variants=[full,beat]")
    together = {path.name: path.read_bytes() for path in own_cache.rglob("frames.f16")}
    monkeypatch.setenv("MUSIC_AFFECT_CACHE", str(own_cache.parent / "other"))
    made(library, "variants=[beat]")
    account = made(library, "variants=[full,beat]")
    assert account.made == 4  # each file was read for the variant that it lacked
    assert {path.name: path.read_bytes() for path in (own_cache.parent / "other").rglob("frames.f16")} == together


def test_second_call_reads_nothing_and_a_changed_file_is_read_alone(library: Path) -> None:
    made(library)
    again = made(library)
    assert (again.made, again.present) == (0, 7)
    soundfile.write(library / "silence.wav", music(3), RATE)
    soundfile.write(library / "new.wav", music(4), RATE)
    mended = made(library)
    assert (mended.made, mended.present, mended.skipped.total()) == (2, 6, 0)
    assert len(opened_cache(library, "folder").ids) == 6


@pytest.mark.parametrize(
    ("words", "frames"),
    [
        (["data.selection.position=start", "data.selection.seconds=1"], 44),
        (["data.selection.position=spread", "data.selection.seconds=1", "data.selection.windows=2"], 88),
        (["data.selection.position=spread", "data.selection.seconds=1", "data.selection.windows=9"], 132),
        (["data.selection.position=whole"], 130),
    ],
)
def test_part_of_a_file_that_is_used_has_a_cache_of_its_own(library: Path, words: list[str], frames: int) -> None:
    made(library, "variants=[full]", *words)
    cache = opened_cache(library, "folder", *words)
    assert cache.lengths[cache.position["ogg/000.ogg"]] == frames
    if "data.selection.position=start" in words:
        exact = AudioExtractor().extract(soundfile.read(library / "ogg" / "000.ogg", dtype="float32")[0][:RATE])
        np.testing.assert_allclose(cache.clip("ogg/000.ogg"), exact, atol=0.04)


def test_windows_of_a_track_stay_one_clip(library: Path) -> None:
    """They can then never stand in two parts, and their answers are averaged like those of any clip."""
    words = ["data.selection.position=spread", "data.selection.seconds=1", "data.selection.windows=3"]
    made(library, "variants=[full]", *words)
    cache = opened_cache(library, "folder", *words)
    assert cache.ids == ["Björk (live)/000.wav", "Björk (live)/001.wav", "ogg/000.ogg", "stereo.flac"]
    audio = soundfile.read(library / "Björk (live)" / "000.wav", dtype="float32")[0]
    exact = np.concatenate([AudioExtractor().extract(second) for second in audio.reshape(3, RATE)])
    np.testing.assert_array_equal(cache.clip("Björk (live)/000.wav"), exact.astype(np.float16))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["shards=2"], "shards=2 without the number of this one; expected shard=0 to shard=1"),
        (["shards=2", "shard=2"], "shard=2 of shards=2; expected a whole number from 0 to 1"),
        (["data.selection.position=end"], "position=end"),
        (["data.selection.windows=0"], "windows=0"),
        (["data.selection.position=spread", "data.selection.windows=2.5"], "windows=2.5"),
        (["data.selection.seconds=-1"], "seconds=-1"),
        (["data.selection.seconds=long"], "seconds=long"),
        (["data.selection.seconds=0.5"], "data.selection.seconds=0.5 with features.extraction.min_seconds=1.0;"),
    ],
)
def test_settings_without_a_meaning_are_refused(library: Path, words: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"; expected ") as caught:
        made(library, *words)
    assert told in str(caught.value)


def test_two_variants_that_are_the_same_features_are_made_once(library: Path, own_cache: Path) -> None:
    assert made(library, "features=mfcc", "variants=[full,mfcc]").made == 4
    assert len(list((own_cache / "features").iterdir())) == 1


def test_nothing_usable_is_an_error(tmp_path: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.wav").write_bytes(b"no audio")
    with pytest.raises(
        DataNotFoundError,
        match=r"none of the 1 clips can be used for full features \(1 not audio\), such as .a.wav. .*no audio",
    ):
        prepare(compose("prepare", "data=folder", f"data.root={tmp_path / 'music'}", "workers=1"))
    assert "0 of 1 clips made, 0 done before, 1 left out (1 not audio)" in capsys.readouterr().out


def test_a_real_process_makes_a_cache_in_two_processes_and_reports(
    tmp_path: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_music(tmp_path / "music", 48, seconds=1.5)
    (tmp_path / "music" / "broken.ogg").write_bytes(os.urandom(3000))
    words = ["data=folder", f"data.root={tmp_path / 'music'}", "workers=2"]
    done = entry_point("prepare", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "48 of 49 clips made, 0 done before, 1 left out (1 unreadable); 0.02 h of audio in " in done.stdout
    (report, *_) = own_cache.rglob("skipped.csv")
    assert [row["id"] for row in files.read_csv(report)] == ["broken.ogg"]
    prepare(compose("prepare", *words))
    assert "0 of 49 clips made, 49 done before (1 of them unusable), none left out." in capsys.readouterr().out


def test_nothing_there_is_an_error_in_one_line(tmp_path: Path) -> None:
    done = entry_point("prepare", "data=folder", f"data.root={tmp_path / 'nowhere'}", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1


def swept(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """``python -m music_affect.prepare -m`` in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["prepare", "-m", "data=folder", "variants=[full]", "workers=1", *words])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_a_share_that_is_none_is_refused_before_the_first_one_is_made(
    library: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert swept(monkeypatch, f"data.root={library}", "shards=3", "shard=range(0,4)") == 1
    told = "error: shard=3 of shards=3; expected a whole number from 0 to 2; correct one of them.\n"
    assert capsys.readouterr().err == told
    assert [path for path in tmp_path.iterdir() if path != library] == []


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=joblib", "hydra.launcher.n_jobs=1"]])
def test_a_refused_job_of_several_is_told_in_one_line_and_the_others_are_done(
    library: Path,
    tmp_path: Path,
    launcher: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert swept(monkeypatch, f"data.root='{tmp_path / 'nowhere'}','{library}'", *launcher) == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("error: no table of labels at ")
    assert not any("Traceback" in line for line in told)
    assert (len(told) == 1) == (not launcher)  # Hydra adds which job of a launcher it was
    assert len(opened_cache(library, "folder").ids) == 4


def test_sweeps_that_cannot_be_recorded_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert swept(monkeypatch, "shards=2", "shard=0,1", f"paths.sweeps={tmp_path / 'file'}") == 1
    assert capsys.readouterr().err.endswith("expected a writable place; set hydra.sweep.dir to one.\n")


@pytest.mark.skipif(sys.platform != "linux", reason="signals a group of processes")
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_stopped_halfway_the_same_command_goes_on(tmp_path: Path, own_cache: Path, ended_by: signal.Signals) -> None:
    write_music(tmp_path / "music", 100, seconds=1.2)
    words = ["data=folder", f"data.root={tmp_path / 'music'}", "workers=1"]
    command = [sys.executable, "-m", "music_affect.prepare", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=tmp_path)
    end = time.monotonic() + 120
    while sum(path.read_bytes().count(b"\n") for path in own_cache.rglob("journal.jsonl")) < 10:
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)
    os.killpg(process.pid, ended_by)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == (130 if ended_by == signal.SIGINT else -signal.SIGKILL)
    if ended_by == signal.SIGINT:
        assert told == "Interrupted; what was finished is kept. Run the same command to go on.\n"
    account = made(tmp_path / "music")
    assert 0 < account.present < 100
    assert account.made + account.present == 100
    extract = AudioExtractor()
    cache = opened_cache(tmp_path / "music", "folder")
    for name in cache.ids[::9]:
        np.testing.assert_array_equal(cache.clip(name), extract(tmp_path / "music" / name).astype(np.float16))
