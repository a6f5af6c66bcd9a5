from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.observation import Observation

from pipeline.cli import main
from pipeline.errors import SourceUnavailable
from pipeline.records import Alarm, Record
from pipeline.sources import open_record
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb
from pipeline.storage.database import Database
from pipeline.web.export import RunningMonitor, exported
from pipeline.web.fhir import AFTER_S, BEFORE_S, NO_SIGNAL
from pipeline.web.ring import to_steps
from tests.web.conftest import Service

FLUTTER = Alarm("208", "ventricular run", "high", True, 70.0, 72.0, 80, 86, "7 beats at 170/min")
GONE = Alarm("ward/bed-3", "asystole", "high", True, 10.0, 14.0, -1, -1, "no beat for 4 s")
BEGAN_US = 1_750_000_000_000_000


@pytest.fixture
def ecg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``ecg-anomaly fhir`` over a database with an alarm of a record and one of a live patient of old."""
    url = f"sqlite:///{tmp_path / 'ecg.db'}"
    monkeypatch.setenv("ECG_DATABASE_URL", url)
    write_wfdb(synthesise(next(iter(demo_ward().values())), name="208", seconds=120.0, seed=1), tmp_path / "records")
    with Database.open(url) as database:
        database.alarms.add("results", [FLUTTER], at_us=1, started_at_us=BEGAN_US)
        database.alarms.add("live/s/1", [GONE], at_us=2, started_at_us=BEGAN_US)
        database.alarms.acknowledge(1, "A. Nurse", at_us=BEGAN_US)
    folder = str(tmp_path / "records")
    return lambda *words: CliRunner().invoke(main, ["fhir", "--data-dir", folder, *words], catch_exceptions=False)


def test_alarms_of_earlier_runs_are_exported_with_the_signal_that_is_kept(
    ecg: Callable[..., Result], tmp_path: Path
) -> None:
    done = ecg("--out", str(tmp_path / "alarms.ndjson"))
    assert done.exit_code == 0
    assert "2 alarms, 1 of them without signal" in done.stderr
    gone, flutter = (json.loads(line) for line in (tmp_path / "alarms.ndjson").read_text().splitlines())
    for document in (gone, flutter):
        Observation.model_validate(document)
    assert "component" not in gone
    assert gone["note"] == [{"text": NO_SIGNAL}]
    assert flutter["note"][0]["authorString"] == "A. Nurse"
    record = open_record("208", data_dir=tmp_path / "records")
    whole = np.concatenate([part.signal for part in record.chunks(60.0)])
    start, stop = (round(s * record.fs) for s in (FLUTTER.onset_s - BEFORE_S, FLUTTER.raised_s + AFTER_S))
    steps = to_steps(whole[start:stop])
    assert len(flutter["component"]) == len(record.leads)
    for i, component in enumerate(flutter["component"]):
        words = component["valueSampledData"]["data"].split(" ")
        assert [int(word) for word in words] == steps[:, i].tolist()


def test_a_bundle_holds_the_alarms_that_were_asked_for(ecg: Callable[..., Result]) -> None:
    document = json.loads(ecg("--form", "json", "--record", "208").stdout)
    Bundle.model_validate(document)
    (entry,) = document["entry"]
    assert entry["resource"]["subject"]["display"] == "208"
    assert json.loads(ecg("--number", "2").stdout)["identifier"][0]["value"] == "2"
    missing = ecg("--number", "9")
    assert missing.exit_code == 2
    assert "no alarm of number 9" in missing.stderr
    assert ecg("--number", str(10**30)).exit_code == 2


def test_alarms_of_a_demo_are_left_out_unless_they_are_asked_for(ecg: Callable[..., Result], tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'ecg.db'}") as database:
        database.alarms.add("demo-1750000000000000", [GONE], at_us=3)
        (demo,) = database.alarms.newest(1)

    def numbers(*words: str) -> set[str]:
        return {json.loads(line)["identifier"][0]["value"] for line in ecg(*words).stdout.splitlines()}

    assert numbers() == {"1", "2"}
    assert numbers("--limit", "1") == {"2"}  # those left out do not count
    assert numbers("--record", GONE.record) == {"2"}
    assert "left out: 1 older ones by --limit, 1 of `monitor --demo`" in ecg("--limit", "1").stderr
    assert "left out" not in ecg("--demos").stderr
    assert numbers("--demos") == {"1", "2", str(demo.id)}
    assert numbers("--number", str(demo.id)) == {str(demo.id)}


def test_all_alarms_are_written_however_many_there_are(ecg: Callable[..., Result], tmp_path: Path) -> None:
    many = [replace(GONE, raised_s=14.0 + i, key="") for i in range(1190)]
    with Database.open(f"sqlite:///{tmp_path / 'ecg.db'}") as database:
        database.alarms.add("live/s/2", many, at_us=3, started_at_us=BEGAN_US)
    done = ecg("--record", GONE.record, "--out", str(tmp_path / "alarms.ndjson"))
    assert done.exit_code == 0
    assert len((tmp_path / "alarms.ndjson").read_text().splitlines()) == 1191
    assert "1191 alarms" in done.stderr


def test_signal_of_a_live_patient_comes_from_the_monitor_that_runs(service: Service) -> None:
    def nowhere(name: str) -> Record:
        raise AssertionError(f"{name} is no record")

    monitor = RunningMonitor(service.url, None)
    (stored,) = [one for one in service.database.alarms.newest() if one.alarm.kind == "ventricular tachycardia"]
    ((document, has_signal),) = exported([stored], nowhere, monitor)
    assert has_signal
    Observation.model_validate(document)
    assert monitor.observation(999) is None
    with pytest.raises(SourceUnavailable, match="does not answer"):
        RunningMonitor("http://127.0.0.1:9", None).observation(1)
