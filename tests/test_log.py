"""What the package logs is shown by the command line, line by line, and by nobody else."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from music_affect.system import log


def test_the_console_shows_the_bare_message_and_marks_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    log.show()
    log.show()
    logger = logging.getLogger("music_affect.some.module")
    logger.info("100% of [bold]: \x1b[31mred\x1b[0m\nand more")
    logger.warning("once")
    logger.debug("never")
    assert capsys.readouterr().out == "100% of [bold]: \\x1b[31mred\\x1b[0m\\nand more\nWARNING: once\n"


def test_what_hydra_disables_is_shown_again(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("music_affect.some.module")
    logger.disabled = True
    log.show()
    logger.info("here")
    assert capsys.readouterr().out == "here\n"


def test_a_program_that_imports_the_package_sees_nothing_unless_it_asks() -> None:
    code = (
        "import logging, music_affect.system.log, music_affect.evaluate\n"
        "logging.getLogger('music_affect.evaluate').info('not seen')\n"
        "logging.basicConfig(level=logging.INFO, format='%(message)s')\n"
        "logging.getLogger('music_affect.evaluate').info('seen')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "seen\n")
