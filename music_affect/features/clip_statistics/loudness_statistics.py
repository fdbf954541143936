"""How loud a clip is as a whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from music_affect.features.loudness import FLOOR, lufs, mean_square

RELATIVE_GATE = -10.0  # LU below the mean of what is above the absolute gate


def integrated_loudness(momentary: NDArray[np.float32]) -> float:
    """Loudness over the frames that are neither silent nor far below the rest, which are the standard's two gates.

    Args:
        momentary: LUFS, float32 [T].

    Returns:
        LUFS; -70 where no frame is above the absolute gate.

    Reference:
        Recommendation ITU-R BS.1770-5, annex 1.
    """
    found = momentary[momentary > FLOOR].astype(np.float64)
    if len(found) == 0:
        return FLOOR
    gate = lufs(mean_square(found).mean()) + RELATIVE_GATE
    return float(lufs(mean_square(found[found > gate]).mean()))
