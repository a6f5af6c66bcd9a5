"""Run rivals on one record and print what they took, as JSON. Not imported: another interpreter runs this file.

It knows nothing of this project. Rivals are imported by name, because they are not installed beside it.

Its argument is a JSON file: ``signal`` (a ``.npy`` file, float64, shape (samples, leads), in mV), ``fs`` (Hz),
``rivals`` (names of :data:`DETECTORS` and :data:`NETWORKS`), ``beats`` (how many a network is given), ``steps``,
``step``, ``hidden``, ``latent`` (its sizes) and ``place`` (which core).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
INSIDE = 180.0  # Hz, at which a network sees a beat: the rate of the project that it is set beside
BEFORE = 32  # samples before the R peak, of all that it sees
SHARE = 0.99  # quantile of the scores above which a beat is flagged
WARM_UP_S = 30.0


def xqrs(signal: Signal, fs: float) -> Any:
    """Return the R peaks that wfdb's XQRS finds."""
    finder = import_module("wfdb.processing").XQRS(sig=signal[:, 0], fs=fs)
    finder.detect(verbose=False)
    return finder.qrs_inds


def gqrs(signal: Signal, fs: float) -> Any:
    """Return the R peaks that wfdb's gqrs finds."""
    return import_module("wfdb.processing").gqrs_detect(sig=signal[:, 0], fs=fs)


def neurokit(signal: Signal, fs: float) -> Any:
    """Return the R peaks that neurokit2 finds by its own method."""
    return _neurokit(signal, fs, "neurokit")


def neurokit_pantompkins(signal: Signal, fs: float) -> Any:
    """Return the R peaks that neurokit2 finds by the method of Pan and Tompkins."""
    return _neurokit(signal, fs, "pantompkins1985")


def sleepecg(signal: Signal, fs: float) -> Any:
    """Return the R peaks that sleepecg's compiled code finds."""
    return import_module("sleepecg").detect_heartbeats(signal[:, 0], fs)


def _neurokit(signal: Signal, fs: float, method: str) -> Any:
    nk = import_module("neurokit2")
    cleaned = nk.ecg_clean(signal[:, 0], sampling_rate=fs, method=method)
    return nk.ecg_peaks(cleaned, sampling_rate=fs, method=method)[1]["ECG_R_Peaks"]


DETECTORS: dict[str, Callable[[Signal, float], Any]] = {
    "wfdb XQRS": xqrs,
    "wfdb gqrs": gqrs,
    "neurokit2": neurokit,
    "neurokit2 pantompkins1985": neurokit_pantompkins,
    "sleepecg": sleepecg,
}
NETWORKS = {"deep-river Autoencoder": "Autoencoder", "deep-river RollingAutoencoder": "RollingAutoencoder"}


def measure(spec: dict[str, Any]) -> dict[str, Any]:
    """Run what the specification names."""
    _alone(int(spec["place"]))
    signal = np.nan_to_num(np.load(spec["signal"], allow_pickle=False))
    fs = float(spec["fs"])
    found: dict[str, Any] = {}
    for name in spec["rivals"]:
        if name in DETECTORS:
            found[name] = _detect(DETECTORS[name], signal, fs)
    # The way of a person who puts these packages together begins with XQRS.
    for name in spec["rivals"]:
        if name in NETWORKS:
            first = found.get("wfdb XQRS") or _detect(xqrs, signal, fs)
            found[name] = _learn(name, signal, fs, first["peaks"], spec)
    return {"found": found, "versions": dict(_versions())}


def _detect(detector: Callable[[Signal, float], Any], signal: Signal, fs: float) -> dict[str, Any]:
    detector(signal[: int(WARM_UP_S * fs)], fs)
    cpu = time.process_time()
    peaks = detector(signal, fs)
    return {"cpu_s": time.process_time() - cpu, "peaks": np.asarray(peaks, dtype=np.int64).tolist()}


def _learn(name: str, signal: Signal, fs: float, peaks: Sequence[int], spec: dict[str, Any]) -> dict[str, Any]:
    """Score and learn beats one by one; return the processor time of each part."""
    cpu = time.process_time()
    windows = _windows(signal, fs, peaks, int(spec["steps"]) * int(spec["step"]))
    filters_s = time.process_time() - cpu
    torch = import_module("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = _network(torch, signal.shape[1] * int(spec["step"]), spec)
    how = {"loss_fn": "mse", "optimizer_fn": "adam", "lr": 1e-3}
    model = getattr(import_module("deep_river.anomaly"), NETWORKS[name])(network, **how)
    limit = import_module("river.stats").Quantile(SHARE)
    beats = [dict(enumerate(window)) for window in windows[: int(spec["beats"])].tolist()]
    for beat in beats[:10]:
        model.learn_one(beat)
    score_s = learn_s = threshold_s = 0.0
    flagged = 0
    for beat in beats:
        a = time.process_time()
        score = model.score_one(beat)
        b = time.process_time()
        flagged += score > (limit.get() or np.inf)
        limit.update(score)
        c = time.process_time()
        model.learn_one(beat)
        d = time.process_time()
        score_s, threshold_s, learn_s = score_s + b - a, threshold_s + c - b, learn_s + d - c
    return {
        "filters_s": filters_s,
        "score_s": score_s,
        "threshold_s": threshold_s,
        "learn_s": learn_s,
        "beats": len(beats),
        "flagged": int(flagged),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def _windows(signal: Signal, fs: float, peaks: Sequence[int], size: int) -> Signal:
    """Return the beats, filtered and at the rate of the network, shape (n, samples x leads) in deviations."""
    scipy_signal = import_module("scipy.signal")
    sos = scipy_signal.butter(2, [0.5, 40.0], "bandpass", fs=fs, output="sos")
    slow = scipy_signal.resample(scipy_signal.sosfilt(sos, signal, axis=0), round(len(signal) * INSIDE / fs))
    slow /= slow.std(axis=0) + 1e-9
    starts = [round(peak * INSIDE / fs) - BEFORE for peak in peaks]
    cut = [slow[start : start + size].ravel() for start in starts if 0 <= start <= len(slow) - size]
    return np.array(cut).reshape(-1, size * signal.shape[1])


def _network(torch: Any, channels: int, spec: dict[str, Any]) -> Any:
    """Return an LSTM autoencoder that takes rows of (steps x channels) values."""
    nn, steps, hidden, latent = torch.nn, int(spec["steps"]), int(spec["hidden"]), int(spec["latent"])
    network = nn.Module()
    network.encoder = nn.LSTM(channels, hidden, batch_first=True)
    network.bottleneck = nn.Linear(hidden, latent)
    network.decoder = nn.LSTM(latent, hidden, batch_first=True)
    network.readout = nn.Linear(hidden, channels)

    def forward(x: Any) -> Any:
        encoded, _ = network.encoder(x.reshape(-1, steps, channels))
        code = torch.tanh(network.bottleneck(encoded[:, -1]))
        decoded, _ = network.decoder(code[:, None].expand(-1, steps, -1))
        return network.readout(decoded).reshape(x.shape)

    network.forward = forward
    return network


def _alone(place: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0), reverse=True)
        os.sched_setaffinity(0, [cores[place % len(cores)]])


def _versions() -> Any:
    for package in ("wfdb", "neurokit2", "sleepecg", "river", "deep-river", "torch", "numpy", "scipy"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(json.loads(Path(sys.argv[1]).read_text()))) + "\n")
