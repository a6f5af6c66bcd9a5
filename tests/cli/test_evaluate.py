from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb
from click.testing import Result
from scipy.signal import resample_poly

from pipeline.evaluation.noise import snr_of
from pipeline.evaluation.run import models_beside
from pipeline.settings import Settings
from pipeline.sources.synthetic import demo_ward, synthesise

pytestmark = pytest.mark.slow

Run = Callable[..., Result]
GOOD = {"a1": ("synth/ventricular", 250.0), "a2": ("synth/atrial", 128.0), "a3": ("synth/sinus", 500.0)}


def foreign(name: str, scenario: str, fs: float, folder: Path, seconds: float = 420.0) -> None:
    """Write a synthetic record as another database would: another rate, and leads that nobody can rank."""
    record = synthesise(demo_ward(seconds)[scenario], name=name, seconds=seconds, seed=5)
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])
    ratio = Fraction(fs / record.fs).limit_denominator(1000)
    resampled = resample_poly(np.nan_to_num(signal.astype(np.float64)), ratio.numerator, ratio.denominator, axis=0)
    leads = [f"ECG{k + 1}" for k in range(resampled.shape[1])]
    wfdb.wrsamp(
        name, fs=fs, units=["mV"] * len(leads), sig_name=leads, p_signal=resampled, fmt=["16"] * len(leads),
        write_dir=str(folder),
    )  # fmt: skip
    annotations = record.annotations()
    assert annotations is not None
    is_beat = np.isin(annotations.symbol, list("NVAF"))
    sample = np.round(annotations.sample[is_beat] * fs / record.fs).astype(np.int64)
    wfdb.wrann(name, "atr", sample, symbol=annotations.symbol[is_beat].tolist(), fs=fs, write_dir=str(folder))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An annotated database with three good records, a damaged one, a short one, and one without annotations."""
    folder = tmp_path_factory.mktemp("foreign") / "ward7"
    folder.mkdir()
    for name, (scenario, fs) in GOOD.items():
        foreign(name, scenario, fs, folder)
    for name in ("bad", "bare"):
        for ending in ("hea", "dat", "atr"):
            text = (folder / f"a1.{ending}").read_bytes()
            (folder / f"{name}.{ending}").write_bytes(text.replace(b"a1", name.encode()) if ending == "hea" else text)
    (folder / "bad.dat").write_bytes((folder / "bad.dat").read_bytes()[:-999])
    (folder / "bare.atr").unlink()
    foreign("short", "synth/sinus", 250.0, folder, seconds=60.0)
    return folder


@pytest.fixture(scope="module")
def figures(database: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Figures of the good records on their own R peaks, as the command writes them."""
    from click.testing import CliRunner

    from pipeline.cli import main

    file = tmp_path_factory.mktemp("json") / "figures.json"
    words = ["evaluate", "--data-dir", str(database), "--rpeaks", "detected", "--seeds", "2", "--jobs", "1"]
    done = CliRunner().invoke(main, [*words, "--json", str(file)], catch_exceptions=False)
    assert done.exit_code == 1, done.output  # two records cannot be measured
    document: dict[str, Any] = json.loads(file.read_text())
    document["output"] = done.output
    return document


def test_a_database_of_other_rates_and_leads_is_measured(figures: dict[str, Any]) -> None:
    assert sorted(figures["records"]) == ["ward7/a1", "ward7/a2", "ward7/a3"]
    assert figures["ranking"]["V"]["auroc"] > 0.99
    assert figures["rpeaks"]["se"] > 0.99
    assert figures["rpeaks"]["ppv"] > 0.99
    assert figures["track"] == "detected"


def test_what_cannot_be_measured_is_listed_with_the_reason(figures: dict[str, Any]) -> None:
    assert sorted(figures["failed"]) == ["ward7/bad", "ward7/short"]
    assert re.search("damaged|cut|bad", figures["failed"]["ward7/bad"])
    assert "learning period" in figures["failed"]["ward7/short"]
    assert "1 of 6 records" in figures["output"]  # the one without annotations


def test_every_figure_that_is_promised_is_in_the_json(figures: dict[str, Any]) -> None:
    for method in (figures["ranking"], *figures["rivals"].values()):
        assert {"auroc", "auprc"} <= set(method["macro"]) & set(method["pooled"])
        assert "auroc" in method["V"]
        assert "auroc" in method["S"]
        assert len(method["ci"]["macro"]["auroc"]) == 2
    rivals = ("prematurity", "template", "two_templates", "pca", "half_space_trees")
    assert tuple(figures["rivals"]) == ("forecaster", *rivals)
    wanted = {"se_v", "se_s", "fpr", "fa_per_hour", "macro_f1", "fpr_median", "fpr_p90", "fpr_max"}
    assert wanted <= set(figures["operation"])
    assert set(figures["calibration"]) == {"0.05", "0.01", "0.001"}
    for rate in figures["calibration"].values():
        assert {"realised", "share_within_2x", "worst"} <= set(rate)
    assert {"se", "ppv", "v_missed", "v_total"} <= set(figures["rpeaks"])
    assert {"versions", "seed", "command"} <= set(figures)


def test_tables_fit_a_hundred_columns(figures: dict[str, Any]) -> None:
    lines = [line for line in figures["output"].splitlines() if "Written:" not in line and "Error:" not in line]
    assert max(len(line) for line in lines if "holds" not in line and "have no annotations" not in line) <= 100


def test_two_processes_give_the_same_figures(ecg: Run, database: Path, figures: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "again.json"
    done = ecg("evaluate", *GOOD, "--data-dir", database, "--rpeaks", "detected", "--seeds", "2", "--jobs", "2",
               "--json", file)  # fmt: skip
    assert done.exit_code == 0, done.output
    again = json.loads(file.read_text())
    for name in ("ranking", "operation", "rivals", "records"):
        assert again[name] == figures[name]


def test_reference_r_peaks_leave_the_detector_out(ecg: Run, database: Path, tmp_path: Path) -> None:
    file, page = tmp_path / "a.json", tmp_path / "page.md"
    page.write_text("before\n<!-- here:begin -->\nstale words\n<!-- here:end -->\nafter\n")
    done = ecg("evaluate", "a1", "--data-dir", database, "--no-rivals", "--seeds", "1", "--json", file,
               "--insert", page, "here")  # fmt: skip
    assert done.exit_code == 0, done.output
    document = json.loads(file.read_text())
    assert document["rpeaks"]["se"] is None
    assert document["rivals"] == {}
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "stale words" not in text
    assert "macro AUROC" in text


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ((), "name records"),
        (("mitdb/100", "--noise", "em"), "--snr"),
        (("mitdb/100", "--split", "DS1"), "leave out"),
        (("a1", "--data-dir", ".", "--data-dir", ".."), "leave out RECORDS"),
        (("--rpeaks", "guessed", "mitdb/100"), "reference"),
    ],
)
def test_a_wrong_argument_says_what_to_do(ecg: Run, words: tuple[str, ...], advice: str) -> None:
    done = ecg("evaluate", *words)
    assert done.exit_code == 2
    assert advice in done.output


def test_several_folders_have_their_tables_one_after_the_other(ecg: Run, database: Path, tmp_path: Path) -> None:
    for name in ("a1", "a2"):
        (tmp_path / name).mkdir()
        for ending in ("hea", "dat", "atr"):
            (tmp_path / name / f"a1.{ending}").write_bytes((database / f"a1.{ending}").read_bytes())
    file, page = tmp_path / "both.json", tmp_path / "page.md"
    page.write_text("<!-- here:begin -->\n<!-- here:end -->\n")
    folders = ("--data-dir", tmp_path / "a1", "--data-dir", tmp_path / "a2")
    done = ecg("evaluate", *folders, "--no-rivals", "--seeds", "1", "--jobs", "1", "--json", file,
               "--insert", page, "here")  # fmt: skip
    assert done.exit_code == 0, done.output
    documents = json.loads(file.read_text())
    assert list(documents) == [str(tmp_path / "a1"), str(tmp_path / "a2")]
    first, second = documents.values()
    assert first["operation"] == second["operation"]  # the same record
    assert page.read_text().count("#### ") == 2


def test_a_folder_without_annotations_is_one_line(ecg: Run, database: Path, tmp_path: Path) -> None:
    for ending in ("hea", "dat"):
        (tmp_path / f"bare.{ending}").write_bytes((database / f"bare.{ending}").read_bytes())
    done = ecg("evaluate", "--data-dir", tmp_path)
    assert done.exit_code == 2
    assert "no record with beat annotations" in done.output


def test_names_of_the_noise_stress_database_state_their_ratio() -> None:
    assert [snr_of(f"nstdb/{name}") for name in ("118e24", "119e06", "118e00", "119e_6")] == [24, 6, 0, -6]
    assert snr_of("mitdb/118") is None
    assert snr_of("nstdb/em") is None


def test_seeds_that_lie_beside_a_model_are_found(tmp_path: Path) -> None:
    for name in ("m.safetensors", "m.seed1.safetensors", "m.seed3.safetensors"):
        (tmp_path / name).touch()
    found = models_beside(tmp_path / "m.safetensors", 5)
    assert [path.name for path in found] == ["m.safetensors", "m.seed1.safetensors", "m.seed3.safetensors"]


def test_noise_stress_is_shown_by_ratio(ecg: Run, mirror: Settings, tmp_path: Path) -> None:
    file = tmp_path / "noise.json"
    done = ecg("evaluate", "nstdb/118e24", "nstdb/118e06", "--rpeaks", "detected", "--no-rivals", "--seeds", "1",
               "--json", file)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "By signal-to-noise ratio" in done.output
    noise = json.loads(file.read_text())["noise"]
    assert list(noise) == ["24", "6"]
    assert noise["6"]["rpeaks"]["ppv"] < noise["24"]["rpeaks"]["ppv"]


def test_noise_is_mixed_into_any_record(ecg: Run, mirror: Settings, database: Path, tmp_path: Path) -> None:
    clean, noisy = tmp_path / "clean.json", tmp_path / "noisy.json"
    words = ("evaluate", "a1", "--data-dir", database, "--rpeaks", "detected", "--no-rivals", "--seeds", "1")
    assert ecg(*words, "--json", clean).exit_code == 0
    assert ecg(*words, "--noise", "em", "--snr", "0", "--json", noisy).exit_code == 0
    se = [json.loads(file.read_text())["rpeaks"]["ppv"] for file in (clean, noisy)]
    assert se[1] < se[0]


def annotate(folder: Path, name: str, sample: Any, symbol: Any, fs: float = 250.0) -> None:
    for ending in ("hea", "dat"):
        text = (folder / f"a1.{ending}").read_bytes()
        (folder / f"{name}.{ending}").write_bytes(text.replace(b"a1", name.encode()) if ending == "hea" else text)
    wfdb.wrann(name, "atr", np.asarray(sample), symbol=list(symbol), fs=fs, write_dir=str(folder))


def test_labels_that_cannot_belong_change_no_figure_and_are_told(ecg: Run, database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    whole = wfdb.rdann(str(database / "a1"), "atr")
    sample, symbol = np.asarray(whole.sample), np.array(whole.symbol)
    for ending in ("hea", "dat", "atr"):
        (folder / f"a1.{ending}").write_bytes((database / f"a1.{ending}").read_bytes())
    end = 420 * 250
    annotate(
        folder, "past", [*sample, *range(end + 100, end + 20_000, 400)], [*symbol, *["V"] * 50][: len(symbol) + 50]
    )
    annotate(folder, "twice", np.repeat(sample, 2), np.repeat(symbol, 2))
    annotate(folder, "base", np.round(sample * 360 / 250).astype(int), symbol)
    few = symbol.copy()
    few[np.flatnonzero(few == "V")[:-3]] = "N"  # three anomalies are left
    annotate(folder, "few", sample, few)
    file = tmp_path / "figures.json"
    done = ecg("evaluate", "--data-dir", folder, "--rpeaks", "detected", "--no-rivals", "--seeds", "1", "--json", file)
    assert done.exit_code == 0, done.output
    records = json.loads(file.read_text())["records"]
    own = {name.rsplit("/", 1)[-1]: figures for name, figures in records.items()}
    for figures in own.values():
        figures.pop("warnings", None)
        for part in figures.values():
            if isinstance(part, dict):
                part.pop("record", None)
    assert own["past"] == own["a1"]
    assert own["twice"] == own["a1"]
    said = " ".join(done.output.split())
    assert "past: 50 annotations lie past the record's end" in said
    assert f"twice: {len(sample)} beats are annotated twice at one place: left out" in said
    assert re.search(
        r"base: only \d+ % of its annotated beats lie at beats of the signal, and \d+ % if they count at 360 Hz", said
    )
    row = next(line for line in done.output.splitlines() if re.match(r"\s*\S*/few\s", line))
    assert row.split()[3:5] == ["–", "–"]  # fewer than 10 anomalies rank nothing
    alone = ecg("evaluate", "few", "--data-dir", folder, "--no-rivals", "--seeds", "1")
    table = alone.output[: alone.output.index("Records")]
    assert ".000" not in table
    assert "–" in table
