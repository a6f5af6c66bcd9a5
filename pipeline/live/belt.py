"""A belt's connection over Bluetooth Low Energy, by bleak, held until told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.clock import now_us
from pipeline.errors import FrameError, SourceUnavailable
from pipeline.live.polar import CONTROL, DATA, START, SensorTime, check_answer, decode_packet

__all__ = ["listen_to_belt"]

RETRY_S = 3.0
LOOK_S = 20.0  # for the belt to be seen
SILENT_S = 10.0  # after which a connection without packets is given up

logger = logging.getLogger(__name__)


async def listen_to_belt(belt: str, take: Callable[[float, NDArray[np.float32]], None]) -> None:
    """Take the ECG of a belt, again and again connected, until this is cancelled.

    Parameters
    ----------
    belt : str
        Its address, or the end of its name, such as ``E9AF5A2F`` of ``Polar H10 E9AF5A2F``.
    take : callable
        Given the time of a block's first sample in microseconds since 1970 UTC, and its samples in mV; called in
        another thread, one block at a time.

    Raises
    ------
    SourceUnavailable
        If bleak or a Bluetooth adapter is missing, the belt is not seen at first, or it refuses.
    """
    bleak = _library()
    time, known = SensorTime(), False
    while True:
        try:
            device = await bleak.BleakScanner.find_device_by_filter(
                lambda seen, _advertised: (
                    belt.lower() in (seen.address.lower(), (seen.name or "").lower()[-len(belt) :])
                ),
                timeout=LOOK_S,
            )
            if device is not None:
                known = True
                await _stream(bleak, device, time, take)
        except (bleak.exc.BleakError, OSError, TimeoutError) as error:
            if not known:
                raise SourceUnavailable(f"Bluetooth: {error or type(error).__name__}; is an adapter on?") from error
            logger.warning("the belt %s is connected anew: %s", belt, error or type(error).__name__)
        if not known:
            raise SourceUnavailable(f"the belt {belt} is not seen within {LOOK_S:g} s: is it worn, and free?")
        await asyncio.sleep(RETRY_S)


async def _stream(
    bleak: Any, device: Any, time: SensorTime, take: Callable[[float, NDArray[np.float32]], None]
) -> None:
    """Take packets until the connection is lost."""
    arrived: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    async with bleak.BleakClient(device, disconnected_callback=lambda _client: arrived.put_nowait(None)) as client:
        await client.start_notify(CONTROL, lambda _sender, data: answers.put_nowait(bytes(data)))
        await client.start_notify(DATA, lambda _sender, data: arrived.put_nowait((now_us(), bytes(data))))
        await client.write_gatt_char(CONTROL, START, response=True)
        check_answer(await asyncio.wait_for(answers.get(), SILENT_S))
        while (came := await asyncio.wait_for(arrived.get(), SILENT_S)) is not None:
            arrived_us, data = came
            try:
                packet = decode_packet(data)
            except FrameError as error:
                logger.warning("the belt's packet is left out: %s", error)
                continue
            await asyncio.to_thread(take, time.first_us(packet, arrived_us), packet.signal)


def _library() -> Any:
    try:
        import bleak
        import bleak.exc
    except ImportError as error:
        raise SourceUnavailable("Bluetooth: bleak is missing: pip install 'ecg-anomaly[live,ble]'") from error
    return bleak
