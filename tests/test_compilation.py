"""Compiled code: made once, by one process, never written to afterwards, and healed where it is broken."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audio_files import write_music

from music_affect.contracts.errors import InstallationError
from music_affect.system import compilation

PACKAGE = Path(compilation.__file__).parents[1]
EXTRACT = """
import logging
logging.basicConfig(format="%(message)s")
logging.getLogger("music_affect").setLevel(logging.INFO)
from pathlib import Path
from music_affect.features.extractor import AudioExtractor
print(AudioExtractor(beat=True)(Path("000.wav")).shape[1])
"""
# Where a process looks for compiled functions, after it has compiled one with a signature that no extraction has.
LATER = """
import librosa, numba, numpy
from music_affect.features import percussive, running_median
from music_affect.system import compilation
before = compilation._digests(compilation.folder())
librosa.util.count_unique(numpy.zeros((2, 3), numpy.int8))
for module in (librosa.util.utils, librosa.filters, librosa.beat, percussive, running_median):
    for value in vars(module).values():
        if isinstance(value, numba.core.registry.CPUDispatcher):
            print(value._cache.cache_path)
print(compilation._digests(compilation.folder()) == before)
print(compilation.folder())
"""


class Deadly:
    """What ends a process that unpickles it, as a cache does that two processes wrote."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (139,)


@pytest.fixture
def forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for compiled code, of which this process knows nothing yet."""
    monkeypatch.setenv("MUSIC_AFFECT_COMPILED", str(tmp_path / "compiled"))
    compilation.folder.cache_clear()
    yield tmp_path / "compiled"
    compilation.folder.cache_clear()


@pytest.fixture
def actions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the self test is asked to do; it does nothing but write a file, and says what it is told to."""
    done: list[str] = []

    def child(action: str, place: Path) -> str | None:
        done.append(action)
        if action == "compile":
            (place / "code.nbc").write_bytes(b"code")
            return None
        return None if (place / "code.nbc").read_bytes() == b"code" else "signal 11 ended it"

    monkeypatch.setattr(compilation, "_child", child)
    return done


def start(cwd: Path, code: str = EXTRACT, **environment: str) -> subprocess.Popen[str]:
    settings = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_at_once_and_a_third_from_empty_caches(tmp_path: Path) -> None:
    write_music(tmp_path, 1)
    own = {"MUSIC_AFFECT_COMPILED": str(tmp_path / "compiled"), "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    both = [start(tmp_path, **own) for _ in range(2)]
    told = [process.communicate() for process in both]
    assert [out.strip() for out, _ in told] == ["141", "141"]
    assert sum("Compiling" in err for _, err in told) == 1, "once a machine"
    out, err = start(tmp_path, **own).communicate()
    assert (out.strip(), err) == ("141", "")
    assert not (tmp_path / "numba").exists(), "a cache that others may write"


def test_others_caches_are_not_read_and_nothing_is_written_later(tmp_path: Path) -> None:
    for path in Path(os.environ["MUSIC_AFFECT_COMPILED"]).rglob("*.nb?"):
        planted = tmp_path / "numba" / path.parent.name / path.name
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_bytes(pickle.dumps(Deadly()))
    write_music(tmp_path, 1)
    own = {"NUMBA_CACHE_DIR": str(tmp_path / "numba"), "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    said, _ = start(tmp_path, EXTRACT + LATER, **own).communicate()  # the first of the session says that it compiles
    frames, *looked_into, unchanged, place = said.splitlines()
    assert (frames, unchanged) == ("141", "True")
    assert len(looked_into) > 5
    assert all(Path(one).is_relative_to(place) for one in looked_into), "everything stands in the folder"


def test_nothing_but_features_can_bring_the_compiler_along() -> None:
    """Whoever imports them has numba look into the folder; elsewhere librosa would be loaded without it."""

    def imported(path: Path) -> set[str]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        return {name.split(".")[0] for name in names}

    found = [path for path in PACKAGE.rglob("*.py") if {"librosa", "numba", "resampy"} & imported(path)]
    assert len(found) > 8
    assert [path for path in found if not path.is_relative_to(PACKAGE / "features")] == []


def test_a_whole_folder_is_made_once(forgotten: Path, actions: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    place = compilation.folder()
    assert place.parent == forgotten
    assert "Compiling" in capsys.readouterr().out
    compilation.folder.cache_clear()
    assert compilation.folder() == place
    assert actions == ["compile", "check"]
    assert capsys.readouterr().out == ""
    assert {path.name for path in forgotten.iterdir()} <= {place.name, f"{place.name}.lock"}, "nothing temporary"


@pytest.mark.parametrize("harm", ["cut", "added", "lost", "manifest"])
def test_a_folder_that_is_not_as_it_was_sealed_is_made_anew(forgotten: Path, actions: list[str], harm: str) -> None:
    place = compilation.folder()
    if harm == "added":
        (place / "other.nbi").touch()
    elif harm == "lost":
        (place / "code.nbc").unlink()
    else:
        (place / ("code.nbc" if harm == "cut" else compilation.MANIFEST)).write_bytes(b"co")
    compilation.folder.cache_clear()
    compilation.folder()
    assert actions == ["compile", "check"] * 2
    assert sorted(path.name for path in place.iterdir()) == ["code.nbc", compilation.MANIFEST]


def test_what_a_killed_process_left_counts_for_nothing(forgotten: Path, actions: list[str]) -> None:
    left = forgotten / f"{compilation._name()}-killed" / "new"
    left.mkdir(parents=True)
    (left / "code.nbc").write_bytes(b"half")
    assert compilation.folder().name == compilation._name()
    assert not left.exists()


def test_where_nothing_can_be_written_it_is_made_for_this_command(
    forgotten: Path, actions: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    forgotten.write_text("no folder")
    place = compilation.folder()
    told = capsys.readouterr().out
    assert "Compiled code cannot be kept" in told
    assert "set MUSIC_AFFECT_COMPILED" in told
    assert len(told.splitlines()) == 1
    assert os.environ["MUSIC_AFFECT_COMPILED"] == str(place.parent), "processes that it starts find it"
    assert (place / "code.nbc").is_file()


def test_a_sound_folder_is_not_made_anew_when_a_reader_ends(forgotten: Path, actions: list[str]) -> None:
    compilation.folder()
    compilation.heal()
    assert actions == ["compile", "check", "check"]


def test_a_folder_that_ends_processes_is_healed(forgotten: Path, actions: list[str]) -> None:
    place = compilation.folder()
    (place / "code.nbc").write_bytes(b"deadly")
    compilation.seal(place)
    compilation.heal()
    assert actions == ["compile", "check", "check", "compile", "check"]
    assert (place / "code.nbc").read_bytes() == b"code"


def test_what_cannot_be_healed_is_one_line(forgotten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "_child", lambda action, place: "signal 11 ended it")
    with pytest.raises(InstallationError, match=r"fails on this machine \(signal 11 ended it\); expected numba"):
        compilation.folder()
