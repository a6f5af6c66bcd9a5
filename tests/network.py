"""A network of two ends inside this machine, which a test may cut: what is sent then vanishes, and nobody is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.services import lacking

NEAR, FAR = "198.51.100.1", "198.51.100.2"  # addresses that are nobody's (RFC 5737)

# Takes connections at the far end, and brings what comes to a Unix socket: those are the same on both ends.
RELAY = """
import socket, sys, threading
address, port, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def carry(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
listening = socket.create_server((address, port))
while True:
    near, _ = listening.accept()
    far = socket.socket(socket.AF_UNIX)
    try:
        far.connect(target)
    except OSError:
        near.close()
        continue
    for pair in ((near, far), (far, near)):
        threading.Thread(target=carry, args=pair, daemon=True).start()
"""


class Network:
    """This end, and another in a namespace of its own.

    Attributes
    ----------
    within : list of str
        What a command begins with that runs at the far end.
    """

    def __init__(self) -> None:
        self._name, self._near, self._far = (f"{part}{os.getpid()}" for part in ("ecg", "ecgn", "ecgf"))
        self.within = ["ip", "netns", "exec", self._name]
        self._running: list[subprocess.Popen[bytes]] = []

    def make(self) -> None:
        _ip("netns", "add", self._name)
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._name)
        _ip("addr", "add", f"{NEAR}/30", "dev", self._near)
        _ip("link", "set", self._near, "up")
        _ip("-n", self._name, "addr", "add", f"{FAR}/30", "dev", self._far)
        self.mend()

    def cut(self) -> None:
        """Let everything vanish that is sent from now on."""
        _ip("-n", self._name, "link", "set", self._far, "down")

    def mend(self) -> None:
        _ip("-n", self._name, "link", "set", self._far, "up")

    def relay(self, port: int, target: str) -> None:
        """Bring what comes to a port at the far end to a Unix socket."""
        command = [*self.within, sys.executable, "-c", RELAY, FAR, str(port), target]
        self._running.append(subprocess.Popen(command))

    def remove(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", self._near)
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self._name)


@pytest.fixture
def network() -> Iterator[Network]:
    """A network of this test; machines that let nobody make one skip it."""
    if shutil.which("ip") is None:
        lacking("ip", "apt-get install iproute2")
    made = Network()
    try:
        try:
            made.make()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespace can be made here: {error.stderr.decode().strip()}")
        yield made
    finally:
        made.remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


__all__ = ["FAR", "Network", "network"]
