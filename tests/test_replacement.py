"""A run in the place of an older one: which of the two is there, whatever happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import compose

from music_affect.configuration import build
from music_affect.contracts.errors import TrainingError
from music_affect.runs import replacement
from music_affect.runs import state as run_state
from music_affect.runs import writer as run_writer
from music_affect.system import files
from music_affect.system.machine import FullDiskError

OURS = ("config.yaml", "metrics.json", "checkpoints/best.ckpt", "figures/clips/0.png", "evaluations/x-test/scores.json")
FOREIGN = ("notes.txt", "checkpoints/mine.ckpt", "figures/drawing.svg", "thesis/chapter.tex")


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A finished run, with files of the user's beside and among its own."""
    folder = tmp_path / "run"
    for name in (*OURS, *FOREIGN):
        files.write_text(folder / name, "older")
    files.write_json(folder / "status.json", {"state": "done"})
    return folder


def contents(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in found.items() if name != ".lock"}


def replaced(folder: Path, error: BaseException | None = None, *, begun: bool = True) -> None:
    config: dict[str, Any] = build.plain(compose("train"))
    with run_writer.claim(folder, config, resume=False, overwrite=True) as writer:
        files.write_text(folder / "metrics.json", "newer")
        if begun:
            writer.has_begun()
        if error is not None:
            raise error


def test_a_new_run_replaces_the_files_of_the_older_one_and_no_others(older: Path) -> None:
    replaced(older)
    found = contents(older)
    assert set(found) == {"config.yaml", "metrics.json", "status.json", *FOREIGN}
    assert found["metrics.json"] == "newer"
    assert {found[name] for name in FOREIGN} == {"older"}


@pytest.mark.parametrize(
    "error", [TrainingError("no", expected="yes", fix="try"), KeyboardInterrupt(), OSError(28, "")]
)
def test_a_run_that_ends_before_it_has_begun_leaves_the_older_one(
    older: Path, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(older)
    with pytest.raises((TrainingError, KeyboardInterrupt, FullDiskError)):
        replaced(older, error, begun=False)
    assert contents(older) == before
    assert "was put back" in capsys.readouterr().err


def test_a_run_that_has_begun_has_replaced_the_older_one(older: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        replaced(older, KeyboardInterrupt())
    assert contents(older)["metrics.json"] == "newer"
    assert run_state.state(older).name == "cut off"


def test_wherever_a_kill_comes_one_whole_run_is_left(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rename and removal of the exchange is killed once; then the next command comes."""
    before, kills = contents(older), 0
    while True:
        with monkeypatch.context() as patch:
            killed_at(kills, patch)
            try:
                replacement.set_aside(older)
                files.write_text(older / "metrics.json", "newer")
                replacement.put_back(older)
                done = True
            except Killed:
                done = False
        replacement.put_back(older)
        assert contents(older) == before, f"killed at step {kills}"
        if done:
            break
        kills += 1
    assert kills > len(OURS)


def test_a_kill_while_the_older_run_is_removed_leaves_the_newer_one(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replacement.set_aside(older)
    files.write_text(older / "metrics.json", "newer")
    with monkeypatch.context() as patch:
        patch.setattr("music_affect.runs.replacement.shutil.rmtree", _killed)
        with pytest.raises(Killed):
            replacement.let_go(older)
    replacement.put_back(older)
    assert set(contents(older)) == {"metrics.json", *FOREIGN}


class Killed(BaseException):
    pass


def _killed(*_: object, **__: object) -> None:
    raise Killed


def killed_at(step: int, patch: pytest.MonkeyPatch) -> None:
    left = iter([False] * step + [True])

    def counted(name: str) -> None:
        real = getattr(Path, name)

        def call(path: Path, *words: Any, **more: Any) -> Any:
            if next(left, False):
                raise Killed
            return real(path, *words, **more)

        patch.setattr(Path, name, call)

    for name in ("rename", "unlink"):
        counted(name)


def test_links_are_not_followed(older: Path, tmp_path: Path) -> None:
    precious = tmp_path / "elsewhere"
    files.write_text(precious / "last.ckpt", "precious")
    for path in (older / "checkpoints").iterdir():
        path.unlink()
    (older / "checkpoints").rmdir()
    (older / "checkpoints").symlink_to(precious)
    replaced(older)
    assert (precious / "last.ckpt").read_text() == "precious"
    assert not (older / "checkpoints").exists()
