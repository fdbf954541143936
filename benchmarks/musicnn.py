"""The published musicnn as features: equal to the original's answers, what it hears in music, and what it costs.

  python -m benchmarks.musicnn reference.npz
  python -m benchmarks.musicnn reference.npz --music SONG.ogg SONG.ogg --wheel musicnn-0.1.0-py3-none-any.whl

The reference holds answers of the original in TensorFlow, ``tags`` [2, 50] and ``penultimate`` [2, 200], for two
patches of noise, ``numpy.random.default_rng(0).random((2, 187, 96)) * 4``. The command ends with 1 where they differ by
more than 1e-5. Costs are CPU-seconds in one thread; the yardstick is the same network as plain convolutions.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from music_affect.features.embedding import EmbeddingExtractor
from music_affect.models.musicnn_network import MusicnnNetwork

Floats = NDArray[np.float32]

ALLOWED = 1e-5
SECONDS, PATCHES = 30, 10  # of a clip
REPEATS = 5
TAGS = """rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock, jazz, beautiful,
metal, chillout, male vocalists, classic rock, soul, indie rock, mellow, electronica, 80s, folk, 90s, chill,
instrumental, punk, oldies, blues, hard rock, ambient, acoustic, experimental, female vocalist, guitar, hip-hop, 70s,
party, country, easy listening, sexy, catchy, funk, electro, heavy metal, progressive rock, 60s, rnb, indie pop, sad,
house, happy"""  # in the order of the network's last layer
MSD_TAGS = TAGS.replace("\n", " ").split(", ")


def noise(patches: int) -> Floats:
    """Patches [P, 187, 96] as they were given to the original."""
    return np.random.default_rng(0).random((patches, 187, 96)).astype(np.float32) * 4


def differences(network: MusicnnNetwork, reference: Path) -> dict[str, float]:
    """The largest difference from the original's answers."""
    found = network(noise(2))
    width = network.widths["embedding"]
    with np.load(reference, allow_pickle=False) as original:
        return {
            "embedding": float(np.abs(found[:, :width] - original["penultimate"]).max()),
            "tags": float(np.abs(found[:, -network.widths["tags"] :] - original["tags"]).max()),
        }


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of a call, the least of some."""
    work()
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def plain_peaks(image: Tensor, kernels: Tensor) -> Tensor:
    """What ``tall_peaks`` and ``long_peaks`` answer, by a plain convolution and a maximum."""
    kernels = kernels if kernels.ndim == 3 else kernels.unsqueeze(2)
    length = kernels.shape[1]
    padded = F.pad(image, (0, 0, (length - 1) // 2, length // 2))
    return F.conv2d(padded[:, None], kernels[:, None]).amax(3).transpose(1, 2)


def costs(network: MusicnnNetwork) -> dict[str, float]:
    """CPU-seconds of a clip: from its samples to the answers, the network alone, and that with plain convolutions."""
    audio = (0.1 * np.random.default_rng(0).standard_normal(16000 * SECONDS)).astype(np.float32)
    extractor = EmbeddingExtractor(network=network)
    found = {
        "samples to answers": cpu_seconds(lambda: extractor.extract(audio)),
        "network alone": cpu_seconds(lambda: network(noise(PATCHES))),
    }
    where = "music_affect.models.musicnn"
    with patch(f"{where}.tall_peaks", plain_peaks), patch(f"{where}.long_peaks", plain_peaks):
        return {**found, "plain convolutions": cpu_seconds(lambda: network(noise(PATCHES)))}


def heard(network: MusicnnNetwork, song: Path, count: int = 5) -> list[tuple[str, float]]:
    """The likeliest tags of a song, with their probabilities averaged over its patches."""
    extractor = EmbeddingExtractor(network=network)
    start, stop = extractor.blocks["tags"]
    mean = extractor(song)[:, start:stop].mean(axis=0)
    return [(MSD_TAGS[place], float(mean[place])) for place in np.argsort(-mean)[:count]]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--wheel", help="a wheel of musicnn 0.1.0; fetched where none is given")
    parser.add_argument("--music", type=Path, nargs="*", default=[])
    given = parser.parse_args(words)
    torch.set_num_threads(1)
    network = MusicnnNetwork(given.wheel)
    network.prepare()
    found = differences(network, given.reference)
    for name, difference in found.items():
        print(f"{name}: differs by {difference:.1e} at most from the original")
    measured = costs(network)
    for name, seconds in measured.items():
        print(f"{name}: {seconds:.3f} CPU-seconds for a clip of {SECONDS} s")
    ratio = measured["plain convolutions"] / measured["network alone"]
    print(f"{ratio:.1f} times faster than plain convolutions")
    for song in given.music:
        print(f"{song.name}: {', '.join(f'{tag} {share:.2f}' for tag, share in heard(network, song))}")
    if max(found.values()) > ALLOWED:
        sys.exit(1)


if __name__ == "__main__":
    main()
