"""What Polar's belts say over Bluetooth Low Energy: packets of ECG, and when their samples were taken.

The layout is that of Polar's measurement data specification (polar-ble-sdk, technical_documentation), for the H10::

    0      kind of measurement, 0 for ECG
    1-8    time of the LAST sample, in ns since 2000 on the sensor's clock, little-endian
    9      kind of packet, 0
    10-    samples of 3 bytes, little-endian, signed, in microvolts: 73 of them as a rule

The sensor's clock begins at 2019 whenever it was switched off, and its rate is 128 to 131 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FrameError, SourceUnavailable

__all__ = ["CONTROL", "DATA", "FS", "LEAD", "START", "Packet", "SensorTime", "check_answer", "decode_packet"]

CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"  # characteristics of the measurement service
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"
FS = 130.0  # Hz, nominal
LEAD = "ECG"  # from left to right across the chest, near lead I
START = bytes([0x02, 0x00, 0x00, 0x01, 0x82, 0x00, 0x01, 0x01, 0x0E, 0x00])  # ECG at 130 Hz (0x82) with 14 bits (0x0e)

HEAD, SAMPLE = 10, 3  # bytes
ANSWER, ALREADY = 0xF0, 6
ERRORS = (
    "", "invalid op code", "invalid measurement type", "not supported", "invalid length", "invalid parameter",
    "already streaming", "invalid resolution", "invalid sample rate", "invalid range", "invalid MTU",
    "invalid number of channels", "invalid state", "device in charger",
)  # fmt: skip
DRIFT = 200e-6  # of two clocks from each other, at the most
FORGOTTEN_US = 10_000_000  # by which the sensor's clock has jumped and is measured anew


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """A packet of ECG.

    Attributes
    ----------
    last_us : float
        When the last sample was taken, in microseconds on the sensor's clock.
    signal : ndarray of float32, shape (n, 1)
        In mV.
    """

    last_us: float
    signal: NDArray[np.float32]


def decode_packet(data: bytes) -> Packet:
    """Return what a packet says.

    Raises
    ------
    FrameError
        If it is no packet of ECG, or its length is none of whole samples.
    """
    if len(data) < HEAD + SAMPLE or (len(data) - HEAD) % SAMPLE:
        raise FrameError(f"a packet of {len(data)} bytes: 10 and whole samples of 3 are expected")
    if data[0] != 0 or data[9] != 0:
        raise FrameError(f"a packet of kind {data[0]}, {data[9]}: ECG is 0, 0")
    octets = np.frombuffer(data, np.uint8, offset=HEAD).reshape(-1, SAMPLE)
    padded = np.zeros((len(octets), 4), np.uint8)
    padded[:, 1:] = octets  # above the lowest byte, so that the sign is where int32 has it
    microvolts = padded.view("<i4") >> 8
    return Packet(int.from_bytes(data[1:9], "little") / 1e3, (microvolts / 1000.0).astype(np.float32))


def check_answer(data: bytes) -> None:
    """Look at what a belt answers to a command.

    Raises
    ------
    SourceUnavailable
        If it refuses; the message says why.
    """
    if len(data) >= 4 and data[0] == ANSWER and data[3] not in (0, ALREADY):
        why = ERRORS[data[3]] if data[3] < len(ERRORS) else f"error {data[3]}"
        raise SourceUnavailable(f"the belt refuses to send its ECG: {why}")


class SensorTime:
    """The time of day of what a sensor stamps.

    A packet arrives after its last sample was taken, sooner or later: the least distance of both clocks is the nearest
    to the truth. The radio's shortest delay, some tens of ms, stays in it.
    """

    def __init__(self) -> None:
        self._distance_us: float | None = None
        self._last_us = 0.0

    def first_us(self, packet: Packet, arrived_us: int) -> float:
        """Return when a packet's first sample was taken, in microseconds since 1970 UTC.

        Parameters
        ----------
        packet : Packet
            What came.
        arrived_us : int
            When it came.
        """
        distance = arrived_us - packet.last_us
        if self._distance_us is None or abs(distance - self._distance_us) > FORGOTTEN_US:
            self._distance_us = distance
        # Clocks drift apart: a belt whose clock runs slow is followed, by more than any drift and less than a delay.
        since_us = max(0, packet.last_us - self._last_us) if self._last_us else 0
        self._last_us = packet.last_us
        self._distance_us = min(self._distance_us + DRIFT * since_us, distance)
        return packet.last_us + self._distance_us - (len(packet.signal) - 1) / FS * 1e6
