"""What a GPU makes of the project: agreement with the CPU, speed beside transformers, and what else needs the device.

    python -m benchmarks.gpu --out gpu.json

- collective: a group of one process by NCCL (on a CPU by gloo).
- models: every network of conf/model, without dropout, on the same batch and from the same weights, in bf16 on the
  device and in single precision on the CPU: the loss before and after a few clipped steps, and the answers.
- experiments: every published experiment of S3 takes a step at its real size.
- ast: ``ast_base`` on 1024 and on 1292 frames (30 s) x 128 mel rows, in training: clips a second by our trainer over a
  real feature cache, by a plain loop, and by the same loop over transformers' network. A clip costs three times the
  operations of a forward pass, which torch.utils.flop_counter counts; the device's peak is its data sheet's for dense
  bf16.
- extraction: features on the device beside the CPU, the largest difference and clips a second.
- lock: a sweep that starts two runs at once on one device; the second has to wait.
- compiled: our network in the plain loop once more, by torch.compile.

Each part has its own share of the time, and one that fails is recorded while the others go on. The figures are written
after every part; the exit code is 1 where any failed. Without a GPU, or with --tiny, all is shrunk and runs on the CPU.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import gpu_ast, gpu_machine, gpu_networks
from benchmarks.gpu_settings import Figures, Settings
from music_affect.system import files
from music_affect.system.environment import environment

MINUTES = 5.5
PARTS: Mapping[str, tuple[float, Callable[[Settings, Figures], None]]] = {
    "collective": (0.05, gpu_machine.collective),
    "models": (0.30, gpu_networks.models),
    "experiments": (0.15, gpu_networks.experiments),
    "ast": (0.25, gpu_ast.speed),
    "extraction": (0.10, gpu_machine.extraction),
    "lock": (0.15, gpu_machine.lock),
    "compiled": (0.10, gpu_ast.compiled),
}  # name: share of the time that it may take, and what it does; what one leaves over is the next one's


def main() -> int:
    """Runs the parts and prints their figures; the exit code."""
    arguments = parse()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as the trainer sets it, for the plain loops too
    tiny = arguments.tiny or not torch.cuda.is_available()
    about = environment()
    content: dict[str, Any] = {"tiny": tiny, **about, "cuda": torch.version.cuda, "parts": {}}
    console = Console()
    ends = time.monotonic()  # of the part before
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.parts:
            share, part = PARTS[name]
            ends += share * arguments.minutes * 60
            console.print(f"{name} …", highlight=False)
            content["parts"][name] = measured(part, Settings(Path(folder), tiny, ends))
            files.write_json(arguments.out, content)
    console.print(table(content))
    console.print(f"Figures: {arguments.out}", highlight=False)
    return int(any("error" in found for found in content["parts"].values()))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/gpu.json"), help="file of the figures")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="default: all")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"for all parts (default: {MINUTES})")
    parser.add_argument("--tiny", action="store_true", help="small networks on the CPU, also where there is a GPU")
    return parser.parse_args()


def measured(part: Callable[[Settings, Figures], None], settings: Settings) -> dict[str, Any]:
    """Figures of a part, those until its failure where it fails."""
    began, figures = time.monotonic(), Figures()
    found: dict[str, Any] = {"figures": figures.rows}
    try:
        part(settings, figures)
        if figures.wrong:
            found["error"] = f"not as expected: {', '.join(figures.wrong)}"
    except (Exception, SystemExit) as error:  # whatever a part meets, the others are measured
        found |= {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    torch.use_deterministic_algorithms(False)
    if settings.device == "cuda":
        torch.cuda.empty_cache()
    return found | {"seconds": round(time.monotonic() - began, 1)}


def table(content: Mapping[str, Any]) -> Table:
    """One row a figure, and the failures in full."""
    device = content["hardware"]["gpu"] if not content["tiny"] else "CPU, tiny: figures mean nothing"
    made = Table("part", "what", "figure", "expected", "", title=f"Benchmarks on a GPU ({device})")
    for part, found in content["parts"].items():
        for row in found["figures"]:
            made.add_row(part, row["what"], row["figure"], row["expected"], row["verdict"])
        if "error" in found:
            made.add_row(part, f"FAILED {found['error']}", "", "", "", style="bold red")
        made.add_row(part, "seconds", f"{found['seconds']:.1f}", "", "", end_section=True)
    return made


if __name__ == "__main__":
    raise SystemExit(main())
