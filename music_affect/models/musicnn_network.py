"""MSD_musicnn as a frozen network that describes patches of a spectrogram, for features from audio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import CheckpointError
from music_affect.models import musicnn_wheel
from music_affect.models.musicnn_wheel import EMBEDDING, POOLED, TAGS

if TYPE_CHECKING:
    import torch

    from music_affect.models.musicnn import Musicnn

Floats = NDArray[np.float32]

PATCHES = 16  # at once: the memory for a clip of any length is that of so many


@dataclass(frozen=True)
class MusicnnNetwork:
    """The published network: 200 numbers, its 753 channels averaged over time, and 50 tags of each patch.

    Args:
        file: a wheel of musicnn in a local file; None takes the published one, which is fetched once through pip.
        cache: folder of caches, in which the fetched wheel is kept.

    Attributes:
        weights: digest of the wheel; what is computed with equal weights is equal, wherever they lie.

    Raises:
        CheckpointError: the file cannot be read.

    Reference:
        J. Pons and X. Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging",
        late-breaking demo, ISMIR 2019.
    """

    file: str | None = None
    cache: str = field(default="~/.cache/music_affect", compare=False)
    weights: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = musicnn_wheel.digest(self._wheel) if self.file else musicnn_wheel.SHA256
        object.__setattr__(self, "weights", found)

    @property
    def _wheel(self) -> Path:
        return Path(self.file).expanduser() if self.file else musicnn_wheel.place(self.cache)

    @property
    def widths(self) -> Mapping[str, int]:
        """Columns of each block of the answers, in order."""
        return {"embedding": EMBEDDING, "pooled": POOLED, "tags": TAGS}

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values."""
        return {"name": "MSD_musicnn", "weights": self.weights[:16]}

    def prepare(self) -> None:
        """Fetches the weights where they are missing, and reads them once, before other processes need them.

        Raises:
            CheckpointError: they cannot be fetched, or are no such network.
        """
        wheel = self._wheel if self.file else musicnn_wheel.fetch(self.cache)
        _loaded(wheel, self.weights)

    def __call__(self, patches: Floats) -> Floats:
        """What it says of patches, in one thread, so that the answers do not depend on the number of cores.

        Args:
            patches: log-mel levels, float32 [P, 187, 96].

        Returns:
            The blocks side by side, float32 [P, 1003].

        Raises:
            CheckpointError: the weights are gone, or others than they were.
        """
        import torch

        network = _loaded(self._wheel, self.weights)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                answers = [network(part) for part in torch.split(torch.from_numpy(patches), PATCHES)]
        finally:
            torch.set_num_threads(before)
        return torch.cat(answers).numpy()


@dataclass(frozen=True)
class _Tagger:
    """The network with its layer of tags."""

    net: Musicnn
    weight: torch.Tensor
    bias: torch.Tensor

    def __call__(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches [P, T, F] to embedding, mean channels and tags side by side."""
        import torch

        lengths = torch.full((len(patches),), patches.shape[1])
        channels = self.net.pool(patches, lengths)
        embedding = self.net.embed(channels)
        tags = torch.sigmoid(embedding @ self.weight + self.bias)
        return torch.cat([embedding, channels.mean, tags], dim=1)


@lru_cache(maxsize=1)
def _loaded(wheel: Path, weights: str) -> _Tagger:
    import torch

    from music_affect.models.musicnn import Musicnn
    from music_affect.models.musicnn_start import state

    if musicnn_wheel.digest(wheel) != weights:
        raise CheckpointError(
            f"{wheel} is not the wheel with the SHA-256 {weights[:16]}…",
            expected="the file that these features are made with",
            fix="remove it, so that it is fetched again, or name another",
        )
    arrays = musicnn_wheel.read(wheel)
    net = Musicnn(musicnn_wheel.N_MELS, 1)
    net.load_state_dict(state(arrays))
    return _Tagger(net.eval(), *(torch.from_numpy(arrays[f"dense_1/{part}"]) for part in ("kernel", "bias")))
