"""What the parts really do where a good guess misses: an update that changes it is noticed here (docs/parts.md)."""

from __future__ import annotations

import re
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray
from river import anomaly, drift, stats

from pipeline.sources import open_record
from pipeline.sources.foreign import open_recording
from pipeline.storage.annotation_file import AnnotationFile

ROOT = Path(__file__).parents[1]


def whole(record: Any) -> NDArray[np.float32]:
    return np.concatenate([chunk.signal for chunk in record.chunks()])


def checksum(steps: NDArray[np.int16]) -> int:
    return int(steps.sum(dtype=np.int64) % 65536)


def test_edfio_joins_the_pieces_of_edf_d_without_a_word_and_we_do_not(tmp_path: Path) -> None:
    signal = np.sin(np.arange(5000) / 40.0)
    sheet = edfio.Edf(
        [edfio.EdfSignal(signal, 250, label="II", physical_dimension="mV", physical_range=(-2, 2))],
        annotations=[edfio.EdfAnnotation(0.0, None, "begin")], data_record_duration=1,
    )  # fmt: skip
    sheet.write(tmp_path / "a.edf")
    raw = bytearray((tmp_path / "a.edf").read_bytes())
    raw[192:197] = b"EDF+D"
    size = (len(raw) - 768) // 20
    for i in range(10, 20):  # the second half begins 30 s later
        at = 768 + i * size
        where = raw.index(f"+{i}\x14".encode(), at)
        raw[where : where + len(f"+{i}\x14")] = f"+{i + 30}\x14".encode()
        del raw[at + size - 1 + len(f"+{i + 30}") - len(f"+{i}") : at + size - 1 + len(f"+{i + 30}") - len(f"+{i}")]
    (tmp_path / "d.edf").write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(edfio.read_edf(tmp_path / "d.edf").signals[0].data) == 5000
    ours = whole(open_recording(tmp_path / "d.edf"))
    assert len(ours) == 12_500
    assert np.isnan(ours).sum() == 7500


def test_wfdb_takes_a_missing_sample_of_a_fast_lead_for_a_voltage_and_we_do_not(tmp_path: Path) -> None:
    steps = np.arange(800, dtype="<i2").reshape(200, 4)
    steps[50, 2] = -32768
    (tmp_path / "r.dat").write_bytes(steps.tobytes())
    (tmp_path / "r.hea").write_text(f"r 1 250 200\nr.dat 16x4 200 16 0 0 {checksum(steps)} 0 II\n")
    assert wfdb.rdrecord(str(tmp_path / "r")).p_signal[50, 0] < -30
    ours = whole(open_record("r", data_dir=tmp_path))
    assert np.nanmin(ours) >= 0


def test_wfdb_writes_beats_that_nobody_annotated_after_a_long_note_and_ours_are_short(tmp_path: Path) -> None:
    sample = np.array([100, 200, 300])
    wfdb.wrann("long", "atr", sample, ["N"] * 3, aux_note=["x" * 256, "", ""], write_dir=str(tmp_path))
    assert wfdb.rdann(str(tmp_path / "long"), "atr").sample.tolist() != sample.tolist()
    file = AnnotationFile(tmp_path / "ours.ano", 360.0)
    extreme = np.array([-1.2345678e-300, 1.7e308, np.inf])
    file.write(
        {
            "r_peak": sample,
            "score": extreme,
            "p_value": extreme,
            "kind": np.array([1, 2, 3]),
            "is_anomaly": np.ones(3, bool),
            "state": np.zeros(3, np.uint8),
        }
    )
    file.close()
    back = wfdb.rdann(str(tmp_path / "ours"), "ano")
    assert back.sample.tolist() == sample.tolist()
    assert max(len(note) for note in back.aux_note) < 60


def test_wfdb_gives_the_first_gain_of_a_fixed_layout_for_all_segments_and_we_do_not(tmp_path: Path) -> None:
    for name, gain in (("s1", 200), ("s2", 100)):
        steps = np.full(500, 200, dtype="<i2")
        steps.tofile(tmp_path / f"{name}.dat")
        (tmp_path / f"{name}.hea").write_text(
            f"{name} 1 250 500\n{name}.dat 16 {gain} 16 0 200 {checksum(steps)} 0 II\n"
        )
    (tmp_path / "r.hea").write_text("r/2 1 250 1000\ns1 500\ns2 500\n")
    digital = wfdb.rdrecord(str(tmp_path / "r"), physical=False)
    assert digital.adc_gain == [200.0]
    ours = whole(open_record("r", data_dir=tmp_path))
    assert (ours[0, 0], ours[-1, 0]) == (1.0, 2.0)


def test_ecgdatakit_reads_missing_wfdb_samples_as_a_voltage_so_wfdb_reads_them(tmp_path: Path) -> None:
    kit = pytest.importorskip("ecgdatakit")
    steps = np.array([0, 100, -32768, 100] * 200, dtype="<i2")
    steps.tofile(tmp_path / "r.dat")
    (tmp_path / "r.hea").write_text(f"r 1 250 800\nr.dat 16 200/mV 16 0 0 {checksum(steps)} 0 II\n")
    lead = kit.FileParser().parse(tmp_path / "r.hea").leads[0]
    assert np.nanmin(lead.samples) < -100
    assert np.isnan(whole(open_record("r", data_dir=tmp_path))).sum() == 200


def test_fhir_resources_does_not_look_at_sampled_data() -> None:
    data = pytest.importorskip("fhir.resources.sampleddata")
    nonsense = {
        "origin": {"value": 0}, "interval": 4, "intervalUnit": "ms", "dimensions": 2, "data": "1 two E U -- 3",
    }  # fmt: skip
    assert data.SampledData(**nonsense).data == "1 two E U -- 3"  # our own export checks: tests/web/test_fhir.py


def test_half_space_trees_of_river_know_nothing_beyond_their_limits() -> None:
    rng = np.random.default_rng(0)
    for middle, beyond, edge in ((0.8, 5.0, 1.0), (0.2, -5.0, 0.0)):
        trees: Any = anomaly.HalfSpaceTrees(n_trees=25, height=8, window_size=100, limits={"x": (0.0, 1.0)}, seed=1)
        for value in rng.normal(middle, 0.2, 500):
            trees.learn_one({"x": float(np.clip(value, 0, 1))})
        far = trees.score_one({"x": beyond})
        assert far == trees.score_one({"x": edge})
        assert far < trees.score_one(
            {"x": middle}
        )  # where the edge is usual, what lies far beyond it is more than usual


def test_detectors_of_drift_in_river_differ_in_delay() -> None:
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(0, 1, 1000), rng.normal(3, 1, 200)])
    delay: dict[str, int] = {}
    detector: Any
    for name, detector in (
        ("adwin", drift.ADWIN()),  # type: ignore[no-untyped-call]
        ("page-hinkley", drift.PageHinkley()),
        ("kswin", drift.KSWIN(seed=1)),
    ):
        for i, value in enumerate(values):
            detector.update(float(value))
            if detector.drift_detected and i >= 1000:
                delay[name] = i - 999
                break
    assert delay["kswin"] <= 20
    assert delay["page-hinkley"] < delay["adwin"] <= 64


def test_a_p2_quantile_of_river_is_far_off_at_first() -> None:
    off = []
    for seed in range(20):
        values = np.random.default_rng(seed).exponential(size=200)
        quantile: Any = stats.Quantile(0.99)
        for value in values:
            quantile.update(float(value))
        off.append(abs(quantile.get() / np.quantile(values, 0.99) - 1))
    assert np.mean(off) > 0.03


def test_a_night_at_the_change_of_clocks_comes_early_in_prefect_and_ours_are_in_utc() -> None:
    from prefect.server.schemas.schedules import CronSchedule

    local = CronSchedule(cron="30 2 * * *", timezone="Europe/Berlin")
    dates = list(local._get_dates_generator(n=3, start=datetime(2026, 3, 28, 3, tzinfo=UTC)))
    hours = [date.astimezone(UTC).hour for date in dates]
    assert hours[0] == 0  # 01:30 there: 02:30 does not exist that night: it runs before it, not after
    text = (ROOT / "prefect.yaml").read_text()
    assert set(re.findall(r"timezone: (\S+)", text)) == {"Etc/UTC"}


def test_the_page_lists_every_finding_and_names_tests_that_are_there() -> None:
    page = (ROOT / "docs" / "parts.md").read_text()
    linked = set(re.findall(r"\(\.\./findings/([a-z0-9-]+\.sh)\)", page))
    assert linked == {script.name for script in (ROOT / "findings").glob("*.sh")}
    every = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in every] == []
