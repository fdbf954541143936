"""What is known about the file of one clip."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Facts:
    """Measurements of one clip's file; None where they do not apply or could not be taken.

    Args:
        problem: why the clip cannot be used, in a word or two; empty where it can.
        detail: what was seen of the problem.
        seconds: length of the whole file; of the part that was measured where libsndfile does not read it.
        rate: samples a second.
        channels: in the file, before they are mixed.
        peak: largest absolute sample; 1 is full scale.
        clipped: share of the samples that lie at full scale for several samples on end.
        silent: share of the time that lies 60 dB and more below the loudest moment.
        digest: of the samples; equal for the same audio in two lossless files.
        print: words of the spectral fingerprint in base64.
    """

    problem: str = ""
    detail: str = ""
    seconds: float | None = None
    rate: int | None = None
    channels: int | None = None
    peak: float | None = None
    clipped: float | None = None
    silent: float | None = None
    digest: str = ""
    print: str = ""

    @property
    def words(self) -> NDArray[np.uint16]:
        """The fingerprint, uint16 [N]."""
        return np.frombuffer(base64.b64decode(self.print), dtype="<u2")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without those that are not known."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Facts:
        """Inverse of ``to_dict``; names of a later version are passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in plain.items() if name in known})


def encoded(words: NDArray[np.uint16]) -> str:
    """A fingerprint as it stands in ``Facts.print``."""
    return base64.b64encode(words.astype("<u2").tobytes()).decode("ascii")
