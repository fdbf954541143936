"""The recipes of CONTRIBUTING.md work as they stand: their files go into a copy of the project and train there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from music_affect.data.synthesis.corpus import make_corpus
from music_affect.system.files import read_csv, read_json

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST = 60  # lines: a recipe that needs more is no recipe


def recipes() -> dict[str, str]:
    """Text of each file that the page shows, by its path."""
    return dict(BLOCK.findall((CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


PACKAGES = {"model": "models", "data": "data", "task": "tasks"}  # where a class goes that is handed in, by its group


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of somebody's own, outside the checkout, with the files of the page."""
    root = tmp_path_factory.mktemp("own")
    (root / "random.py").write_text("raise ImportError('this is no module of Python')\n")
    for name, text in recipes().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project into which the files of the page were moved."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("music_affect", "conf", "tests"):
        shutil.copytree(CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", root)
    for name, text in handed_in().items():
        assert not (CHECKOUT / name).exists(), f"{name} is in the project already"
        (root / name).write_text(text, encoding="utf-8")
    return root


def handed_in() -> dict[str, str]:
    """The files as they stand in the project, by their paths there."""
    moved = {}
    files = list(recipes().items())  # each class is followed by its settings
    for (module, code), (config, settings) in zip(files[::2], files[1::2], strict=True):
        package = PACKAGES[Path(config).parent.name]
        moved[f"music_affect/{package}/{module}"] = code
        moved[config] = settings.replace(
            f"_target_: {Path(module).stem}.", f"_target_: music_affect.{package}.{Path(module).stem}."
        )
    return moved


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds each of a few clips, sorted into one folder a genre."""
    corpus = make_corpus(tmp_path_factory.mktemp("corpus"), num_clips=20, seconds=2, workers=1, progress=False)
    root = tmp_path_factory.mktemp("music")
    for row in read_csv(corpus / "labels.csv"):
        (root / row["genre"]).mkdir(exist_ok=True)
        shutil.copy(corpus / row["path"], root / row["genre"])
    return root


def run(folder: Path, *words: str) -> str:
    """Runs a command in a folder; what it printed."""
    places = {"MUSIC_AFFECT_CACHE": str(folder / "cache"), "MUSIC_AFFECT_OUTPUTS": str(folder / "outputs")}
    project = folder if (folder / "music_affect").is_dir() else CHECKOUT
    environment = {**os.environ, **places, "PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_model_a_data_set_and_a_task_are_one_python_and_one_yaml_file_each() -> None:
    assert [str(Path(name).parent) for name in recipes()] == [".", "conf/model", ".", "conf/data", ".", "conf/task"]
    assert {name: text.count("\n") for name, text in recipes().items() if text.count("\n") >= LONGEST} == {}


def test_the_recipes_train_together_in_a_folder_of_their_own(own: Path, music: Path) -> None:
    script = own / "music-affect"  # as an installer writes it: the folder is not among those of Python's modules
    script.write_text("from music_affect.__main__ import main\nif __name__ == '__main__':\n    main()\n")
    (own / "bin").mkdir()
    command = [sys.executable, str(script.rename(own / "bin" / "music-affect"))]
    words = ["model=deep_sets", "data=genre_folders", f"data.root={music}", "task=genre_focal"]
    quick = ["task.classification.focus=1.5", "data.beat=true", "split.test_fraction=0.5", "trainer=smoke", "workers=1"]
    run(own, *command, "train", "--config-dir", "conf", *words, *quick)
    folder = own / "outputs" / "genre_focal" / "genre_folders-fused-deep_sets-s0"
    metrics = read_json(folder / "metrics.json")
    assert (metrics["model"], metrics["data"], metrics["task"]) == ("deep_sets", "genre_folders", "genre_focal")
    assert metrics["targets"]["genre"]["classes"] == sorted(path.name for path in music.iterdir())
    assert metrics["clips"]["skipped"] == {}
    assert metrics["weights"]["epoch"] == 1
    data = ["-cd", "conf", "data=genre_folders", f"data.root={music}", "data.beat=true"]
    trusted = f"trust=[{','.join(Path(name).stem for name in recipes() if name.endswith('.py'))}]"
    assert "macro F1" in run(own, *command, "evaluate", f"checkpoint={folder}", trusted, *data, "accelerator=cpu")
    assert "genre_focal" in run(own, *command, "train", "--help", "hydra.searchpath=[conf]", "model=deep_sets")


def test_the_recipes_pass_the_tests_that_every_newcomer_meets(copy: Path) -> None:
    names = [Path(name).stem for name in handed_in()]
    files = [f"tests/test_{name}.py" for name in ("contracts", "configs", "layers")]
    chosen = " or ".join([*sorted(set(names)), "test_layers"])
    printed = run(copy, sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *files, "-k", chosen)
    assert "test_contract[check_padding_in_training-deep_sets] PASSED" in printed
    composed = [line for line in printed.splitlines() if "test_every_choice_composes[train-" in line]
    for word in ("data=genre_folders", "task=genre_focal"):
        assert any(word in line and "PASSED" in line for line in composed), word


def test_the_recipes_are_in_the_style_of_the_project(copy: Path) -> None:
    names = [name for name in handed_in() if name.endswith(".py")]
    run(copy, sys.executable, "-m", "ruff", "check", *names)
    run(copy, sys.executable, "-m", "ruff", "format", "--check", *names)
