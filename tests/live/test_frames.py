from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import FrameError
from pipeline.live.frames import Frame, decode, encode, encode_json

NOW_US = 1_750_000_000_000_000


def a_frame(**change: Any) -> Frame:
    signal = np.array([[0.1, -0.2], [np.nan, 0.335], [1.0, 0.0]], np.float32)
    return replace(Frame.of("ward/bed-1", "s1", 7, NOW_US, 250.0, ("II", "V1"), signal), **change)


def as_list(**change: Any) -> list[Any]:
    values: list[Any] = msgpack.unpackb(encode(a_frame()))
    names = ["version", "patient", "session", "sequence", "time_us", "fs", "leads", "units", "gain", "samples", "last"]
    return [change.get(name, value) for name, value in zip(names, values, strict=True)]


def assert_same(a: Frame, b: Frame) -> None:
    np.testing.assert_array_equal(a.samples, b.samples)
    assert a.samples.dtype == b.samples.dtype
    assert [getattr(a, name) for name in Frame.__slots__ if name != "samples"] == [
        getattr(b, name) for name in Frame.__slots__ if name != "samples"
    ]


@pytest.mark.parametrize("form", [encode, encode_json])
@given(seed=st.integers(0, 2**32 - 1), is_whole=st.booleans(), last=st.booleans())
def test_a_frame_comes_back_from_either_form_as_it_was(form: Any, seed: int, is_whole: bool, last: bool) -> None:
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(int(rng.integers(1, 50)), 3)).astype(np.float32)
    signal[rng.random(signal.shape) < 0.1] = np.nan
    if is_whole:
        signal = (np.round(signal.astype(np.float64) * 200) / 200).astype(np.float32)
    frame = Frame.of("a/b/c", "x", seed, NOW_US, 128.5, ("I", "II", "V5"), signal, last=last)
    assert (frame.samples.dtype == np.int16) == is_whole or np.isnan(signal).all()
    again = decode(form(frame))
    assert_same(again, frame)
    np.testing.assert_array_equal(again.values(), signal)


def test_the_binary_form_is_what_the_documentation_says() -> None:
    values = as_list()
    assert values[:9] == [1, "ward/bed-1", "s1", 7, NOW_US, 250.0, ["II", "V1"], ["mV", "mV"], [200.0, 200.0]]
    assert np.frombuffer(values[9], "<i2").tolist() == [20, -40, -32768, 67, 200, 0]
    assert values[10] is False


def test_one_second_of_two_leads_takes_little_more_than_its_samples() -> None:
    signal = np.zeros((360, 2), np.float32)
    assert len(encode(Frame.of("mitdb/208", "s", 1, NOW_US, 360.0, ("MLII", "V1"), signal))) < 360 * 2 * 2 + 120


def test_a_person_may_write_a_frame() -> None:
    frame = decode(
        b'{"version": 1, "patient": "ward/bed-1", "session": "s1", "sequence": 0, "time_us": 1750000000000000, '
        b'"fs": 250, "leads": ["II", "V1"], "units": ["mV", "uV"], "samples": [[0.01, null], [0.02, -110]]}'
    )
    np.testing.assert_array_equal(frame.values(), np.array([[0.01, np.nan], [0.02, -110]], np.float32))


def test_what_is_not_finite_is_missing() -> None:
    frame = a_frame(samples=np.array([[np.inf, 1], [2, -np.inf]], np.float32), gain=None)
    assert np.isnan(decode(encode(frame)).values()).tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version 2"),
        ({"patient": "bed-1"}, "SITE/PATIENT"),
        ({"patient": "../../etc"}, "SITE/PATIENT"),
        ({"patient": "a/b.c"}, "SITE/PATIENT"),
        ({"patient": "a/*"}, "SITE/PATIENT"),
        ({"patient": 7}, "SITE/PATIENT"),
        ({"session": ""}, "session"),
        ({"session": "a b"}, "session"),
        ({"sequence": -1}, "sequence"),
        ({"sequence": 1.5}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"time_us": 1_750_000_000}, "time"),
        ({"fs": 50}, "50"),
        ({"fs": float("nan")}, "nan"),
        ({"fs": "360"}, "rate"),
        ({"leads": []}, "leads"),
        ({"leads": ["II", "II"]}, "different"),
        ({"leads": ["II", 3]}, "names"),
        ({"leads": ["II"]}, "units"),
        ({"leads": ["II", "V1", "V2"]}, "units"),
        ({"leads": ["II", "V1", "V2", "V3", "V4"]}, "whole samples"),
        ({"units": ["mV"]}, "units"),
        ({"units": None}, "units"),
        ({"gain": [200.0, 0.0]}, "gain"),
        ({"gain": [200.0]}, "gain"),
        ({"gain": 5}, "gain"),
        ({"samples": b"abc"}, "whole samples"),
        ({"samples": b""}, "without samples"),
        ({"samples": b"\0" * 4 * 2501}, "more than 10 s"),
        ({"samples": [1, 2]}, "binary"),
        ({"last": 1}, "last"),
    ],
)
def test_a_wrong_value_is_refused_and_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(FrameError, match=words):
        decode(msgpack.packb(as_list(**change)))


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        decode(data)


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    name=st.sampled_from(["patient", "session", "sequence", "time_us", "fs", "leads", "units", "gain", "samples"]),
)
def test_any_json_value_is_taken_or_refused(document: Any, name: str) -> None:
    frame = json.loads(encode_json(a_frame()))
    frame[name] = document
    with suppress(FrameError):
        decode(json.dumps(frame).encode())


def test_a_frame_that_no_broker_would_carry_is_refused() -> None:
    with pytest.raises(FrameError, match="longer than"):
        decode(b"\0" * 1_000_001)
