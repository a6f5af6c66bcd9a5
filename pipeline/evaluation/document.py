"""The figures of an evaluation as plain dictionaries, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.evaluation.ec57 import Ectopics, ectopics
from pipeline.evaluation.protocol import RATES
from pipeline.evaluation.ranking import Ranking
from pipeline.evaluation.rpeaks import RPeakFigures

if TYPE_CHECKING:
    from pipeline.evaluation.record import EvaluatedRecord
    from pipeline.evaluation.result import EvaluationResult
    from pipeline.evaluation.view import View

__all__ = ["document"]


def document(result: EvaluationResult) -> dict[str, Any]:
    """Return all figures by name; what has no value is None."""
    headline, *others = result.views
    out = {
        **_view(result.views[headline]),
        "rpeaks": _r_peaks(result.r_peaks),
        "alarms": None if result.alarms is None else asdict(result.alarms),
        "rhythms": None if result.rhythms is None else asdict(result.rhythms),
        "views": {name: _view(result.views[name]) for name in others},
        "noise": {snr: document(part) for snr, part in result.noise.items()},
        "records": {record.record: _record(record, result.strict) for record in result.records},
        "track": result.track,
        "n_seeds": result.n_seeds,
        "versions": result.versions,
        "seed": result.seed,
        "command": result.command,
    }
    plain: dict[str, Any] = _plain(out)
    return plain


def _r_peaks(figures: RPeakFigures | None) -> dict[str, Any]:
    names = ("se", "ppv", "se_average", "ppv_average", "v_missed", "v_total")
    return {name: None if figures is None else getattr(figures, name) for name in names}


def _record(record: EvaluatedRecord, view: View) -> dict[str, Any]:
    name = record.record
    own = view.ranking.per_record.get(name)
    count = next((c for c in view.operation.records if c.record == name), None)
    peaks = record.r_peaks
    return {
        "auroc": own and own[0],
        "auprc": own and own[1],
        "rivals": {
            rival: dict(zip(("auroc", "auprc"), ranking.per_record[name], strict=True))
            for rival, ranking in view.rivals.items()
            if name in ranking.per_record
        },
        "operation": count and {**asdict(count), "fpr": count.fpr, "fa_per_hour": count.fa_per_hour},
        "calibration": {f"{c.declared:g}": c.per_record.get(name) for c in view.calibration},
        "ec57": _ec57(ectopics([record.beats])),
        "rpeaks": peaks and {**asdict(peaks), "se": peaks.se, "ppv": peaks.ppv},
        "alarms": record.alarms and asdict(record.alarms),
        "rhythms": record.rhythms and asdict(record.rhythms),
        "snr_db": record.snr_db,
    }


def _view(view: View) -> dict[str, Any]:
    return {
        "ranking": _ranking(view.ranking),
        "rivals": {
            name: {
                **_ranking(rival),
                "difference": _nest({f: list(values) for f, values in view.difference[name].items()}),
            }
            for name, rival in view.rivals.items()
        },
        "operation": view.operation.figures(),
        "calibration": _calibration(view),
        "ec57": _ec57(view.ectopics),
        "n_records": len(view.records),
    }


def _calibration(view: View) -> dict[str, Any]:
    names = ("realised", "ratio", "share_within_2x", "promised", "kept", "worst", "worst_record")
    measured = {f"{c.declared:g}": {name: getattr(c, name) for name in names} for c in view.calibration}
    return {f"{rate:g}": dict.fromkeys(names) for rate in RATES} | measured


def _ec57(kinds: Ectopics) -> dict[str, Any]:
    return {
        "veb_se": kinds.veb_se,
        "veb_ppv": kinds.veb_ppv,
        "sveb_se": kinds.sveb_se,
        "sveb_ppv": kinds.sveb_ppv,
        "counts": kinds.counts.tolist(),
    }


def _ranking(r: Ranking) -> dict[str, Any]:
    return {
        **_nest(r.figures),
        "ci": _nest({figure: list(r.interval(figure)) for figure in r.figures}),
        "spread": _nest(r.spread),
    }


def _nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"macro.auroc": x}`` into ``{"macro": {"auroc": x}}``."""
    out: dict[str, Any] = {}
    for name, value in flat.items():
        group, figure = name.split(".")
        out.setdefault(group, {})[figure] = value
    return out


def _plain(value: Any) -> Any:
    """Return what JSON can hold: numpy numbers as Python's, and None for what is not a number."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
