"""How a live monitor does, asked from outside: its ``/readyz`` and, twice, its ``/metrics``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests
from prometheus_client.parser import text_string_to_metric_families

from pipeline.errors import SourceUnavailable

__all__ = ["Health", "read_health"]

TIMEOUT_S = 10.0
MOST_BYTES = 2**20  # of an answer


@dataclass(frozen=True, slots=True)
class Health:
    """How a monitor does.

    Attributes
    ----------
    url : str
        Its address.
    ready : bool
        What ``/readyz`` says.
    wrong : tuple of str
        Names of the checks that fail, as ``/readyz`` says.
    patients : dict of str to int
        Streams by state: ``live`` or ``late`` (nothing has come for a while).
    samples_per_s : float
        Samples taken in per second of the watch, all patients together.
    beats : int
        Beats scored since the service started.
    alarms_unstored : int
        Alarms that wait for the database.
    unheard : int
        Patients whose frames come and whose beats do not.
    """

    url: str
    ready: bool
    wrong: tuple[str, ...]
    patients: dict[str, int]
    samples_per_s: float
    beats: int
    alarms_unstored: int
    unheard: int = 0

    @property
    def stale(self) -> tuple[str, ...]:
        """What is stale or wrong, a line each; empty if all is well."""
        lines = [f"not ready: {name}" for name in self.wrong]
        if not self.ready and not self.wrong:
            lines.append("not ready, without a reason")
        late, live = self.patients.get("late", 0), self.patients.get("live", 0)
        if late:
            lines.append(f"signal: nothing has come for a while from {late} of {late + live} patients")
        if live and not self.samples_per_s:
            lines.append(f"signal: {live} patients are live, and not one sample was taken in while it was watched")
        if self.unheard:
            lines.append(f"patients: of {self.unheard} frames come and no beat is found; an alarm names them")
        if self.alarms_unstored:
            lines.append(f"alarms: {self.alarms_unstored} wait for the database")
        return tuple(lines)


def read_health(
    url: str, *, token: str = "", watch_s: float = 5.0, sleep: Callable[[float], None] = time.sleep
) -> Health:
    """Ask a monitor how it does.

    Parameters
    ----------
    url : str
        Its address, such as ``http://127.0.0.1:8600``.
    token : str
        What it asks of who is not on its machine.
    watch_s : float
        Time between the two readings, in s.
    sleep : callable
        What waits.

    Raises
    ------
    ValueError
        If the address is none, or ``watch_s`` is not positive.
    SourceUnavailable
        If nobody answers there, or it is no monitor.
    """
    if watch_s <= 0:
        raise ValueError(f"watch_s must be positive, not {watch_s:g}")
    base = url.rstrip("/")
    with requests.Session() as session:
        if token:
            session.headers["Authorization"] = f"Bearer {token}"
        ready, wrong = _readiness(session, base)
        before = _metrics(session, base)
        sleep(watch_s)
        after = _metrics(session, base)
    taken = _total(after, "ecg_samples_total") - _total(before, "ecg_samples_total")
    patients = {
        labels[0][1]: int(value) for (name, labels), value in after.items() if name == "ecg_patients" and labels
    }
    return Health(
        url=base,
        ready=ready,
        wrong=wrong,
        patients=patients,
        samples_per_s=max(0.0, taken) / watch_s,
        beats=int(_total(after, "ecg_beats_total")),
        alarms_unstored=int(_total(after, "ecg_alarms_unstored")),
        unheard=int(_total(after, "ecg_patients_unheard")),
    )


Metrics = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _readiness(session: requests.Session, base: str) -> tuple[bool, tuple[str, ...]]:
    status, text = _get(session, f"{base}/readyz")
    try:
        said = json.loads(text)
        wrong = tuple(str(name) for name in said["wrong"])
    except (ValueError, KeyError, TypeError) as error:
        raise SourceUnavailable(f"{base}/readyz: this is no monitor's answer ({status}); check the address") from error
    return status == 200, wrong


def _metrics(session: requests.Session, base: str) -> Metrics:
    status, text = _get(session, f"{base}/metrics")
    try:
        if status != 200:
            raise ValueError(f"answer {status}")
        families = list(text_string_to_metric_families(text))
    except ValueError as error:
        raise SourceUnavailable(
            f"{base}/metrics: no metrics of a monitor ({error}); check address and token"
        ) from error
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def _total(metrics: Metrics, name: str) -> float:
    return sum(value for (own, _), value in metrics.items() if own == name)


def _get(session: requests.Session, url: str) -> tuple[int, str]:
    try:
        with session.get(url, timeout=TIMEOUT_S, stream=True) as answer:
            content = answer.raw.read(MOST_BYTES, decode_content=True)
            return answer.status_code, content.decode("utf-8", "replace")
    except (requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as e:
        raise ValueError(f"{url!r} is no address of a monitor; write http://HOST:PORT") from e
    except requests.exceptions.SSLError as error:
        raise SourceUnavailable(
            f"{url}: its certificate is not trusted here; REQUESTS_CA_BUNDLE names a file of those that are"
        ) from error
    except requests.RequestException as error:
        raise SourceUnavailable(f"{url}: nobody answers ({type(error).__name__}); start the monitor") from error
