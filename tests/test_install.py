"""The wheel works away from the checkout: it carries conf/ and answers on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[1]


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python words`` in a process of its own."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=CHECKOUT)
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is installed; its dependencies are those of the running interpreter."""
    target = tmp_path_factory.mktemp("installed")
    done = run("-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel), cwd=target)
    assert done.returncode == 0, done.stderr
    return target


CARRIED = {".py", ".html", ".css", ".js", ".md"}


def test_the_wheel_holds_the_package_and_every_configuration(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    own = [path for path in (CHECKOUT / "music_affect").rglob("*.*") if path.suffix in CARRIED]
    assert {path.suffix for path in own} == CARRIED
    wanted = {str(path.relative_to(CHECKOUT)) for path in own}
    wanted |= {f"music_affect/{path.relative_to(CHECKOUT)}" for path in (CHECKOUT / "conf").rglob("*.yaml")}
    assert wanted <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"music_affect", "hydra_plugins"}


def test_the_installed_package_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    code = "import music_affect.configuration.command_line as c; print(c.__file__, c.conf_folder(), sep='\\n')"
    module, conf = run("-c", code, cwd=tmp_path, PYTHONPATH=str(installed)).stdout.split()
    assert Path(module).is_relative_to(installed)
    assert Path(conf) == installed / "music_affect" / "conf"


def test_help_shows_the_choices(installed: Path, tmp_path: Path) -> None:
    shown = run("-m", "music_affect.train", "--help", cwd=tmp_path, PYTHONPATH=str(installed))
    assert shown.returncode == 0, shown.stderr
    assert "model=ast " in shown.stdout
    assert "weights, shuffling, crops" in shown.stdout
    assert "synthetic_beat" in shown.stdout


def test_a_typing_mistake_is_explained_and_leaves_nothing_behind(installed: Path, tmp_path: Path) -> None:
    answer = run("-m", "music_affect.train", "model=lstn", cwd=tmp_path, PYTHONPATH=str(installed))
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: model=lstn, did you mean 'lstm'?")
    assert answer.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
