"""How checkpoints reach the disk: beside their place, whole, and in one step."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from music_affect.runs.writer import LAST_CHECKPOINT, PREVIOUS_CHECKPOINT
from music_affect.system import files


class WholeCheckpoints(TorchCheckpointIO):
    """Replaces a checkpoint once the new one is on the disk itself, and keeps the last one but one.

    Lightning's own way writes to the folder for temporary files and moves the result, which copies it where that is
    another file system: a kill or a full disk then leaves half a checkpoint.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Writes beside ``path`` first; whatever ends that leaves ``path`` as it was.

        Args:
            checkpoint: of Lightning.
            path: of the file.
            storage_options: none are known.
        """
        assert storage_options is None
        content = io.BytesIO()
        torch.save(checkpoint, content)  # straight to a file it would hide what the system says of a full disk
        target = Path(path)
        with files.atomic_path(target) as temporary:
            with temporary.open("wb") as stream:
                stream.write(content.getbuffer())
                stream.flush()
                os.fsync(stream.fileno())
            if target.name == LAST_CHECKPOINT.name and target.is_file():
                os.replace(target, target.with_name(PREVIOUS_CHECKPOINT.name))
