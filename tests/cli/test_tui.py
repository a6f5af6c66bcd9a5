from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

BEAT = re.compile("[\u2801-\u28ff]")  # braille dots: some signal is drawn


@dataclass
class Viewer:
    """A running ``monitor --tui``, and all that it has printed."""

    process: subprocess.Popen[bytes]
    descriptor: int
    printed: bytearray = field(default_factory=bytearray)

    def read_until(self, seen: Callable[[str], object]) -> str:
        """Read until something is seen, or until the output ends."""
        deadline = time.monotonic() + PATIENCE_S
        while not seen(text := self.printed.decode(errors="replace")):
            assert time.monotonic() < deadline, f"not drawn in {PATIENCE_S:g} s: {text[-2000:]}"
            if not select.select([self.descriptor], [], [], 1.0)[0]:
                continue
            try:
                more = os.read(self.descriptor, 65536)
            except OSError:  # so a pseudo-terminal ends
                more = b""
            if not more:
                return text
            self.printed += more
        return text

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; return exit code and everything that was printed."""
        self.process.send_signal(signal.SIGINT)
        text = self.read_until(lambda _: False)
        return self.process.wait(PATIENCE_S), text


@contextmanager
def viewer(command: str, state: Path, *arguments: str, on_terminal: bool) -> Iterator[Viewer]:
    if on_terminal:
        descriptor, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    else:
        descriptor, end = os.pipe()
    environment = {**os.environ, "ECG_STATE_DIR": str(state), "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    words = [command, "monitor", "--tui", *arguments]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=end, stderr=end, env=environment) as process:
        os.close(end)
        try:
            yield Viewer(process, descriptor)
        finally:
            process.kill()  # where a test has failed; else it has ended
            os.close(descriptor)


def has_patient(text: str) -> bool:
    return "ward/bed-1" in text and BEAT.search(text) is not None


@pytest.mark.parametrize("on_terminal", [True, False], ids=["terminal", "pipe"])
def test_the_demo_is_drawn_and_ctrl_c_ends_it(command: str, tmp_path: Path, on_terminal: bool) -> None:
    with viewer(command, tmp_path, "--demo", on_terminal=on_terminal) as running:
        text = running.read_until(has_patient)
        assert has_patient(text), text
        code, text = running.interrupt()
    assert code == 130
    assert "Traceback" not in text
    assert "Stopped." in text
    assert ("\x1b[?1049l" in text) is on_terminal  # the screen is given back; a pipe gets nothing but text
    assert ("\x1b" in text) is on_terminal
    assert "alarms that last" in text  # there is room for them


@pytest.mark.parametrize("on_terminal", [True, False], ids=["terminal", "pipe"])
def test_a_workers_patients_are_drawn_and_ctrl_c_ends_it(
    command: str, tmp_path: Path, stream: str, on_terminal: bool
) -> None:
    with viewer(command, tmp_path, "--from", stream, on_terminal=on_terminal) as running:
        text = running.read_until(has_patient)
        assert has_patient(text), text
        code, text = running.interrupt()
    assert code == 130
    assert "Traceback" not in text
