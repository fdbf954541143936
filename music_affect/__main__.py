"""One command for all entry points: ``music-affect COMMAND …``, which is ``python -m music_affect COMMAND …``."""

from __future__ import annotations

import sys
from importlib import import_module

from music_affect import __version__
from music_affect.configuration.completion import COMMANDS, SHELLS, script
from music_affect.contracts.errors import did_you_mean

HELP = "\n".join(
    [
        "music-affect COMMAND …: genre and affect of music from spectrograms.",
        "",
        *(f"  {name:<12}{meaning}" for name, meaning in COMMANDS.items()),
        "",
        "music-affect COMMAND --help says what a command takes; --version prints the version.",
    ]
)


def main() -> None:
    """Runs the command that the first word names; it finds the words after it as if it had been called itself.

    Exits with code 2 and one line where there is no such command.
    """
    name, *words = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h", "--version"):
        print(f"music_affect {__version__}" if name == "--version" else HELP)
    elif name not in COMMANDS:
        print(
            f"error: no command {name!r}{did_you_mean(name, COMMANDS)}; expected one of {', '.join(COMMANDS)}; "
            "see music-affect --help.",
            file=sys.stderr,
        )
        sys.exit(2)
    elif name == "completion":
        _print_completion(words)
    else:
        sys.argv = [f"music-affect {name}", *words]
        import_module(f"music_affect.{name}").main()


def _print_completion(words: list[str]) -> None:
    if len(words) != 1 or words[0] not in SHELLS:
        usage = f'eval "$(music-affect completion {SHELLS[0]})"'
        print(
            f"error: completion {' '.join(words)}; expected one of {', '.join(SHELLS)}; write {usage}.", file=sys.stderr
        )
        sys.exit(2)
    print(script())


if __name__ == "__main__":
    main()
