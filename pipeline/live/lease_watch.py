"""Leases of workers whose clock was ahead: nobody waits until a moment that was never meant."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.storage.database import Lease

__all__ = ["LeaseWatch"]


class LeaseWatch:
    """Find leases that reach further than any that is given now, and that nobody renews.

    Where a machine's clock was ahead when a worker died, and has been set since, the lease says that the worker lives
    for hours to come. Who waits for the partition sees that it is not renewed, for as long as a lease is, and takes it.
    Workers of one database have leases of one length.

    Parameters
    ----------
    lease_us : int
        Length of a lease, in microseconds.
    """

    def __init__(self, lease_us: int) -> None:
        self._lease_us = lease_us
        self._seen: dict[Lease, int] = {}  # since when it has been as it is

    def stale(self, leases: Iterable[Lease], now_us: int, wall_us: int) -> list[Lease]:
        """Take a look at leases of others; return those that have run out whatever they say.

        Parameters
        ----------
        leases : iterable of Lease
            As they stand in the database.
        now_us : int
            The time of a steady clock.
        wall_us : int
            The time of the clock that leases are given by.
        """
        far = [lease for lease in leases if lease.until_us > wall_us + self._lease_us]
        self._seen = {lease: self._seen.get(lease, now_us) for lease in far}
        return [lease for lease, since_us in self._seen.items() if now_us - since_us > self._lease_us]
