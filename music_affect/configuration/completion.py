"""Completion of ``music-affect`` in a shell: commands, options, and what Hydra knows of groups and settings."""

from __future__ import annotations

import os
import re
from pathlib import Path

from music_affect.contracts.errors import ConfigurationError

COMMANDS = {
    "train": "train one model on one data set for one task and report on it; -m: several",
    "evaluate": "score a checkpoint on its own test clips or on other data",
    "predict": "predict clips, labelled or not, with a checkpoint",
    "ensemble": "average finished runs and pool their folds",
    "report": "write the report of a run or of a sweep again",
    "prepare": "extract features before training",
    "doctor": "audit a data set before hours are spent on it",
    "track": "upload recorded runs, and make a dashboard of them",
    "completion": "print what makes a shell complete all this: completion bash, or zsh",
}
SHELLS = ("bash", "zsh")
COMPOSING = ("train", "evaluate", "predict", "prepare", "doctor")
OPTIONS = {
    **dict.fromkeys(COMPOSING, "--help --config-dir= --cfg=job --multirun"),
    "ensemble": "--help --out --together",
    "report": "--help --out",
    "track": "sync dashboard --help",
    "completion": " ".join(SHELLS),
}
SCRIPT = """\
# eval "$(music-affect completion bash)", or in zsh: eval "$(music-affect completion zsh)"
if [ -n "$ZSH_VERSION" ]; then autoload -Uz bashcompinit && bashcompinit; fi
_music_affect() {
    local line="${COMP_LINE:0:$COMP_POINT}" program command word known candidate prefix=""
    read -r program command word <<< "$line"
    word="${line##* }"
    if [[ "$line" != *" $command "* ]]; then
        known="@commands --help --version"
    elif [[ " @composing " == *" $command "* && "$word" != -* ]]; then
        known="$(COMP_LINE="$line" "$program" "$command" --shell-completion query=bash 2> /dev/null)"
    else
        case "$command" in
@options
        esac
    fi
    # Where "=" parts words, bash completes what stands behind it alone.
    if [[ "$word" == *=* && "$COMP_WORDBREAKS" == *=* ]]; then prefix="${word%"${word##*=}"}"; fi
    COMPREPLY=()
    while IFS= read -r candidate; do
        if [[ -n "$candidate" && "$candidate" == "$word"* ]]; then COMPREPLY+=("${candidate#"$prefix"}"); fi
    done <<< "$(tr ' ' '\\n' <<< "$known")"
    if [[ "${COMPREPLY[*]}" == *[=./] ]]; then compopt -o nospace 2> /dev/null; fi
}
complete -o default -F _music_affect music-affect"""


def script() -> str:
    """What a shell evaluates; zsh takes the functions of bash."""
    options = [f'            {name}) known="{words}" ;;' for name, words in OPTIONS.items()]
    filled = SCRIPT.replace("@commands", " ".join(COMMANDS)).replace("@options", "\n".join(options))
    return filled.replace("@composing", " ".join(COMPOSING))


def prepare(asked: str) -> bool:
    """Readies a question of the shell for Hydra, which answers it.

    Args:
        asked: what stands behind ``--shell-completion``, which Hydra offers.

    Returns:
        Whether it is a question; installing is ours, since Hydra's own script knows no command with several jobs.

    Raises:
        ConfigurationError: it is neither.
    """
    from music_affect.configuration.overrides import SEARCHPATH

    action, _, shell = asked.partition("=")
    if action == "query":
        own = re.compile(r"(?:--config-dir|-cd)(?:=|\s+)(\S+)")
        line = " ".join(os.environ.get("COMP_LINE", "").split(" ")[1:])  # Hydra takes the program's name for itself
        os.environ["COMP_LINE"] = own.sub(lambda found: f"{SEARCHPATH}=[{Path(found[1]).absolute()}]", line)
        return True
    if action != "install" or shell not in SHELLS:
        raise ConfigurationError(
            f"--shell-completion {asked}",
            expected="music-affect completion bash, or zsh",
            fix="leave what it prints to eval",
        )
    return False
