"""What ``prepare`` leaves behind when it is killed, or when the disk is full, beside an undisturbed run.

    python -m benchmarks.interruptions --root FOLDER --kills 10

Every call is a real process. Killed means SIGKILL of the parent at a random moment of its work; the full disk is a
small file system in memory, which the benchmark needs the right to mount (it says so where it has not).
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from music_affect.data.cache.index import Index


def command(root: Path) -> list[str]:
    return [sys.executable, "-m", "music_affect.prepare", "data=folder", f"data.root={root}", "data.source.labels=null"]


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "MUSIC_AFFECT_CACHE": str(cache), "OMP_NUM_THREADS": "1"}


def finish(root: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(root), env=environment(cache), capture_output=True, text=True, check=False)


def finished_clips(cache: Path) -> int:
    """Lines in the journals of all kinds of features."""
    return sum(path.read_bytes().count(b"\n") for path in cache.rglob("journal.jsonl"))


def kill_once(call: Sequence[str], settings: Mapping[str, str], progress: Callable[[], float], after: float) -> bool:
    """Kills a call so many seconds after its progress has moved for the first time; False where it was done before."""
    before = progress()
    process = subprocess.Popen(call, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and progress() == before:
        time.sleep(0.002)
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def contents(cache: Path) -> dict[str, bytes | np.ndarray]:
    """Features by kind and clip, and the index without what depends on the machine's clock."""
    found: dict[str, bytes | np.ndarray] = {}
    for folder in sorted((cache / "features").iterdir()):
        index = Index.load(folder)
        found[f"{folder.name} ids"] = "\0".join(index.ids).encode()
        found[f"{folder.name} frames"] = index.frames
        for path in sorted(folder.rglob("frames.f16")):
            found[f"{folder.name} {path.parent.name}"] = path.read_bytes()
        found[f"{folder.name} skipped"] = (folder / "skipped.csv").read_bytes()
    return found


def equal(first: Path, second: Path) -> bool:
    one, other = contents(first), contents(second)
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path | None]:
    """A file system of so many MB, or None where it cannot be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
        try:
            mounted = subprocess.run(options, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            mounted = False
        try:
            yield Path(folder) if mounted else None
        finally:
            if mounted:
                subprocess.run(["umount", folder], check=True)


def killed(root: Path, work: Path, kills: int, seed: int, console: Console) -> bool:
    """Kills runs at random moments, finishes, and compares with an undisturbed run."""
    chance = random.Random(seed)
    began = time.perf_counter()
    done = finish(root, work / "undisturbed")
    seconds = time.perf_counter() - began
    console.print(f"undisturbed ({seconds:.0f} s): {done.stdout.splitlines()[0]}", highlight=False)
    table = Table("kill", "seconds after its first clip", "clips finished", title="kill -9")
    cache = work / "killed"
    for number in track(range(1, kills + 1), "killing", console=console, transient=True):
        after = chance.uniform(0, seconds / kills)
        was_killed = kill_once(command(root), environment(cache), lambda: finished_clips(cache), after)
        table.add_row(str(number), f"{after:.2f}" if was_killed else "was done before", str(finished_clips(cache)))
    console.print(table)
    last = finish(root, cache)
    same = last.returncode == done.returncode == 0 and equal(work / "undisturbed", cache)
    console.print(f"finished: {last.stdout.splitlines()[0]}", highlight=False)
    console.print(f"equal to the undisturbed cache, byte by byte: {same}", highlight=False)
    return same


def filled(root: Path, work: Path, console: Console) -> bool:
    """Fills a small disk, makes room, and compares with an undisturbed run."""
    wanted = sum(path.stat().st_size for path in (work / "undisturbed").rglob("frames.f16"))
    with small_disk(max(1, wanted // 2_000_000)) as disk:
        if disk is None:
            console.print("full disk: not tried, since no file system can be mounted here")
            return True
        full = finish(root, disk / "cache")
        kept = finished_clips(disk / "cache")
        console.print(
            f"full disk: exit code {full.returncode}, {kept} clips kept; {full.stderr.strip()}", highlight=False
        )
        subprocess.run(["mount", "-o", f"remount,size={wanted // 500_000 + 10}m", str(disk)], check=True)
        done = finish(root, disk / "cache")
        same = full.returncode == 1 and done.returncode == 0 and equal(work / "undisturbed", disk / "cache")
        lines = [line for line in done.stdout.splitlines() if "done already" in line]
        console.print(f"with room again: {lines[0] if lines else done.stderr}", highlight=False)
        console.print(f"equal to the undisturbed cache, byte by byte: {same}", highlight=False)
    return same


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.interruptions",
        description="Kill feature extraction at random moments, fill its disk, and compare what comes of it.",
        epilog="Exits with 1 where a disturbed cache differs from the undisturbed one.",
    )
    parser.add_argument("--root", type=Path, required=True, help="folder with audio")
    parser.add_argument("--kills", type=int, default=10, help="how often (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    arguments = parser.parse_args()
    if not arguments.root.is_dir():
        parser.error(f"--root {arguments.root}: no such folder")
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as work:
        unharmed = killed(arguments.root, Path(work), arguments.kills, arguments.seed, console)
        unharmed &= filled(arguments.root, Path(work), console)
    return 0 if unharmed else 1


if __name__ == "__main__":
    sys.exit(main())
