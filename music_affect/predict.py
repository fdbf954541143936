"""Predict clips, labelled or not, with a trained checkpoint.

  python -m music_affect.predict checkpoint=RUN_OR_FILE data=folder data.root=MUSIC
  python -m music_affect.predict checkpoint=RUN_OR_FILE data=multitask split=test format=kaggle

The checkpoint knows its features, classes, normalisation and which part of each file it was trained on: other data
is heard the same way, whatever its own settings say, and nothing else has to be told. Where data.selection.position,
.seconds or .windows stand on the command line, they are followed, and a line names both parts. Which files are too
short (data.selection.min_seconds) is always the data's own setting.
A checkpoint builds classes of this package alone. Where you know its author, trust=MODULE lets it build those of that
module too, and trust=true whatever it names, which can run anything.
"""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from music_affect import command_line
from music_affect.checkpoint_file import checkpoint_file
from music_affect.errors import RunFolderError


def predict(cfg: DictConfig) -> Path:
    """Writes a checkpoint's answers.

    Args:
        cfg: composed from ``conf/predict.yaml``.

    Returns:
        The file that was written.

    Raises:
        MusicAffectError: the checkpoint, the data or the file do not allow it.
    """
    path = checkpoint_file(Path(cfg.checkpoint).expanduser())
    if cfg.out is not None and Path(cfg.out).expanduser().is_file() and not cfg.overwrite:
        raise RunFolderError(f"{cfg.out} is there already", expected="a new file", fix="add overwrite=true")
    from music_affect import console, prediction  # torch and Lightning, only now that there is work for them

    return prediction.predict(cfg, path, console.make())


def main() -> None:
    """Entry point of ``python -m music_affect.predict``."""
    command_line.run("predict", predict, description=str(__doc__))


if __name__ == "__main__":
    main()
