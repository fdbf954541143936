"""The training benchmark measures what it says; no test depends on how fast this machine is."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.table import Table

from benchmarks.epochs import DATA, FRAMES, LAB_FRAMES, ClipFiles, Turn, contest, epoch_starts
from benchmarks.training import epoch_table, parse_arguments
from music_affect.data.sampling import TrainingSampler

CLIPS = 20


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


def rows(table: Table) -> list[list[str]]:
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


@pytest.mark.parametrize("model", DATA)
def test_turn_times_every_side_and_fills_a_row(model: str, root: Path) -> None:
    turn = contest(model, root, CLIPS, epochs=1).turn()
    assert all(math.isfinite(seconds) and seconds > 0 for seconds in turn)
    (row,) = rows(epoch_table({model: [turn]}))
    assert row[0] == model
    assert len(row) == 8
    assert all(math.isfinite(float(cell.rstrip("%"))) for cell in row[1:])


def test_leaves_the_process_without_deterministic_algorithms(root: Path) -> None:
    contest("lstm", root, CLIPS, epochs=1).turn()
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("model", DATA)
def test_sides_are_given_the_same_clips(model: str, root: Path) -> None:
    sides = contest(model, root, CLIPS, epochs=1)
    ready, files = list(sides.ready), list(sides.files)
    assert [sum(len(labels) for *_, labels in batches) for batches in (ready, files)] == [CLIPS, CLIPS]
    shares = [torch.cat([labels for *_, labels in batches]).bincount() for batches in (ready, files)]
    assert torch.equal(*shares)
    longest = max(np.load(path).shape[1] for path in (root / sides.cfg.data.source.folder).rglob("*.npy"))
    assert sides.lab_frames == files[0][0].shape[1] == min(LAB_FRAMES, longest)
    assert longest <= FRAMES[DATA[model]][1]


def test_clip_files_pad_with_zeros_and_cut(tmp_path: Path) -> None:
    for frames in (3, 9):
        np.save(tmp_path / f"{frames}.npy", np.full((140, frames), -7.0))
    files = ClipFiles([tmp_path / "3.npy", tmp_path / "9.npy"], np.array([4, 5]), frames=5)
    (short, length, label), (long, cut, _) = files[0], files[1]
    assert short.shape == long.shape == (5, 140)
    assert (int(length), int(label), int(cut)) == (3, 4, 5)
    assert torch.equal(short[:3], torch.full((3, 140), -7.0))
    assert not short[3:].any()


def test_table_takes_medians_of_ratios_within_turns() -> None:
    turns = [Turn(2, 1, 4, 1, 1), Turn(30, 10, 15, 3, 3), Turn(8, 2, 8, 4, 4)]
    assert rows(epoch_table({"lstm": turns})) == [["lstm", "8.000", "2.000", "8.000", "3.00", "1.00", "50.0%", "25.0%"]]


def test_epoch_starts_notes_each_epoch_and_still_sets_it() -> None:
    sampler = TrainingSampler(np.array([5, 5, 5]), batch_size=1, crop_frames=None, seed=0)
    first = [int(plan.clips[0]) for plan in sampler]
    with epoch_starts() as starts:
        sampler.set_epoch(3)
        sampler.set_epoch(4)
    later = TrainingSampler(np.array([5, 5, 5]), batch_size=1, crop_frames=None, seed=0)
    later.set_epoch(4)
    assert len(starts) == 2
    assert starts[0] <= starts[1]
    assert [plan.seed for plan in sampler] == [plan.seed for plan in later]
    assert sorted(first) == [0, 1, 2]


@pytest.mark.parametrize("words", [["--clips", "5"], ["--epochs", "0"], ["--repeats", "0"], ["--models", "rnn"]])
def test_refuses_what_cannot_be_measured(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["training", *words])
    with pytest.raises(SystemExit) as stop:
        parse_arguments()
    assert stop.value.code == 2
    assert "error" in capsys.readouterr().err
