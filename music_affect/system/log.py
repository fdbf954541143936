"""The package's log on the console. The command line shows it; a program that imports the package decides itself."""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("music_affect")
# Where Lightning's advertisements come from. The levels of the loggers above them are set when Lightning is imported.
RANK_ZERO = ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.rank_zero")


class ConsoleHandler(logging.Handler):
    """Prints the bare message, a line each; a warning and worse begin with their level."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            from rich.text import Text  # late: what is refused within a second prints nothing

            from music_affect.system import console
            from music_affect.system.plain_text import on_one_line

            message = record.msg if isinstance(record.msg, Text) else Text(on_one_line(record.getMessage()))
            if record.levelno >= logging.WARNING:
                message = Text.assemble((f"{record.levelname}: ", "bold yellow"), message)
            console.make().print(message)  # of the standard output of this moment
        except Exception:
            self.handleError(record)


def show() -> None:
    """Shows the package's log on the console from here on; called again, it repairs what was set up otherwise since."""
    if not any(isinstance(handler, ConsoleHandler) for handler in LOGGER.handlers):
        LOGGER.addHandler(ConsoleHandler())
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False  # Hydra's own handler would show it a second time
    for name in [known for known in logging.root.manager.loggerDict if known.startswith(LOGGER.name)]:
        logging.getLogger(name).disabled = False  # Hydra's setting `disabled` is meant for those of libraries
    for name in RANK_ZERO:
        logging.getLogger(name).setLevel(logging.WARNING)
