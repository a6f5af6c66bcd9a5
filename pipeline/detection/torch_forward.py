"""A forward pass by torch: on a GPU, or of layers that are not compiled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.errors import ModelError

if TYPE_CHECKING:
    from pipeline.detection.network import BeatNetwork

__all__ = ["BLOCK", "DRAWING", "TorchForward", "one_thread"]

DRAWING = threading.Lock()  # weights are drawn from torch's own chance, which all threads share
BLOCK = 256  # beats per pass, always: the same beat gets the same bits whatever stands beside it


class TorchForward:
    """A forward pass by torch, in blocks of one size: on a GPU, or of layers that are not compiled.

    Parameters
    ----------
    network : BeatNetwork
        The network, in evaluation mode.
    device : str
        Where it runs, as torch names it.

    Raises
    ------
    ModelError
        If there is no such device.
    """

    def __init__(self, network: BeatNetwork, device: str = "cpu") -> None:
        try:
            self._network = network.to(device)
        except (RuntimeError, AssertionError) as error:  # torch built without it asserts
            reason = str(error).splitlines()[0]
            raise ModelError(f"torch has no device {device!r} here ({reason}): leave out --device") from error
        self._device = device

    @torch.inference_mode()
    def run(self, residual: NDArray[np.float32], condition: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rebuild residuals, see :meth:`Forward.run`.

        The last block is filled up with zeros, so that every product has the same shape.
        """
        n, s = len(residual), self._network.shape
        rebuilt = np.empty((n, s.steps, s.channels), dtype=np.float32)
        with one_thread():
            for start in range(0, n, BLOCK):
                stop = min(start + BLOCK, n)
                block = [np.zeros((BLOCK, s.steps, size), dtype=np.float32) for size in (s.channels, s.conditions)]
                block[0][: stop - start] = residual[start:stop]
                block[1][: stop - start] = condition[start:stop]
                out = self._network(*(torch.from_numpy(part).to(self._device) for part in block))
                rebuilt[start:stop] = out[: stop - start].cpu().numpy()
        return rebuilt


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: these batches gain nothing from more, and the bits of a sum depend on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
