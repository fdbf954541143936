"""What all tests share: folders of their own, a small synthetic corpus, and the lab's data set in miniature."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_files import write_lab

from music_affect.data.synthesis.corpus import make_corpus
from music_affect.system import log


@pytest.fixture(scope="session")
def cache_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of the whole session, shared by its processes: what one test extracts, the next one finds."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    (root / "cache").mkdir(exist_ok=True)
    return root / "cache"


@pytest.fixture(autouse=True, scope="session")
def own_folders(
    cache_root: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[None]:
    """Nothing is read from or written to the folders of the person who runs the tests.

    Compiled code is kept from one session to the next, in pytest's own cache: making it takes half a minute.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSIC_AFFECT_CACHE", str(cache_root))
        kept = getattr(pytestconfig, "cache", None)  # not there with -p no:cacheprovider
        patch.setenv("MUSIC_AFFECT_COMPILED", str(kept.mkdir("compiled") if kept else cache_root / "compiled"))
        patch.setenv("MUSIC_AFFECT_OUTPUTS", str(tmp_path_factory.mktemp("outputs")))
        patch.delenv("MUSIC_AFFECT_DATA", raising=False)
        log.show()  # as the command line does
        yield


@pytest.fixture(scope="session")
def tiny_corpus(cache_root: Path) -> Path:
    """40 synthetic clips of 3 s, where ``data=synthetic`` with these numbers looks for them. Not to be changed."""
    return make_corpus(
        cache_root / "synthetic" / "clips40-seconds3-seed0", num_clips=40, seconds=3, workers=1, progress=False
    )


@pytest.fixture(scope="session")
def lab_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four sets of the lab, small. Not to be changed: write a set of your own for that."""
    return write_lab(tmp_path_factory.mktemp("lab"))
