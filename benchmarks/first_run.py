"""Whether features can be extracted the first time: by two commands at once, and beside caches that are broken.

    python -m benchmarks.first_run --rounds 10
    python -m benchmarks.first_run --rounds 10 --spoil-environment

Every command is ``prepare`` with two reader processes, and a round has a home and caches of its own. It counts where
all of its commands end well and leave no clip out.

- empty: nothing is compiled yet; two commands at once, and then a third.
- broken: ``NUMBA_CACHE_DIR`` (and with ``--spoil-environment`` librosa's own folder, until the end) holds machine code
  that ends every process which loads it, and our own folder is cut short, has a stranger's file, or is sealed with
  such code; two commands at once, and then a third.
"""

from __future__ import annotations

import argparse
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from music_affect.system.compilation import seal

CLIPS, SECONDS, RATE = 48, 2, 22050
PLAIN = "import librosa, numpy; librosa.beat.beat_track(y=numpy.random.default_rng(0).random(50000, numpy.float32))"


class Deadly:
    """What ends a process that unpickles it."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (139,)


def write_music(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number in range(CLIPS):
        noise = np.random.default_rng(number).standard_normal(SECONDS * RATE) * (np.arange(SECONDS * RATE) % 9000 < 900)
        soundfile.write(folder / f"{number:02d}.wav", 0.2 * noise, RATE)
    return folder


def start(music: Path, cache: Path, home: Path, numba: Path) -> subprocess.Popen[str]:
    """``prepare`` in a process of its own, with these folders and no others."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("MUSIC_AFFECT", "NUMBA"))}
    settings |= {"HOME": str(home), "MUSIC_AFFECT_CACHE": str(cache), "NUMBA_CACHE_DIR": str(numba)}
    words = ["data=folder", f"data.root={music}", "data.source.labels=null", "variants=[beat]", "workers=2"]
    command = [sys.executable, "-m", "music_affect.prepare", *words]
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def went_well(process: subprocess.Popen[str]) -> bool:
    told, _ = process.communicate()
    good = process.returncode == 0 and f"{CLIPS} of {CLIPS} clips made" in told and "none left out" in told
    if not good:
        print(f"exit code {process.returncode}\n{told}", file=sys.stderr)
    return good


def play(music: Path, folder: Path, home: Path, numba: Path) -> bool:
    """Two commands at once, then a third, each with a feature cache of its own."""
    both = [start(music, folder / f"cache-{number}", home, numba) for number in range(2)]
    good = [went_well(process) for process in both]
    return all([*good, went_well(start(music, folder / "cache-2", home, numba))])


def spoil(folder: Path, share: int = 1) -> None:
    """Replaces machine code, all of it or every second file."""
    for path in sorted(folder.rglob("*.nbc"))[::share]:
        path.write_bytes(pickle.dumps(Deadly()))


def compiled(home: Path) -> Path:
    (place,) = (path.parent for path in home.rglob("manifest.json"))
    return place


def cut(home: Path) -> None:
    for path in sorted(compiled(home).rglob("*.nb?"))[::2]:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def meddle(home: Path) -> None:
    spoil(compiled(home), share=2)
    (compiled(home) / "librosa.beat" / "other.nbi").write_bytes(b"?")


def seal_deadly(home: Path) -> None:
    spoil(compiled(home))
    seal(compiled(home))


WAYS: tuple[Callable[[Path], None], ...] = (cut, meddle, seal_deadly)


@contextmanager
def spoilt_caches(folder: Path, environment: bool) -> Iterator[Path]:
    """A cache of numba's in which plain librosa cannot live; in librosa's own folder too, for the time of the block."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    subprocess.run([sys.executable, "-c", PLAIN], env=settings | {"NUMBA_CACHE_DIR": str(folder)}, check=True)
    spoil(folder)
    spec = find_spec("librosa")
    assert spec is not None
    librosa = Path(spec.origin or "").parent
    try:
        if environment:
            subprocess.run([sys.executable, "-c", PLAIN], env=settings, check=True)
            spoil(librosa)
            assert subprocess.run([sys.executable, "-c", PLAIN], env=settings, check=False).returncode
        dead = subprocess.run(
            [sys.executable, "-c", PLAIN], env=settings | {"NUMBA_CACHE_DIR": str(folder)}, check=False
        )
        assert dead.returncode, "the planted cache is harmless"
        yield folder
    finally:
        if environment:
            for path in librosa.rglob("*.nb[ci]"):
                path.unlink()


def repeat(kind: str, rounds: int, each: Callable[[int], bool]) -> tuple[str, str, str, str]:
    """A row of the table."""
    good, began = 0, time.perf_counter()
    for number in range(rounds):
        good += each(number)
        print(f"{kind}: {good} of {number + 1} good", file=sys.stderr, flush=True)
    return kind, f"{rounds}", f"{good}", f"{(time.perf_counter() - began) / max(1, rounds):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="of each kind")
    parser.add_argument("--kinds", nargs="+", choices=["empty", "broken"], default=["empty", "broken"])
    parser.add_argument("--spoil-environment", action="store_true", help="break librosa's own caches for the while")
    arguments = parser.parse_args()
    table = Table("kind", "rounds", "good", "seconds a round", title="The first run")
    with tempfile.TemporaryDirectory() as root:
        folder, home = Path(root), Path(root) / "home"
        music = write_music(folder / "music")

        def empty(number: int) -> bool:
            shutil.rmtree(home, ignore_errors=True)
            return play(music, folder / f"empty-{number}", home, home / "numba")

        if "empty" in arguments.kinds:
            table.add_row(*repeat("empty", arguments.rounds, empty))
        if "broken" in arguments.kinds:
            assert home.exists() or went_well(start(music, folder / "first", home, home / "numba"))
            with spoilt_caches(folder / "numba", arguments.spoil_environment) as numba:

                def broken(number: int) -> bool:
                    WAYS[number % len(WAYS)](home)
                    return play(music, folder / f"broken-{number}", home, numba)

                table.add_row(*repeat("broken", arguments.rounds, broken))
    Console().print(table)


if __name__ == "__main__":
    main()
