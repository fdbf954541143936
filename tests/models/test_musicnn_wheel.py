"""Where the weights of musicnn come from: fetched once, checked by their hash, or told how to be had."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from musicnn_files import DATA, INDEX, write_wheel

from music_affect.contracts.errors import CheckpointError
from music_affect.models import musicnn_wheel
from music_affect.models.musicnn_network import MusicnnNetwork
from music_affect.models.musicnn_start import MusicnnStart

Pip = Callable[..., object]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel(tmp_path_factory.mktemp("published") / musicnn_wheel.WHEEL)


@pytest.fixture
def calls(published: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Words of the calls of a pip that brings our wheel, which stands for the published one."""
    made: list[list[str]] = []

    def download(words: list[str], **_: object) -> None:
        made.append(words)
        shutil.copy(published, words[words.index("--dest") + 1])

    monkeypatch.setattr(subprocess, "run", download)
    monkeypatch.setattr(musicnn_wheel, "SHA256", hashlib.sha256(published.read_bytes()).hexdigest())
    return made


def test_the_wheel_is_fetched_once_and_said_before(
    tmp_path: Path, calls: list[list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(musicnn_wheel.fetch, [tmp_path] * 8))
    assert found == {tmp_path / "weights" / musicnn_wheel.WHEEL}
    assert len(calls) == 1
    assert "musicnn==0.1.0" in calls[0]
    assert "--no-deps" in calls[0]
    (line,) = [record.message for record in caplog.records if "Fetching" in record.message]
    assert all(word in line for word in ("musicnn==0.1.0", "29 MB", "ISC licence", "Universitat Pompeu Fabra"))
    assert "Permission to use" in (tmp_path / "weights" / "musicnn-0.1.0-py3-none-any.LICENSE.md").read_text()


def test_features_know_their_weights_before_they_are_fetched(tmp_path: Path, calls: list[list[str]]) -> None:
    network = MusicnnNetwork(cache=str(tmp_path))
    named = network.settings()
    assert calls == []
    network.prepare()
    assert named == MusicnnNetwork(str(tmp_path / "weights" / musicnn_wheel.WHEEL)).settings()


def test_another_file_is_never_kept(tmp_path: Path, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(musicnn_wheel, "SHA256", "0" * 64)
    with pytest.raises(CheckpointError, match=r"is not the published wheel of musicnn==0.1.0 \(SHA-256 .*0000…"):
        musicnn_wheel.fetch(tmp_path)
    assert list((tmp_path / "weights").glob("*.whl")) == []


def test_another_file_put_there_by_hand_is_not_used(tmp_path: Path, calls: list[list[str]]) -> None:
    own = tmp_path / "weights" / musicnn_wheel.WHEEL
    own.parent.mkdir()
    own.write_bytes(b"another version")
    with pytest.raises(CheckpointError, match=r"is not the published wheel of musicnn==0.1.0 \(SHA-256"):
        MusicnnStart(cache=str(tmp_path)).sizes()
    assert calls == []
    assert own.read_bytes() == b"another version"


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("no pip"),
        subprocess.CalledProcessError(1, "pip", stderr="WARNING: x\nERROR: No matching distribution\nnotice"),
    ],
)
def test_without_a_network_one_line_says_what_to_do(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(CheckpointError) as caught:
        musicnn_wheel.fetch(tmp_path)
    told = str(caught.value)
    assert f"are not at {tmp_path / 'weights' / musicnn_wheel.WHEEL} and cannot be fetched" in told
    assert "no pip" in told or "(ERROR: No matching distribution)" in told
    assert f"pip download musicnn==0.1.0 --no-deps` where there is a network and put {musicnn_wheel.WHEEL} into" in told
    assert "\n" not in told


def hostile(change: Callable[[zipfile.ZipFile], None]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        change(archive)
    return content.getvalue()


def bomb(archive: zipfile.ZipFile) -> None:
    archive.writestr(INDEX, bytes(17 << 20))
    archive.writestr(DATA, b"")


HOSTILE = {
    "File is not a zip file": b"text",
    "no item named 'musicnn/MSD_musicnn/.index'": hostile(lambda archive: None),
    "larger than 16 MiB": hostile(bomb),
    "no table of tensors": hostile(lambda archive: [archive.writestr(name, b"x") for name in (INDEX, DATA)] and None),
}


@pytest.mark.parametrize("told", HOSTILE)
def test_a_file_that_is_no_such_wheel(tmp_path: Path, told: str) -> None:
    path = tmp_path / "musicnn.whl"
    path.write_bytes(HOSTILE[told])
    with pytest.raises(CheckpointError, match=told) as caught:
        MusicnnNetwork(str(path)).prepare()
    assert caught.value.found.startswith(f"{path} cannot be used")


def test_a_local_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere\.whl cannot be read \(No such file"):
        MusicnnNetwork(str(tmp_path / "nowhere.whl"))
