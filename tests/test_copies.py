"""Identical copies are known under any file, folder or data set name, and said aloud wherever a score is told."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from audio_files import RATE, music
from running import compose

from music_affect.ensemble import ensemble, print_table
from music_affect.evaluate import evaluate
from music_affect.system import console
from music_affect.train import train

BRIEF = ["model=mlp", "features=mel", "trainer=smoke", "workers=1"]
GENRES = ("Blues", "Jazz", "Rock")
Row = dict[str, Any]


def write_folder(root: Path, rows: Iterable[Row]) -> Path:
    """A table of clips and their files; ``music`` is the number of what is heard, and no column."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row if name != "music"))
    (root / "clips").mkdir(parents=True)
    with (root / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        soundfile.write(root / row["path"], music(row["music"], 2.0), RATE)
    return root


def songs(numbers: Iterable[int], prefix: str, **columns: str) -> list[Row]:
    return [
        {"path": f"clips/{prefix}{number}.wav", "genre": GENRES[number % 3], "music": number, **columns}
        for number in numbers
    ]


def run(folder: Path, root: Path, *words: str) -> dict[str, Any]:
    return train(compose("train", "data=folder", f"data.root={root}", *BRIEF, *words), folder)


def messages(content: dict[str, Any]) -> dict[str, str]:
    return {alarm["name"]: alarm["message"] for alarm in content["alarms"]}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prescribed test part of copies under other names; two training clips are one, with unlike labels."""
    folder = tmp_path_factory.mktemp("copied")
    rows = [*songs(range(11), "a", split="train"), {**songs([10], "b", split="train")[0], "genre": "Rock"}]
    return write_folder(folder / "music", [*rows, *songs(range(9), "c", split="test")])


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An undivided folder of 18 songs, and a run on it."""
    folder = tmp_path_factory.mktemp("honest")
    root = write_folder(folder / "music", songs(range(18), ""))
    metrics = run(folder / "run", root)
    assert "copies across parts" not in messages(metrics)
    return root, folder / "run"


def test_a_test_part_of_copies_is_an_alarm_wherever_the_score_is_told(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "9 of 9 test clips are identical copies of training clips: the score says how well the model remembers"
    metrics = run(tmp_path / "run", copied)
    assert messages(metrics)["copies across parts"].startswith(told)
    before, _, after = capsys.readouterr().out.partition("epoch 1/2")
    assert told in before
    assert told in after
    assert "1 of 21 clips: identical copies of another clip of their part." in before
    assert "2 of 21 clips: identical copies with unlike labels." in before
    assert told in (tmp_path / "run" / "report.md").read_text()
    scored = evaluate(compose("evaluate", f"checkpoint={tmp_path / 'run'}", "accelerator=cpu"))
    assert messages(scored)["leaked checkpoint"].startswith("the checkpoint was trained on 9 of these 9 clips")
    console.print_scores(console.make(), scored)
    assert "ALARM leaked checkpoint: the checkpoint was trained on 9 of these 9 clips" in capsys.readouterr().out
    together = ensemble([tmp_path / "run"], tmp_path / "out")
    assert any(alarm["message"].startswith(told) for alarm in together["alarms"])
    print_table(together)
    assert f"ALARM copies across parts: {told}" in capsys.readouterr().out


def test_a_moved_and_renamed_folder_is_known_by_its_sound(honest: tuple[Path, Path], tmp_path: Path) -> None:
    root, folder = honest
    moved = write_folder(tmp_path / "renamed", [{"path": "clips/other.wav", "genre": "Rock", "music": 99}])
    rows = [f"clips/new{number}.wav,{GENRES[number % 3]}" for number in range(18)]
    for number in range(18):
        shutil.copy(root / f"clips/{number}.wav", moved / f"clips/new{number}.wav")
    (moved / "labels.csv").write_text("\n".join(["path,genre", "clips/other.wav,Rock", *rows, ""]))
    scored = evaluate(
        compose("evaluate", f"checkpoint={folder}", "data=folder", f"data.root={moved}", "accelerator=cpu")
    )
    assert scored["trained_on"] == 14
    assert messages(scored)["leaked checkpoint"].startswith("the checkpoint was trained on 14 of these 19 clips")


def test_copies_in_a_second_data_set_are_known(honest: tuple[Path, Path], tmp_path: Path) -> None:
    numbers = [*range(4), *range(30, 40)]
    other = write_folder(tmp_path / "other", songs(numbers[:4], "x", split="test") + songs(numbers[4:], "y"))
    words = ["data@also=folder", f"also.root={other}"]
    metrics = run(tmp_path / "both", honest[0], *words)
    leaked = messages(metrics)["copies across parts"]
    assert "test clips are identical copies of training clips" in leaked
    start = run(tmp_path / "next", other, f"start_from={honest[1]}")
    count, of = (int(word) for word in messages(start)["leaked start"].split() if word.isdigit())
    assert 1 <= count <= 4
    assert of == start["clips"]["test"] == 4


def test_tasks_on_one_folder_test_the_same_clips_and_start_from_one_another(tmp_path: Path) -> None:
    rows = songs(range(24), "")
    for number, row in enumerate(rows):
        row["genre"] = row["genre"] if number % 5 else ""
        row |= {"valence": f"{number * 7 % 24 / 24}", "danceability": f"{number * 5 % 24 / 24}" if number % 4 else ""}
    root = write_folder(tmp_path / "music", rows)
    scales = ["task=affect", "task.targets=[valence,danceability]"]
    tasks = {"genre": [], "affect": scales, "joint": ["task=joint", scales[1]], "danceability": ["task=danceability"]}
    parts: dict[str, dict[str, set[str]]] = {}
    start: list[str] = []
    for task, words in tasks.items():
        metrics = run(tmp_path / task, root, *words, *start)
        assert not {"leaked start", "copies across parts"} & messages(metrics).keys(), task
        with (tmp_path / task / "predictions.csv").open() as stream:
            tested = {row["id"] for row in csv.DictReader(stream) if row["split"] == "test"}
        parts[task] = tested
        scored = evaluate(compose("evaluate", f"checkpoint={tmp_path / task}", "accelerator=cpu"))
        assert scored["scores"] == metrics["test"]
        assert (scored["trained_on"], scored["alarms"]) == (0, [])
        start = [f"start_from={tmp_path / task}"]
    assert parts["affect"] == parts["joint"], "every clip has a valence"
    assert parts["genre"] == {name for name in parts["affect"] if rows[int(Path(name).stem)]["genre"]}
    assert parts["danceability"] == {name for name in parts["affect"] if rows[int(Path(name).stem)]["danceability"]}
