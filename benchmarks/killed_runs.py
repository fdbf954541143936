"""What kills, moves and a full disk leave of a training run, beside the same run undisturbed.

    python -m benchmarks.killed_runs --kills 20

Every call is a real process. The run's folder is on a file system in memory, another one than that of temporary files,
which the benchmark needs the right to mount. Killed means SIGKILL at a random moment after another epoch; the folder
is renamed after every kill.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from benchmarks.interruptions import kill_once, small_disk

WORDS = ["data=synthetic", "data.source.num_clips=60", "data.source.seconds=3", "model=cnn_fast", "trainer=cpu"]
FEW = 4  # MB: of a disk with room for three checkpoints and not for a fourth
LAST = Path("checkpoints") / "last.ckpt"


def command(folder: Path, epochs: int, *words: str) -> list[str]:
    own = [f"hydra.run.dir={folder}", f"trainer.max_epochs={epochs}", "loader.windows=1", "workers=1"]
    own.append("callbacks.early_stopping.patience=null")  # it goes on to the end
    return [sys.executable, "-m", "music_affect.train", *WORDS, *own, *words]


def finish(folder: Path, epochs: int, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, epochs, *words), capture_output=True, text=True, check=False)


def figures(folder: Path) -> tuple[str, str]:
    """Test figures and tested weights, and the history."""
    metrics = json.loads((folder / "metrics.json").read_text())
    return json.dumps([metrics["test"], metrics["weights"]]), (folder / "metrics.csv").read_text()


def is_whole(path: Path) -> bool:
    try:
        torch.load(path, weights_only=True)
    except Exception:
        return False
    return True


def changed(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else 0.0


def killed(disk: Path, expected: tuple[str, str], epochs: int, kills: int, console: Console) -> bool:
    """Kills and moves a run many times, finishes it, and compares."""
    chance, folder, whole, done = random.Random(0), disk / "run-0", 0, 0
    for number in range(1, kills + 1):
        call, last = command(folder, epochs, "resume=true"), folder / LAST
        if not kill_once(call, os.environ, partial(changed, last), chance.uniform(0, 0.4)):
            break
        done += 1
        whole += is_whole(folder / LAST) or is_whole(folder / LAST.with_name("last.previous.ckpt"))
        folder = folder.rename(disk / f"run-{number}")
    ended = finish(folder, epochs, "resume=true")
    same = ended.returncode == 0 and figures(folder) == expected
    left = [path.name for path in folder.rglob(".*") if path.name != ".lock"]
    console.print(f"killed and moved {done} times: {whole} of {done} left a whole checkpoint", highlight=False)
    if ended.returncode:
        console.print(ended.stderr)
    console.print(f"finished, history and figures equal to the undisturbed run: {same}; left over: {left}")
    return same and whole == done == kills and not left


def filled(disk: Path, expected: tuple[str, str], epochs: int, console: Console) -> bool:
    """Has no room for some checkpoints beside those that are there, then has, and compares."""
    full = finish(disk / "full", epochs)
    console.print(f"full disk: exit code {full.returncode}; {full.stderr.strip()}", highlight=False, soft_wrap=True)
    whole = is_whole(disk / "full" / LAST)
    subprocess.run(["mount", "-o", "remount,size=512m", str(disk)], check=True)
    done = finish(disk / "full", epochs, "resume=true")
    same = full.returncode == 1 and done.returncode == 0 and figures(disk / "full") == expected
    console.print(f"its last checkpoint was whole: {whole}; with room again, equal to the undisturbed run: {same}")
    return same and full.stderr.count("\n") == 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.killed_runs", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often (default: 20)")
    parser.add_argument("--epochs", type=int, default=150, help="of the run (default: 150)")
    arguments = parser.parse_args()
    console = Console(soft_wrap=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as work, small_disk(512) as disk, small_disk(FEW) as small:
        if disk is None or small is None:
            console.print("not tried, since no file system can be mounted here")
            return 1
        undisturbed = finish(Path(work) / "run", arguments.epochs)
        if undisturbed.returncode:
            console.print(undisturbed.stderr)
            return 1
        expected, size = figures(Path(work) / "run"), (Path(work) / "run" / LAST).stat().st_size
        console.print(f"undisturbed: {arguments.epochs} epochs, a checkpoint has {size / 1e6:.1f} MB", highlight=False)
        unharmed = killed(disk, expected, arguments.epochs, arguments.kills, console)
        unharmed &= filled(small, expected, arguments.epochs, console)
    return 0 if unharmed else 1


if __name__ == "__main__":
    sys.exit(main())
