"""Score a checkpoint: ``python -m music_affect.evaluate checkpoint=RUN_FOLDER_OR_FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from music_affect import command_line
from music_affect.checkpoint_file import checkpoint_file


def evaluate(cfg: DictConfig) -> dict[str, Any]:
    """Scores a checkpoint.

    Args:
        cfg: composed from ``conf/evaluate.yaml``.

    Returns:
        The scores, as they are also written beside the checkpoint.

    Raises:
        CheckpointError: the checkpoint is broken or does not fit the data.
    """
    path = checkpoint_file(Path(cfg.checkpoint).expanduser())
    from music_affect import console, scoring  # torch and Lightning, only now that there is work for them

    out = console.make()
    scored = scoring.score(cfg, path, out)
    console.print_scores(out, scored)
    return scored


def main() -> None:
    """Entry point of ``python -m music_affect.evaluate``."""
    command_line.run("evaluate", evaluate)


if __name__ == "__main__":
    main()
