"""Checkpoints of "Beat This!" as its authors publish them: Lightning's, with the sizes of the network in them.

A file is read as plain tensors and containers only, so that none can run code.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import io
import pickle
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from music_affect.contracts.errors import CheckpointError, ConfigurationError

if TYPE_CHECKING:
    from torch import nn

PACKAGES = ("beat_this", "einops", "rotary_embedding_torch")
INSTALL = 'pip install "music_affect[beats]"'
FETCH = (
    "download a checkpoint where there is a network (https://github.com/CPJKU/beat_this links to them; final0.ckpt is "
    "the main one, small0.ckpt the fast one) and set beat_tracker.checkpoint=PATH"
)
BROKEN = (  # what torch makes of damaged or foreign content, and Python of a network that is not the expected one
    RuntimeError, EOFError, OSError, pickle.UnpicklingError, AttributeError, AssertionError, LookupError, TypeError,
    ValueError,
)  # fmt: skip

_PREFIX = "model."  # of the network's weights, within the module that trained it


def check(checkpoint: str | Path | None) -> str:
    """Looks at a checkpoint without loading it, and for the packages that it needs: takes milliseconds.

    Returns:
        A digest of its content, 16 hexadecimal digits.

    Raises:
        ConfigurationError: no checkpoint was chosen, or a package is not installed.
        CheckpointError: the file is not there, or not a whole PyTorch file.
    """
    if checkpoint is None:
        raise ConfigurationError("beat_tracker.checkpoint is not set", expected="a checkpoint's path", fix=FETCH)
    content = _content(checkpoint)
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise _unusable(checkpoint, "not a whole PyTorch file")
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        found = f"the beat tracker needs {' and '.join(absent)}, not installed here"
        raise ConfigurationError(found, expected="the package beat_this and what it needs", fix=INSTALL)
    return _digest(content)


@lru_cache(maxsize=1)
def network(checkpoint: str, digest: str) -> nn.Module:
    """The network of a checkpoint in evaluation mode, loaded once a process.

    Args:
        checkpoint: path of the file.
        digest: that ``check`` gave.

    Raises:
        CheckpointError: the file has changed since, or holds no such network.
    """
    import torch

    content = _content(checkpoint)
    if _digest(content) != digest:
        raise _unusable(checkpoint, "no longer the file that it was when this work began")
    try:
        return _built(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except BROKEN as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise _unusable(checkpoint, f"no network in plain tensors ({type(error).__name__}: {reason})") from error


def _built(saved: Mapping[str, Any]) -> nn.Module:
    from beat_this.model.beat_tracker import BeatThis

    known = inspect.signature(BeatThis).parameters  # the other settings are those of its training
    made: nn.Module = BeatThis(**{name: value for name, value in saved["hyper_parameters"].items() if name in known})
    made.load_state_dict({name.removeprefix(_PREFIX): value for name, value in saved["state_dict"].items()})
    return made.eval()


def _content(checkpoint: str | Path) -> bytes:
    try:
        return Path(checkpoint).expanduser().read_bytes()
    except OSError as error:
        found = f"beat_tracker.checkpoint={checkpoint} cannot be read ({error.strerror})"
        raise CheckpointError(found, expected="a checkpoint of Beat This! in a local file", fix=FETCH) from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _unusable(checkpoint: str | Path, what: str) -> CheckpointError:
    found = f"beat_tracker.checkpoint={checkpoint} is {what}"
    return CheckpointError(found, expected="a checkpoint of Beat This! as its authors publish it", fix=FETCH)
