"""How many patients a worker takes: so many in all, and so many of one site, so that no sender fills it with names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

__all__ = ["Room"]


class Room:
    """Who may be monitored beside those who are.

    Parameters
    ----------
    patients : iterable of str
        Those who are.
    most, most_a_site : int
        How many there may be, in all and of one site, which is the first part of a patient's name.
    """

    def __init__(self, patients: Iterable[str], most: int, most_a_site: int) -> None:
        self._names = set(patients)
        self._sites = Counter(map(_site, self._names))
        self._most, self._most_a_site = most, most_a_site

    @property
    def is_full(self) -> bool:
        """True if nobody may come any more, of whichever site."""
        return len(self._names) >= self._most

    def admits(self, patient: str) -> bool:
        """Tell whether a patient may come, who counts from then on."""
        if patient in self._names:
            return True
        if self.is_full or self._sites[_site(patient)] >= self._most_a_site:
            return False
        self._names.add(patient)
        self._sites[_site(patient)] += 1
        return True


def _site(patient: str) -> str:
    return patient.partition("/")[0]
