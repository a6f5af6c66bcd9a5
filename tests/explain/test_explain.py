from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import BeatModel, Findings, Monitor, Ward, open_record
from pipeline.annotations import Annotations
from pipeline.detection.shipped import SHIPPED
from pipeline.errors import RecordUnsupported
from pipeline.explain.explanation import Explanation
from pipeline.explain.replay import explain
from pipeline.explain.witness import Witness
from pipeline.figures import draw_explanation, save_figure
from pipeline.records import Chunk
from pipeline.settings import Settings
from pipeline.sources.synthetic import demo_ward, synthesise

FS, RR, BEATS = 360.0, 0.8, 120
EARLY, WIDE, NOISY = 80, 95, 110  # beats of the constructed record
EARLIER = 0.28  # s


@dataclass
class Constructed:
    """Beats of one shape, one every 0.8 s; one comes early, one is wide, and one lies in a burst of noise."""

    name: str = "made/one"
    fs: float = FS
    leads: tuple[str, ...] = ("MLII", "V1")

    def __post_init__(self) -> None:
        rng = np.random.default_rng(4)
        time_s = np.arange(round((BEATS + 2) * RR * FS)) / FS
        signal = rng.normal(0.0, 0.01, size=(len(time_s), 2))
        for beat in range(BEATS):
            away = time_s - at(beat) - 0.004 * rng.normal()
            width = 0.035 if beat == WIDE else 0.012
            qrs = np.exp(-((away / width) ** 2)) - 0.2 * np.exp(-(((away - 2.2 * width) / width) ** 2))
            waves = 0.12 * np.exp(-(((away + 0.16) / 0.03) ** 2)) + 0.25 * np.exp(-(((away - 0.26) / 0.05) ** 2))
            signal += (qrs + waves)[:, None] * [1.2, 0.7]
            if beat == NOISY:
                burst = rng.normal(size=(len(time_s), 2)) * 0.12 * np.exp(-((away / 0.35) ** 4))[:, None]
                signal += burst
        self.signal: NDArray[np.float32] = signal.astype(np.float32)

    @property
    def n_samples(self) -> int:
        return len(self.signal)

    def annotations(self) -> Annotations | None:
        return None

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        step = round(seconds * FS)
        for start in range(0, self.n_samples, step):
            yield Chunk(self.name, start, FS, self.leads, self.signal[start : start + step])


def at(beat: int) -> float:
    """When a beat of the constructed record comes, in s."""
    return (beat + 1) * RR - (EARLIER if beat == EARLY else 0.0)


@pytest.fixture(scope="module")
def record() -> Constructed:
    return Constructed()


@pytest.fixture(scope="module", params=SHIPPED)
def witness(request: pytest.FixtureRequest, record: Constructed) -> Told:
    return Told(record, BeatModel.load(SHIPPED[request.param]))


class Told:
    """The constructed record, played to its end, asked about its beats."""

    def __init__(self, record: Constructed, model: BeatModel) -> None:
        self.witness = Witness(model)
        self.findings = Findings.concatenate(list(self.witness.stream(record)))

    def __call__(self, beat: int) -> Explanation:
        nearest = int(np.argmin(np.abs(self.findings.time_s - at(beat))))
        return self.witness.explain(int(self.findings.beat[nearest]))


def same(a: Explanation, b: Explanation) -> bool:
    return json.dumps(a.to_dict()) == json.dumps(b.to_dict())


def test_an_early_normal_beat_is_mostly_rhythm(witness: Told) -> None:
    e = witness(EARLY)
    assert e.rhythm_share > 0.8
    assert e.early == pytest.approx(EARLIER / RR, abs=0.05)
    assert "% before it was due" in e.words


def test_a_wide_beat_is_mostly_shape(witness: Told) -> None:
    e = witness(WIDE)
    assert e.shape_share > 0.9
    assert e.scored.is_anomaly
    strangest, _ = np.unravel_index(int(np.argmax(e.share)), e.share.shape)
    assert abs(e.error_time_ms[strangest]) < 150  # where the QRS is


def test_a_usual_beat_has_little_above_the_usual(witness: Told) -> None:
    e = witness(70)
    assert e.scored.shape - e.usual_shape < 0.5
    assert e.scored.score - e.usual_score < 1.0
    assert not e.scored.is_anomaly


def test_what_a_noise_burst_took_off_is_told(witness: Told) -> None:
    assert witness(NOISY).noise_taken_off > 0.3
    assert witness(NOISY).noise_taken_off > 2 * witness(70).noise_taken_off


def test_the_shares_of_the_samples_sum_to_one(witness: Told) -> None:
    e = witness(WIDE)
    assert e.share.sum() == pytest.approx(1.0)
    assert (e.share >= 0).all()


def test_the_nearest_normal_beats_are_the_patients_own_and_normal(witness: Told) -> None:
    e = witness(WIDE)
    assert len(e.nearest) == 3
    assert all(near.beat < e.scored.beat and abs(near.time_s - at(EARLY)) > 0.1 for near in e.nearest)
    assert [near.distance for near in e.nearest] == sorted(near.distance for near in e.nearest)
    assert e.nearest[0].distance > witness(90).nearest[0].distance


def test_gates_are_shown_beside_the_usual_ones(witness: Told) -> None:
    for gates in witness(WIDE).gates.values():
        for name in ("input", "forget", "output"):
            assert gates.beat[name].shape == gates.time_ms.shape == (20,)
            assert ((gates.beat[name] > 0) & (gates.beat[name] < 1)).all()
            assert (gates.low[name] <= gates.usual[name]).all()
            assert (gates.usual[name] <= gates.high[name]).all()
        assert any((gates.beat[name] != gates.usual[name]).any() for name in gates.beat)


def test_a_witness_scores_as_a_monitor_does(model: BeatModel, record: Constructed) -> None:
    plain, witnessed = (Findings.concatenate(list(kind(model).stream(record))) for kind in (Monitor, Witness))
    for f in fields(Findings):
        np.testing.assert_array_equal(getattr(plain, f.name), getattr(witnessed, f.name))


@pytest.mark.parametrize("seconds", [0.4, 7.0, 1000.0])
def test_an_explanation_does_not_depend_on_the_chunks(model: BeatModel, record: Constructed, seconds: float) -> None:
    whole, cut = explain(record, WIDE, model=model), Witness(model)
    for findings in cut.stream(record, seconds=seconds):
        if len(findings) and findings.beat[-1] >= WIDE:
            break
    assert same(cut.explain(WIDE), whole)


def test_a_ward_of_witnesses_can_be_asked_about_its_patients(model: BeatModel, record: Constructed) -> None:
    ward = Ward(model, watch=Witness)
    for chunk in record.chunks(10.0):
        ward.process([chunk])
    witness = ward.monitor(record.name)
    assert isinstance(witness, Witness)
    assert same(witness.explain(WIDE), explain(record, WIDE, model=model))


def test_a_beat_is_found_by_its_time(model: BeatModel, record: Constructed) -> None:
    e = explain(record, time_s=at(WIDE) + 0.2, model=model)
    assert e.scored.time_s == pytest.approx(at(WIDE), abs=0.03)
    assert same(explain(record, e.scored.beat, model=model), e)
    assert explain(record, time_s=0.0, model=model).scored.beat == 0
    last = explain(record, time_s=record.n_samples / FS, model=model).scored
    assert last.time_s == pytest.approx(at(BEATS - 1), abs=0.03)


def test_what_is_remembered_is_bounded_and_the_forgotten_is_named(model: BeatModel, record: Constructed) -> None:
    witness = Witness(model, remember=20)
    for _ in witness.stream(record, seconds=8.0):
        pass
    with pytest.raises(ValueError, match="beat 3 is not among"):
        witness.explain(3)
    assert witness.explain(BEATS - 10).scored.beat == BEATS - 10


@pytest.mark.parametrize("wrong", [{}, {"beat": 1, "time_s": 2.0}, {"beat": -1}, {"time_s": float("nan")}])
def test_a_beat_is_named_by_number_or_time(record: Constructed, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="beat"):
        explain(record, **wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_a_beat_that_the_record_lacks_is_named_with_its_last(record: Constructed) -> None:
    with pytest.raises(RecordUnsupported, match="no beat 5000: its last is 11"):
        explain(record, 5000)
    with pytest.raises(RecordUnsupported, match="no beat at 9999 s"):
        explain(record, time_s=9999.0)


def test_a_beat_without_a_score_says_so_and_can_be_drawn(witness: Told, tmp_path: Path) -> None:
    e = witness(3)
    assert e.words.startswith("No score")
    save_figure(draw_explanation(e), tmp_path / "none.png")
    json.dumps(e.to_dict(), allow_nan=False)


def test_an_explanation_is_a_picture(witness: Told, tmp_path: Path) -> None:
    path = tmp_path / "why.png"
    save_figure(draw_explanation(witness(WIDE)), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="bmp"):
        save_figure(draw_explanation(witness(WIDE)), tmp_path / "why.bmp")


def test_beats_of_lost_leads_are_explained(model: BeatModel) -> None:
    faulty = synthesise(demo_ward(120.0)["synth/artefacts"], name="synth/artefacts", seconds=120.0, seed=3)
    witness = Witness(model)
    beats = [int(beat) for findings in witness.stream(faulty) for beat in findings.beat]
    for beat in beats[::3]:
        json.dumps(witness.explain(beat).to_dict(), allow_nan=False)


def test_the_ventricular_beats_of_208_are_mostly_shape(mirror: Settings) -> None:
    witness = Witness(BeatModel.pretrained())
    shares = []
    for findings in witness.stream(open_record("mitdb/208", settings=mirror)):
        is_ventricular = findings.is_anomaly & (findings.kind == 1) & ~findings.learning
        shares += [witness.explain(int(beat)).shape_share for beat in findings.beat[is_ventricular][::40]]
    assert len(shares) > 15
    assert np.mean(np.array(shares) > 0.5) > 0.8
