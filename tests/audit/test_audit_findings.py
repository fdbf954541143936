"""Every finding has a real cause in a real folder, and is absent without it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audit_files import diagnosis, labelled, notes, write_clips, write_table

from music_affect.contracts.spec import Continuous
from music_affect.data.audit.duplicates import Copies
from music_affect.data.audit.evidence import Evidence
from music_affect.data.audit.facts import Facts
from music_affect.data.audit.findings import ERROR, NOTE, WARNING, Finding
from music_affect.data.audit.label_findings import label_findings
from music_affect.data.source import Clip

Rows = list[dict[str, str]]
COUNT = 30


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that nothing is wrong with. Not to be changed."""
    folder = tmp_path_factory.mktemp("sound") / "music"
    write_table(folder, labelled(write_clips(folder, COUNT)))
    return folder


@pytest.fixture
def spoilt(sound: Path, tmp_path: Path) -> Callable[..., dict[str, Finding]]:
    """Findings about a copy of the folder after a change to its files and rows."""

    def findings(change: Callable[[Path, Rows], object], *words: str) -> dict[str, Finding]:
        folder = tmp_path / "music"
        shutil.copytree(sound, folder)
        rows = labelled([{"path": f"{number:03}.wav"} for number in range(COUNT)])
        change(folder, rows)
        write_table(folder, rows)
        return diagnosis(folder, *words)

    return findings


def write(folder: Path, number: int, audio: np.ndarray, rate: int = 8000, **options: str) -> None:
    soundfile.write(folder / f"{number:03}.wav", audio, rate, **options)


def distort(folder: Path, rows: Rows) -> None:
    write(folder, 3, np.clip(100 * notes(3, 1.5, 8000), -1, 1))


def hush(folder: Path, rows: Rows) -> None:
    audio = notes(3, 1.5, 8000)
    audio[3000:] = 0
    write(folder, 3, audio)


def every(rows: Rows, **cells: Callable[[int], str]) -> None:
    for number, row in enumerate(rows):
        row.update({name: value(number) for name, value in cells.items()})


CAUSES: dict[str, tuple[str, int, Callable[[Path, Rows], object]]] = {
    "missing": (WARNING, 1, lambda folder, rows: (folder / "003.wav").unlink()),
    "not audio": (WARNING, 1, lambda folder, rows: (folder / "003.wav").write_text("no audio" * 99)),
    "unreadable": (WARNING, 1, lambda folder, rows: (folder / "003.wav").write_bytes(bytes(range(128, 256)) * 99)),
    "empty": (WARNING, 1, lambda folder, rows: (folder / "003.wav").write_bytes(b"")),
    "truncated": (
        WARNING,
        1,
        lambda folder, rows: (folder / "003.wav").write_bytes((folder / "003.wav").read_bytes()[:20000]),
    ),
    "silent": (WARNING, 1, lambda folder, rows: write(folder, 3, np.zeros(12000))),
    "too short": (WARNING, 1, lambda folder, rows: write(folder, 3, notes(3, 0.5, 8000))),
    "not finite": (
        WARNING,
        1,
        lambda folder, rows: write(folder, 3, np.append(notes(3, 1.5, 8000), np.inf), subtype="FLOAT"),
    ),
    "many unusable clips": (ERROR, 2, lambda folder, rows: [(folder / f"00{n}.wav").unlink() for n in range(2)]),
    "no usable clip": (ERROR, COUNT, lambda folder, rows: [path.write_bytes(b"") for path in folder.glob("*.wav")]),
    "clipped": (WARNING, 1, distort),
    "mostly silent": (WARNING, 1, hush),
    "unlike lengths": (WARNING, 1, lambda folder, rows: write(folder, 3, notes(3, 4, 8000))),
    "several sample rates": (NOTE, 2, lambda folder, rows: write(folder, 3, notes(3, 1.5, 9000), 9000)),
    "several channel counts": (
        NOTE,
        2,
        lambda folder, rows: write(folder, 3, np.stack([notes(3, 1.5, 8000)] * 2, axis=1)),
    ),
    "same audio twice": (WARNING, 1, lambda folder, rows: shutil.copy(folder / "003.wav", folder / "007.wav")),
    "copies, other classes": (ERROR, 1, lambda folder, rows: shutil.copy(folder / "003.wav", folder / "005.wav")),
    "copies, values far apart": (WARNING, 1, lambda folder, rows: shutil.copy(folder / "003.wav", folder / "027.wav")),
    "no label": (WARNING, 1, lambda folder, rows: rows[3].update(genre="", energy="")),
    "no energy": (NOTE, 1, lambda folder, rows: rows[3].update(energy="")),
    "rare genre": (WARNING, 1, lambda folder, rows: every(rows, genre=lambda n: "folk" if n < 4 else "jazz")),
    "one group a genre": (
        WARNING,
        1,
        lambda folder, rows: [row.update(genre="folk", artist="one") for row in rows[:12]],
    ),
    "uneven genre": (WARNING, 2, lambda folder, rows: every(rows, genre=lambda n: "folk" if n < 2 else "jazz")),
    "few values of energy": (WARNING, 3, lambda folder, rows: every(rows, energy=lambda n: f"{n % 3}")),
    "constant energy": (ERROR, 1, lambda folder, rows: every(rows, energy=lambda n: "0.5")),
    "groups across splits": (
        ERROR,
        1,
        lambda folder, rows: every(rows, split=lambda n: "train" if n < 21 else "test"),
    ),
    "groups across folds": (ERROR, 1, lambda folder, rows: every(rows, fold=lambda n: "0" if n < 21 else "1")),
    "no test part": (WARNING, 1, lambda folder, rows: every(rows, split=lambda n: "train" if n < 20 else "val")),
    "no training part": (ERROR, 1, lambda folder, rows: every(rows, split=lambda n: "test")),
    "no split given": (
        WARNING,
        2,
        lambda folder, rows: every(rows, split=lambda n: ("", "train", "test")[min(n // 2, 2)]),
    ),
    "no fold given": (ERROR, 2, lambda folder, rows: every(rows, fold=lambda n: "" if n < 2 else f"{n // 2 % 3}")),
}


def test_nothing_is_found_where_nothing_is_wrong(sound: Path) -> None:
    assert diagnosis(sound) == {}


@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_is_found(name: str, spoilt: Callable[..., dict[str, Finding]]) -> None:
    severity, count, cause = CAUSES[name]
    finding = spoilt(cause)[name]
    assert (finding.severity, finding.count) == (severity, count)
    assert len(finding.examples) == (0 if "usable" in name else min(3, count))
    assert finding.advice.endswith(".")


def copied(folder: Path, rows: Rows) -> None:
    """A re-encoded copy of each of two long clips, one in the other split."""
    for number in (2, 3):
        audio = notes(number + 100, 8, 8000)
        write(folder, number, audio)
        soundfile.write(folder / f"copy{number}.ogg", 0.5 * audio, 8000, compression_level=0.9)
    every(rows, split=lambda n: "train" if n < 20 else "test")
    rows += [{**rows[2], "path": "copy2.ogg"}, {**rows[3], "path": "copy3.ogg", "split": "test"}]


def test_encoded_copies_are_found_and_told_louder_across_splits(spoilt: Callable[..., dict[str, Finding]]) -> None:
    findings = spoilt(copied)
    assert findings["re-encoded copies"].examples == ("copy2.ogg = 002.wav", "copy3.ogg = 003.wav")
    assert findings["copies across splits"].severity == ERROR
    assert findings["copies across splits"].examples == ("003.wav (train) = copy3.ogg (test)",)
    assert "copies, other classes" not in findings


def test_copies_in_other_folds_are_told_louder_too(spoilt: Callable[..., dict[str, Finding]]) -> None:
    def cause(folder: Path, rows: Rows) -> None:
        shutil.copy(folder / "000.wav", folder / "004.wav")
        every(rows, fold=lambda n: "0" if n < 2 else "1")

    assert spoilt(cause)["copies across splits"].examples == ("000.wav (fold 0) = 004.wav (fold 1)",)


def test_only_the_labels_of_the_task_are_looked_at(spoilt: Callable[..., dict[str, Finding]]) -> None:
    cause = CAUSES["constant energy"][2]
    assert spoilt(cause, "task=genre") == {}


def test_a_folder_without_labels_is_audited_too(tmp_path: Path) -> None:
    write_clips(tmp_path / "music", 3)
    findings = diagnosis(tmp_path / "music")
    assert list(findings) == ["no labels"]
    assert findings["no labels"].severity == NOTE


def test_values_outside_a_scale_are_found() -> None:
    clips = [Clip(str(n), Path(str(n)), {"energy": n / 10}) for n in range(12)]
    evidence = Evidence(clips, [Facts()] * 12, {"energy": Continuous(0.0, 1.0)}, Copies(list(range(12)), [False] * 12))
    (finding,) = label_findings(evidence)
    assert (finding.name, finding.severity, finding.examples) == ("energy out of range", ERROR, ("11: 1.1",))
