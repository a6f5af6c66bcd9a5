"""One patient of fifty sends whatever can be sent; the other 49 have the beats and alarms of an undisturbed run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from random import Random

import numpy as np
from sqlalchemy import text

from pipeline import BeatModel
from pipeline.live.broker import Broker, subject_of
from pipeline.live.frames import Frame, encode
from pipeline.live.replay import frames
from pipeline.sources.synthetic import Episode, Scenario, demo_ward, synthesise
from pipeline.storage.database import Database
from tests.live.conftest import BEGAN_US
from tests.live.test_poison import POISON
from tests.live.test_worker import Results, a_worker, results, step_until
from tests.services import NatsServer

BEDS, SECONDS, FS = 50, 40.0, 128.0
POISONED = "ward/bed-7"
RUN = Scenario("a run", (Episode("vt", 20.0, 24.0, 170.0),))  # so that some of them have an alarm


def poisoned(honest: list[Frame]) -> Iterator[bytes]:
    """What the poisoned patient sends in place of each frame: rubbish, odd numbers and times, wild signal."""
    rng = Random(5)  # noqa: S311
    rubbish = cycle(
        [data.replace(b"ward/bed-1", POISONED.encode()) for data in POISON.values()] + [b"", b"\xc1", bytes(5000)]
    )
    for frame in honest:
        wild = np.full(frame.samples.shape, rng.choice([math.nan, math.inf, 0.0, 3e38, -1e9]), np.float32)
        yield next(rubbish)
        yield encode(replace(frame, samples=wild, gain=None))
        yield encode(replace(frame, sequence=rng.randrange(2**53), session=f"s{rng.randrange(3)}"))
        yield encode(replace(frame, time_us=frame.time_us + rng.randrange(-(10**12), 10**12)))
        yield encode(replace(frame, fs=rng.choice([100.0, 500.0, 1000.0]), leads=("RESP", "x" * 30)))
        yield encode(frame)


def monitored(model: BeatModel, nats: NatsServer, folder: Path, sent: list[tuple[str, bytes]]) -> tuple[Results, int]:
    """Return what a worker finds in messages, by subject, of all patients but the poisoned one; how many it refused."""
    with Database.open(f"sqlite:///{folder / 'ecg.db'}") as database, Broker([nats.url]) as broker:
        broker.make_stream()
        for subject, data in sent:
            broker.run(broker.jetstream.publish(subject, data))
        with a_worker(model, [nats.url], database) as worker:
            step_until(worker, lambda: worker.intake.waiting or database.live.states(range(8)), "the first frames")
            step_until(worker, lambda: not worker.intake.waiting, f"the last of {len(sent)} messages")
            worker.stop()
            worker.run()
        with database.writing() as connection:
            for table in ("live_stays", "live_beats", "live_drifts", "live_gaps"):
                connection.execute(text(f"DELETE FROM {table} WHERE patient = '{POISONED}'"))  # noqa: S608
            connection.execute(text(f"DELETE FROM alarms WHERE record = '{POISONED}'"))  # noqa: S608
        return results(database), worker.intake.refused


def test_49_of_50_are_monitored_bit_by_bit_as_without_the_poisoned_one(
    model: BeatModel, nats: NatsServer, tmp_path: Path
) -> None:
    usual = list(demo_ward(60.0).values())
    kinds = [RUN if i % 8 == 3 else usual[i % len(usual)] for i in range(BEDS)]
    ward = [synthesise(kind, name=f"ward/bed-{i + 1}", fs=FS, seconds=SECONDS, seed=8) for i, kind in enumerate(kinds)]
    played = {one.name: list(frames(one, session="s", began_us=BEGAN_US)) for one in ward}
    longest = max(map(len, played.values()))

    def messages(by_patient: dict[str, list[list[bytes]]]) -> list[tuple[str, bytes]]:
        """Return all messages in the order of time."""
        return [
            (subject_of(name), data)
            for second in range(longest)
            for name, sent in by_patient.items()
            for data in (sent[second] if second < len(sent) else [])
        ]

    honest = {name: [[encode(frame)] for frame in of_one] for name, of_one in played.items()}
    attack = list(poisoned(played[POISONED]))
    each = len(attack) // len(played[POISONED])
    broken = {**honest, POISONED: [attack[i : i + each] for i in range(0, len(attack), each)]}
    undisturbed, none = monitored(model, nats, tmp_path / "calm", messages(honest))
    nats.kill()
    nats.lose_disk()
    nats.start()
    disturbed, many = monitored(model, nats, tmp_path / "poisoned", messages(broken))
    assert len({row[0] for row in undisturbed["live_beats"]}) == BEDS - 1
    assert undisturbed["alarms"]
    assert (none, many > SECONDS) == (0, True)
    assert disturbed == undisturbed
