"""One job a device, in real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from music_affect.sweep import device_lock

HOLD = """
import logging, sys, time
from pathlib import Path
from music_affect.sweep import device_lock

logging.basicConfig(stream=sys.stdout, format="%(message)s", level="INFO")
folder, gate, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
with device_lock.one_of(names, folder) as name:
    print(name, flush=True)
    while not gate.exists():
        time.sleep(0.01)
"""


def hold(folder: Path, gate: Path, *names: str) -> subprocess.Popen[str]:
    """A process that takes one of the names and keeps it until the gate exists."""
    command = [sys.executable, "-c", HOLD, str(folder), str(gate), *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_processes_get_different_devices_and_the_next_one_waits(tmp_path: Path) -> None:
    gates = [tmp_path / f"gate{number}" for number in range(3)]
    first, second = (hold(tmp_path / "devices", gate, "device-0", "device-1") for gate in gates[:2])
    try:
        taken = {said(first), said(second)}
        assert taken == {"device-0", "device-1"}
        third = hold(tmp_path / "devices", gates[2], "device-0", "device-1")
        assert said(third) == "Waiting for one of device-0, device-1."
        second.kill()  # the lock ends with its process, however that ends
        assert said(third) in taken
    finally:
        for gate in gates:
            gate.touch()
        for process in (first, second, third):
            process.wait(timeout=60)


def test_a_device_is_free_again_after_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with pytest.raises(ValueError, match="oops"), device_lock.one_of(["one"], tmp_path):
        raise ValueError("oops")
    began = time.monotonic()
    with device_lock.one_of(["one"], tmp_path) as name:
        assert name == "one"
    assert caplog.messages == []
    assert time.monotonic() - began < 60
