"""Machine code of librosa's and our own inner loops: compiled once a machine, by one process, and then only read."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from music_affect.contracts.errors import InstallationError
from music_affect.system import files

VARIABLE = "MUSIC_AFFECT_COMPILED"  # names another folder than the first of ``_places``
MANIFEST = "manifest.json"  # written last: names and digests of all other files

NOT_WRITABLE = 74  # exit code of the self test, as in sysexits.h

_PATIENCE = 1800.0  # seconds
_PACKAGES = ("numba", "llvmlite", "librosa", "numpy")
_OTHER_SETTINGS = ("NUMBA_CACHE", "NUMBA_NUM_THREADS", "NUMBA_DEBUG_CACHE")  # those that do not change the code

log = logging.getLogger(__name__)


@cache
def folder() -> Path:
    """The folder with the machine code, compiled first where it is not whole.

    Raises:
        InstallationError: what was compiled does not run.
    """
    name, obstacles = _name(), []
    for place in _places():
        if _is_whole(place / name):
            return place / name
    for place in _places():
        try:
            return _made(place / name)
        except (OSError, NotImplementedError) as error:  # the second: a file system without locks
            obstacles.append(f"{place}: {error}")
    return _made_for_now(name, "; ".join(obstacles))


def heal() -> None:
    """Called when a process ended while it read a clip: compiles anew where the fault is not the clip's.

    Raises:
        InstallationError: what was compiled anew does not run either.
    """
    suspect = folder()
    try:
        with _locked(suspect):
            if _child("check", suspect):
                log.info(f"The machine code in {suspect} does not run; it is made anew.")
                _compile(suspect)
    except OSError as error:
        raise _broken(f"{error}") from error


def _places() -> Iterator[Path]:
    """Folders for compiled code, the best first. Code belongs to a machine, features may be kept far away from it."""
    if chosen := os.environ.get(VARIABLE):
        yield Path(chosen).expanduser()
        return
    with suppress(RuntimeError):  # no home
        yield Path("~/.cache/music_affect/compiled").expanduser()
    if features := os.environ.get("MUSIC_AFFECT_CACHE"):
        yield Path(features).expanduser() / "compiled"


def _name() -> str:
    """Of a folder: the processor, and a digest of everything else that the machine code depends on."""
    import llvmlite.binding as llvm  # type: ignore[import-untyped]

    facts = [sys.version, *(f"{name} {version(name)}" for name in _PACKAGES)]
    with suppress(RuntimeError):  # not known of every processor
        facts += sorted(feature for feature, there in llvm.get_host_cpu_features().items() if there)
    facts += sorted(f"{name}={value}" for name, value in os.environ.items() if _changes_code(name))
    digest = hashlib.sha256("\n".join(facts).encode())
    for source in _sources():
        digest.update(source)
    return f"{llvm.get_host_cpu_name()}-{digest.hexdigest()[:16]}"


def _changes_code(variable: str) -> bool:
    return variable.startswith("NUMBA_") and not variable.startswith(_OTHER_SETTINGS)


def _sources() -> Iterator[bytes]:
    """Content of all files with compiled functions, and of those that say which ones are compiled."""
    spec = find_spec("librosa")  # without importing it
    librosa = spec.submodule_search_locations if spec is not None else None
    for root in [*map(Path, librosa or ()), Path(__file__).parents[1] / "features"]:
        for path in sorted(root.rglob("*.py")):
            content = path.read_bytes()
            if b"numba" in content:
                yield content


def _is_whole(place: Path) -> bool:
    """Whether a folder holds what its manifest says, and nothing else."""
    try:
        return bool(files.read_json(place / MANIFEST) == _digests(place))
    except (OSError, ValueError):
        return False


def seal(place: Path) -> None:
    """Writes the manifest of a folder."""
    files.write_json(place / MANIFEST, _digests(place))


def _digests(place: Path) -> dict[str, str]:
    paths = sorted(path for path in place.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _made(place: Path) -> Path:
    with _locked(place):
        if not _is_whole(place):
            log.info("Compiling librosa's and our own inner loops, once a machine: about half a minute.")
            _compile(place)
    return place


def _made_for_now(name: str, obstacles: str) -> Path:
    """Compiled into a temporary folder, which the processes that this one starts find, too."""
    try:
        place = Path(tempfile.mkdtemp(prefix="music_affect-"))
    except OSError as error:
        raise _broken(f"{obstacles}; {error}") from error
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    os.environ[VARIABLE] = str(place)
    log.info(
        f"Compiled code cannot be kept ({obstacles}). Compiling librosa's and our own inner loops for this command "
        f"alone, about half a minute; set {VARIABLE} to a folder that can be written."
    )
    try:
        _compile(place / name)
    except OSError as error:
        raise _broken(f"{error}") from error
    return place / name


def _compile(place: Path) -> None:
    """Replaces a folder in one step by one whose content was loaded by a second process."""
    for left in place.parent.glob(f"{place.name}-*"):  # by a killed process
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    made = aside / "new"
    try:
        made.mkdir()
        for action in ("compile", "check"):
            if fault := _child(action, made):
                raise _broken(fault)
        seal(made)
        if place.exists():
            place.rename(aside / "old")
        made.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _child(action: str, place: Path) -> str | None:
    """Runs the self test in a process of its own; what went wrong, or None.

    Raises:
        OSError: the folder, or the one for temporary files, cannot be written.
    """
    command = [sys.executable, "-P", "-m", "music_affect.features.self_test", action, str(place)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"it did not end within {_PATIENCE / 60:.0f} minutes"
    last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
    if done.returncode == NOT_WRITABLE:
        raise OSError(last)
    if done.returncode < 0:
        return f"signal {-done.returncode} ended it"
    return last if done.returncode else None


def _locked(place: Path) -> AbstractContextManager[None]:
    busy = "Another process is compiling librosa's and our own inner loops; waiting for it."
    return files.held(place.parent / f"{place.name}.lock", busy)


def _broken(fault: str) -> InstallationError:
    return InstallationError(
        f"extracting features of a built-in signal fails on this machine ({fault})",
        expected="numba, librosa, soundfile and soxr to work",
        fix="install them anew (`make install` after removing .venv); `pip check` names versions that do not fit",
    )
