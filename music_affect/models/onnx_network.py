"""A network out of a local ONNX file as a frozen network that describes patches of a spectrogram.

ONNX Runtime reads the graph and computes it; nothing in the file is code. A file that refers to others, wherever they
lie, is refused before the runtime sees it, and no library of further operators is ever loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.models.tensor_bundle import fields

LAYOUTS = {"PTF": (0, 1, 2), "PFT": (0, 2, 1), "P1TF": (0, 1, 2), "P1FT": (0, 2, 1)}
PATCHES = 16  # at once: the memory for a clip of any length is that of so many
SETTING = "features.extraction.network"
INSTALL = 'pip install "music_affect[onnx]"'
# Of ONNX's messages, which fields hold further messages on the way to arrays, and of which kind.
_INNER: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "array", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "array", 6: "graph", 10: "array", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "array", 2: "array"},
    "array": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of an array

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class OnnxNetwork:
    """One output [patches, width] of a network with one input, in one thread.

    Args:
        file: the network, in one local file.
        output: name of the output that is taken; None where there is only one.
        layout: of its input: PTF (patches, frames, bands), PFT, or P1TF and P1FT with one channel.
        mean: subtracted from the levels; None for nothing.
        deviation: what they are divided by afterwards, above 0.

    Attributes:
        digest: of the file; what is computed with an equal file is equal, wherever it lies.

    Raises:
        ConfigurationError: no file was chosen, a setting has no meaning, or ONNX Runtime is not installed.
        CheckpointError: the file cannot be read.
    """

    file: str | None = None
    output: str | None = None
    layout: str = "PTF"
    mean: float | None = None
    deviation: float = 1.0
    digest: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.file is None:
            raise ConfigurationError(
                f"{SETTING}.file is not set", expected="a network in a local ONNX file", fix=f"add {SETTING}.file=PATH"
            )
        if self.layout not in LAYOUTS or not self.deviation > 0:
            raise ConfigurationError(
                f"{SETTING}.layout={self.layout} with deviation={self.deviation}",
                expected=f"one of {', '.join(LAYOUTS)}, and a deviation above 0",
                fix="correct it",
            )
        if importlib.util.find_spec("onnxruntime") is None:
            raise ConfigurationError("onnxruntime is not installed", expected="it, to compute networks", fix=INSTALL)
        object.__setattr__(self, "digest", hashlib.sha256(_content(self.file)).hexdigest()[:16])

    @property
    def widths(self) -> Mapping[str, int]:
        """The output's columns, as one block."""
        return {"embedding": self._session[2]}

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values."""
        chosen = {name: getattr(self, name) for name in ("layout", "mean", "deviation")}
        return {"name": "ONNX", "weights": self.digest, "output": self._session[1], **chosen}

    def prepare(self) -> None:
        """Reads the network once, before other processes need it; raises as ``__call__`` does."""
        _ = self._session

    def __call__(self, patches: Floats) -> Floats:
        """Patches [P, T, F] to the output, float32 [P, width].

        Raises:
            CheckpointError: the file has changed, is no such network, or takes no patches of this form.
        """
        session, output, width = self._session
        turned = ((patches - (self.mean or 0.0)) / self.deviation).transpose(LAYOUTS[self.layout]).astype(np.float32)
        given = turned[:, None] if "1" in self.layout else turned
        name = session.get_inputs()[0].name
        try:
            parts = np.split(given, range(PATCHES, len(given), PATCHES))
            answers = [session.run([output], {name: np.ascontiguousarray(part)})[0] for part in parts]
        except Exception as error:  # the runtime's own kinds, which share no base
            raise _unusable(str(self.file), f"takes no patches {list(given.shape)} ({_reason(error)})") from error
        found = np.concatenate(answers).astype(np.float32)
        if found.shape != (len(patches), width):
            raise _unusable(str(self.file), f"answers with {list(found.shape)} for {len(patches)} patches")
        return found

    @property
    def _session(self) -> tuple[Any, str, int]:
        return _opened(str(self.file), self.digest, self.output)


@lru_cache(maxsize=2)
def _opened(file: str, digest: str, output: str | None) -> tuple[Any, str, int]:
    """The network, the name of its output and that output's width; read once a process."""
    import onnxruntime

    content = _content(file)
    if hashlib.sha256(content).hexdigest()[:16] != digest:
        raise _unusable(file, "is no longer the file that it was when this work began")
    try:
        if _refers_elsewhere(content):
            raise _unusable(file, "keeps arrays in other files")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except CheckpointError:
        raise
    except Exception as error:  # the runtime's own kinds, which share no base
        raise _unusable(file, f"is no network that ONNX Runtime can compute ({_reason(error)})") from error
    outputs = {one.name: one.shape for one in session.get_outputs()}
    if len(session.get_inputs()) != 1 or (output is None and len(outputs) > 1) or output not in (None, *outputs):
        raise ConfigurationError(
            f"{SETTING}.output={output} of {file} with {len(session.get_inputs())} inputs",
            expected=f"one input, and one of the outputs {', '.join(outputs)}",
            fix=f"add {SETTING}.output=NAME",
        )
    name = output or next(iter(outputs))
    shape = outputs[name]
    if len(shape) != 2 or not isinstance(shape[1], int):
        raise _unusable(file, f"has an output {name} of shape {shape}, not [patches, width]")
    return session, name, shape[1]


def _refers_elsewhere(message: bytes, kind: str = "model") -> bool:
    """Whether an array of the model, or of anything nested in it, lies in another file."""
    for number, value in fields(message):
        if kind == "array" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
            return True
        inner = _INNER[kind].get(number)
        if inner is not None and isinstance(value, bytes) and _refers_elsewhere(value, inner):
            return True
    return False


def _content(file: str) -> bytes:
    try:
        return Path(file).expanduser().read_bytes()
    except OSError as error:
        raise _unusable(file, f"cannot be read ({error.strerror})") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _unusable(file: str, what: str) -> CheckpointError:
    return CheckpointError(
        f"{SETTING}.file={file} {what}",
        expected="a network in one ONNX file, from patches to [patches, width]",
        fix="name another file, or set patch_frames, n_mels and layout as it was trained",
    )
