"""Score a checkpoint: on the clips it was tested on (the same figure, exactly) or on other data with the same label.

  python -m music_affect.evaluate checkpoint=outputs/genre/synthetic_beat-fused-ast-s0
  python -m music_affect.evaluate checkpoint=RUN_OR_FILE data=folder data.root=MUSIC

The checkpoint knows its features, classes, normalisation and which part of each file it was trained on: other data
is heard the same way, whatever its own settings say, and nothing else has to be told. Where data.selection.position,
.seconds or .windows stand on the command line, they are followed, and a line names both parts. Which files are too
short (data.selection.min_seconds) is always the data's own setting.
A checkpoint builds classes of this package alone. Where you know its author, trust=MODULE lets it build those of that
module too, and trust=true whatever it names, which can run anything.
"""

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
    command_line.run("evaluate", evaluate, description=str(__doc__))


if __name__ == "__main__":
    main()
