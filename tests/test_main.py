"""``music-affect`` as a person uses it: one command, its help, its completion in a real shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from music_affect import __version__
from music_affect.configuration.completion import COMMANDS, COMPOSING, OPTIONS
from music_affect.configuration.help_text import arguments, comments

ASK = """
eval "$(music-affect completion bash)"
for line in "$@"; do
    COMP_LINE="$line" COMP_POINT=${#line} COMP_WORDS=($line) COMP_CWORD=0 COMPREPLY=()
    _music_affect music-affect
    echo "${COMPREPLY[*]}"
done
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the command as an installer writes it."""
    made = tmp_path_factory.mktemp("bin")
    script = made / "music-affect"
    lines = (
        f"#!{sys.executable}",
        "from music_affect.__main__ import main",
        "if __name__ == '__main__':",
        "    main()",
    )
    script.write_text("\n".join(lines))
    script.chmod(0o755)
    return made


def command(folder: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``music-affect words`` in a process of its own."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(words, cwd=cwd, env=settings, capture_output=True, text=True, timeout=60, check=False)


def test_without_words_it_lists_its_commands(folder: Path, tmp_path: Path) -> None:
    bare, asked = (command(folder, "music-affect", *words, cwd=tmp_path) for words in ((), ("--help",)))
    assert (bare.returncode, bare.stdout) == (0, asked.stdout)
    assert [line.split()[0] for line in bare.stdout.splitlines() if line.startswith("  ")] == list(COMMANDS)
    version = command(folder, sys.executable, "-m", "music_affect", "--version", cwd=tmp_path)
    assert version.stdout == f"music_affect {__version__}\n"


def test_an_unknown_command_is_answered_in_one_line(folder: Path, tmp_path: Path) -> None:
    done = command(folder, "music-affect", "trian", "model=cnn", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no command 'trian', did you mean 'train'?; expected one of train, ")
    assert done.stderr.count("\n") == 1


def test_every_way_to_call_a_command_is_the_same_command(folder: Path, tmp_path: Path) -> None:
    python = (sys.executable, "-m")
    ways = (["music-affect", "train"], [*python, "music_affect", "train"], [*python, "music_affect.train"])
    answers = [command(folder, *way, "modle=cnn", cwd=tmp_path) for way in ways]
    assert {(done.returncode, done.stdout, done.stderr) for done in answers} == {(1, "", answers[0].stderr)}
    assert answers[0].stderr.startswith("error: unknown setting 'modle'")


def test_help_shows_groups_and_what_each_setting_means(folder: Path, tmp_path: Path) -> None:
    done = command(folder, "music-affect", "train", "--help", "model=cnn", cwd=tmp_path)
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "seed=0 of weights, shuffling, crops; the split has its own: split.seed" in lines
    assert "model.net.dropout=0.3 share of the embedding dropped in training" in lines, "from the class's docstring"
    assert any(line.startswith("model=cnn ast, ast_base, ") for line in lines)


def test_the_shell_completes_commands_groups_settings_and_options(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "model").mkdir(parents=True)
    (tmp_path / "own" / "model" / "ast_mine.yaml").write_text("defaults: [ast]\n")
    expected = {
        "music-affect pre": "predict prepare",
        "music-affect train mod": "model. model=",
        "music-affect train model=ast_b": "ast_base",
        "music-affect train --config-dir=own model=ast_m": "ast_mine",
        "music-affect train model=cnn trainer.max_e": "trainer.max_epochs=",
        "music-affect train --mul": "--multirun",
        "music-affect evaluate che": "checkpoint=",
        "music-affect ensemble --t": "--together",
        "music-affect track ": "sync dashboard --help",
    }
    done = command(folder, "bash", "-c", ASK, "bash", *expected, cwd=tmp_path)
    assert dict(zip(expected, done.stdout.splitlines(), strict=True)) == expected, done.stderr


def test_hydras_own_word_for_completion_gives_ours(folder: Path, tmp_path: Path) -> None:
    own = command(folder, "music-affect", "completion", "bash", cwd=tmp_path)
    words = ("-m", "music_affect.train", "--shell-completion", "install=bash")
    assert command(folder, sys.executable, *words, cwd=tmp_path).stdout == own.stdout
    assert command(folder, "music-affect", "completion", "fish", cwd=tmp_path).returncode == 2


def test_every_command_has_its_options() -> None:
    assert OPTIONS.keys() == COMMANDS.keys()
    assert set(COMPOSING) < set(COMMANDS)


def test_meanings_are_read_from_comments_and_docstrings(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(
        'a: "x # y"  # first\nb:   # of b\n  c: [1, 2]   # second,\n              # and its end\n# of nothing\nd: 1\n'
    )
    assert comments(path) == {"a": "first", "b": "of b", "b.c": "second, and its end"}
    assert arguments("music_affect.models.cnn.CNN")["dropout"] == "share of the embedding dropped in training"
    assert arguments("torch.optim.AdamW") == arguments("nowhere.at.All") == {}
