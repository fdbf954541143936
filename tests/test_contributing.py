"""The recipes of CONTRIBUTING.md work as they stand: their files go into a copy of the project and train there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from music_affect.files import read_csv, read_json
from music_affect.synthesis.corpus import make_corpus

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST = 60  # lines: a recipe that needs more is no recipe


def recipes() -> dict[str, str]:
    """Text of each file that the page shows, by its path."""
    return dict(BLOCK.findall((CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the files of the page in it."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("music_affect", "conf", "tests"):
        shutil.copytree(CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", root)
    for name, text in recipes().items():
        assert not (CHECKOUT / name).exists(), f"{name} is in the project already"
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds each of a few clips, sorted into one folder a genre."""
    corpus = make_corpus(tmp_path_factory.mktemp("corpus"), num_clips=20, seconds=2, workers=1, progress=False)
    root = tmp_path_factory.mktemp("music")
    for row in read_csv(corpus / "labels.csv"):
        (root / row["genre"]).mkdir(exist_ok=True)
        shutil.copy(corpus / row["path"], root / row["genre"])
    return root


def run(copy: Path, *words: str) -> str:
    """Runs ``python words`` on the copy; what it printed."""
    places = {"MUSIC_AFFECT_CACHE": str(copy / "cache"), "MUSIC_AFFECT_OUTPUTS": str(copy / "outputs")}
    environment = {**os.environ, **places, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_model_a_data_set_and_a_task_are_one_python_and_one_yaml_file_each() -> None:
    folders = [str(Path(name).parent) for name in recipes()]
    groups = (
        ("music_affect/models", "conf/model"),
        ("music_affect/data", "conf/data"),
        ("music_affect/tasks", "conf/task"),
    )
    assert folders == [folder for pair in groups for folder in pair]
    assert {name: text.count("\n") for name, text in recipes().items() if text.count("\n") >= LONGEST} == {}


def test_the_recipes_train_together(copy: Path, music: Path) -> None:
    words = ["model=deep_sets", "data=genre_folders", f"data.root={music}", "task=genre_focal"]
    run(
        copy,
        "-m",
        "music_affect.train",
        *words,
        "task.classification.focus=1.5",
        "data.beat=true",
        "split.test_fraction=0.5",
        "trainer=smoke",
        "workers=1",
    )
    metrics = read_json(copy / "outputs" / "genre_focal" / "genre_folders-fused-deep_sets-s0" / "metrics.json")
    assert (metrics["model"], metrics["data"], metrics["task"]) == ("deep_sets", "genre_folders", "genre_focal")
    assert metrics["targets"]["genre"]["classes"] == sorted(path.name for path in music.iterdir())
    assert metrics["clips"]["skipped"] == {}
    assert metrics["weights"]["epoch"] == 1


def test_the_recipes_pass_the_tests_that_every_newcomer_meets(copy: Path) -> None:
    names = [Path(name).stem for name in recipes()]
    files = [f"tests/test_{name}.py" for name in ("contracts", "configs", "layers")]
    chosen = " or ".join([*sorted(set(names)), "test_layers"])
    printed = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", *files, "-k", chosen)
    assert "test_contract[check_padding_in_training-deep_sets] PASSED" in printed
    assert "test_every_choice_composes[train-data-genre_folders] PASSED" in printed
    assert "test_every_choice_composes[train-task-genre_focal] PASSED" in printed


def test_the_recipes_are_in_the_style_of_the_project(copy: Path) -> None:
    names = [name for name in recipes() if name.endswith(".py")]
    run(copy, "-m", "ruff", "check", *names)
    run(copy, "-m", "ruff", "format", "--check", *names)
