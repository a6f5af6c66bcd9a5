"""A strip to take along: true to scale on paper, and the same numbers in every form."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from edfio import read_edf
from playwright.sync_api import expect

from pipeline.sources import open_record
from pipeline.sources.foreign import read_recording
from pipeline.web.ring import MISSING
from tests.web.conftest import Service
from tests.web.pages import Open

FROM_S, TO_S = 45.0, 55.0  # samples are missing from 50 to 52 s


def get(service: Service, form: str, start_s: float = FROM_S, stop_s: float = TO_S) -> httpx.Response:
    (patient,) = service.hub.patients()
    query = {"from": round(start_s * patient.fs), "to": round(stop_s * patient.fs)}
    return httpx.get(f"{service.url}api/patients/{patient.number}/strip.{form}", params=query, trust_env=False)


def seen(service: Service) -> np.ndarray:
    (patient,) = service.hub.patients()
    _, steps = patient.signal(round(FROM_S * patient.fs), round(TO_S * patient.fs))
    return np.where(steps == MISSING, np.nan, steps / 1000.0)


def test_numbers_are_those_of_the_page_in_every_form(service: Service, tmp_path: Path) -> None:
    signal = seen(service)
    assert np.isnan(signal).any()
    (patient,) = service.hub.patients()
    (tmp_path / "strip.csv").write_bytes(get(service, "csv").content)
    table = np.genfromtxt(tmp_path / "strip.csv", delimiter=",", skip_header=1)
    np.testing.assert_allclose(table[:, 1:], signal, atol=5e-4)
    assert table[0, 0] == pytest.approx(FROM_S)
    assert read_recording(tmp_path / "strip.csv").fs == pytest.approx(patient.fs, rel=1e-3)
    with zipfile.ZipFile(io.BytesIO(get(service, "wfdb").content)) as archive:
        archive.extractall(tmp_path / "wfdb")
    (header,) = (tmp_path / "wfdb").glob("*.hea")
    record = open_record(header.stem, data_dir=tmp_path / "wfdb")
    np.testing.assert_allclose(next(record.chunks(60.0)).signal, signal, atol=1e-3)
    edf = read_edf(io.BytesIO(get(service, "edf").content))
    there = np.isfinite(signal[:, 0])
    np.testing.assert_allclose(edf.signals[0].data[: len(signal)][there], 1000 * signal[there, 0], atol=1.0)
    (gap,) = [note for note in edf.annotations if note.text == "missing" and note.onset < 9]
    assert gap.onset == pytest.approx(5.0, abs=0.02)
    assert gap.duration == pytest.approx(2.0, abs=0.02)


def test_paper_and_picture_come_with_a_name(service: Service) -> None:
    pdf, png = get(service, "pdf"), get(service, "png")
    assert pdf.content.startswith(b"%PDF")
    assert b"/MediaBox [ 0 0 595.2" in pdf.content  # A4
    assert png.content.startswith(b"\x89PNG")
    assert 'filename="ward-run-45s.pdf"' in pdf.headers["content-disposition"]


def test_what_is_not_kept_and_what_is_no_form_is_told(service: Service) -> None:
    assert get(service, "gif").status_code == 404
    assert get(service, "csv", 3000.0, 3010.0).json()["error"] == "no signal of that time is kept"
    assert get(service, "pdf", 0.0, 5000.0).status_code == 400


def test_the_page_saves_the_strip_that_is_seen(service: Service, open_page: Open) -> None:
    page = open_page(service.url + "#/p/ward%2Frun?t=45.000")
    expect(page.locator("#patient h2")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_label("Save").select_option("csv")
    first, *_, last = Path(download.value.path()).read_text().splitlines()[1:]
    assert float(last.split(",")[0]) == pytest.approx(45.0, abs=0.1)
    assert float(first.split(",")[0]) < 45.0
