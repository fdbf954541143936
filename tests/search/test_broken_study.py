"""The study of a stranger: its values never become words of a command line that the space could not give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("optuna")
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from music_affect.contracts.errors import RunFolderError
from music_affect.sweep.search.study import JOURNAL, opened

SPACE: dict[str, BaseDistribution] = {
    "model.net.width": CategoricalDistribution([8, 16]),
    "optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A study with two proposals."""
    with opened(tmp_path, SPACE, mode="max", seed=0, startup_trials=2) as study:
        next(study.batches(2, 2))
    return tmp_path / JOURNAL


@pytest.mark.parametrize("content", ["junk\n", "[]\n", '{"op_code": 99}\n', "[" * 100_000 + "\n"])
def test_a_damaged_study_is_one_line(content: str, journal: Path) -> None:
    journal.write_text(content)
    _refused(journal)


@pytest.mark.parametrize("value", [{"a": 1}, "x", -7, 10**9, None])
def test_values_that_the_space_cannot_give_are_refused(value: object, journal: Path) -> None:
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    place = next(number for number, line in enumerate(lines) if "param_value_internal" in line)
    lines[place]["param_value_internal"] = value
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    _refused(journal)


def test_choices_of_another_space_are_refused(journal: Path) -> None:
    journal.write_text(journal.read_text().replace("[8, 16]", r"[\"${oc.env:HOME}\", 16]"))
    _refused(journal)


def _refused(journal: Path) -> None:
    with (
        pytest.raises(RunFolderError, match=r"give this one another sweep\.name") as caught,
        opened(journal.parent, SPACE, mode="max", seed=0, startup_trials=2),
    ):
        pass
    assert "\n" not in str(caught.value)
