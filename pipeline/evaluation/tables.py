"""The tables of an evaluation, for the terminal and for a Markdown file between markers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Console

from pipeline.evaluation.alarms import AlarmFigures
from pipeline.evaluation.protocol import MIN_ANOMALIES
from pipeline.evaluation.ranking import Ranking
from pipeline.evaluation.result import EvaluationResult
from pipeline.evaluation.rhythm_states import LONG_RUN, RhythmFigures
from pipeline.evaluation.rpeaks import RPeakFigures
from pipeline.evaluation.sheet import Sheet
from pipeline.evaluation.view import View

__all__ = ["print_tables", "sheets", "to_markdown"]

OWN = "this detector"
MAIN_FIGURES = ("macro.auroc", "macro.auprc", "pooled.auroc", "pooled.auprc")
VIEW_NAMES = {
    "strict": "all, strict",
    "other_rhythms_set_aside": "other rhythms set aside",
    "without_232": "without 232",
    "without_202": "without 202",
}


def sheets(result: EvaluationResult, *, per_record: bool = True) -> list[Sheet]:
    """Return the tables of an evaluation, most important first."""
    out = [
        _ranking(result.strict, result.n_seeds),
        _classes(result.strict),
        _differences(result.strict),
        _views(result.views),
        _operation(result.views),
    ]
    if result.strict.calibration:
        out.append(_calibration(result.views))
    out.append(_ec57(result.views))
    if result.alarms is not None and result.alarms.episodes + result.alarms.alarms:
        out.append(_alarms(result.alarms))
    if result.rhythms is not None:
        out.append(_rhythms(result.rhythms))
    if result.r_peaks is not None:
        out.append(_r_peaks(result.r_peaks))
    if result.noise:
        out.append(_noise(result.noise))
    if per_record:
        out.append(_records(result))
    return [sheet for sheet in out if sheet.rows]


def print_tables(result: EvaluationResult, console: Console, *, per_record: bool = True) -> None:
    """Print the tables; most fit 80 columns, all fit 100."""
    for sheet in sheets(result, per_record=per_record):
        console.print(sheet.rich())
        console.print()


def to_markdown(result: EvaluationResult, tables: Sequence[Sheet] | None = None) -> str:
    """Return tables as Markdown, with the command that made them; all but the single records by default."""
    command = f"`{result.command}`" if result.command else "the library"
    track = "reference R peaks (track A)" if result.track == "reference" else "own R peaks (track B)"
    head = f"From {command}: {len(result.strict.records)} records from 5:00 on, {track}, intervals at 95 %."
    chosen = sheets(result, per_record=False) if tables is None else tables
    return "\n\n".join([head, *(sheet.markdown() for sheet in chosen)])


def _noise(by_snr: Mapping[str, EvaluationResult]) -> Sheet:
    rows = []
    for snr, result in by_snr.items():
        figures, peaks, operation = result.strict.ranking.figures, result.r_peaks, result.strict.operation
        rows.append(
            (
                f"{snr} dB",
                *(_figure(figures[name]) for name in ("V.auroc", "S.auroc", "pooled.auroc", "pooled.auprc")),
                _percent(operation.se_v),
                _percent(operation.fpr),
                *((f"{100 * peaks.se:.2f}", f"{100 * peaks.ppv:.2f}") if peaks else ("–", "–")),
            )
        )
    return Sheet(
        "By signal-to-noise ratio",
        ("", "V against N", "S against N", "AUROC", "AUPRC", "Se V %", "FPR %", "R Se", "R +P"),
        tuple(rows),
    )


def _ranking(view: View, n_seeds: int) -> Sheet:
    own, *rivals = _with_intervals(view, MAIN_FIGURES)
    spread = view.ranking.spread  # empty with one seed
    deviations = (f"{spread[f]:.4f}".lstrip("0") for f in MAIN_FIGURES if f in spread)
    return Sheet(
        f"Ranking: macro over {len(view.ranking.per_record)} records with at least {MIN_ANOMALIES} anomalies",
        ("", "macro AUROC", "macro AUPRC", "pooled AUROC", "pooled AUPRC"),
        (own, *([(f"  deviation of {n_seeds} seeds", *deviations)] if spread else []), *rivals),
    )


def _classes(view: View) -> Sheet:
    return Sheet(
        "Ranking of one class against the normal beats, AUROC, pooled",
        ("", "V against N", "S against N", "F against N"),
        _with_intervals(view, ("V.auroc", "S.auroc", "F.auroc")),
    )


def _with_intervals(view: View, figures: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    methods = {OWN: view.ranking, **view.rivals}
    return tuple((_words(name), *(_interval(r, f) for f in figures)) for name, r in methods.items())


def _differences(view: View) -> Sheet:
    rows = tuple(
        (_words(name), *(f"{_signed(d[f][0])} {_signed(d[f][1])}/{_signed(d[f][2])}" for f in MAIN_FIGURES))
        for name, d in view.difference.items()
    )
    return Sheet(
        "This detector minus each rival, with the ends of the paired interval over records",
        ("", "macro AUROC", "macro AUPRC", "pooled AUROC", "pooled AUPRC"),
        rows,
    )


def _views(views: dict[str, View]) -> Sheet:
    rows = []
    for name, view in views.items():
        methods = {OWN: view.ranking, **{r: view.rivals[r] for r in ("two_templates",) if r in view.rivals}}
        for method, ranking in methods.items():
            figures = (_figure(ranking.figures[f]) for f in MAIN_FIGURES)
            rows.append((VIEW_NAMES.get(name, _words(name)), _words(method), *figures))
    return Sheet(
        "Ranking by choice of records and beats",
        ("", "method", "macro AUROC", "macro AUPRC", "pooled AUROC", "pooled AUPRC"),
        tuple(rows),
    )


def _operation(views: dict[str, View]) -> Sheet:
    rows = []
    for name, view in views.items():
        o = view.operation
        rows.append(
            (
                VIEW_NAMES.get(name, _words(name)),
                *(_percent(x) for x in (o.se_v, o.se_s, o.se_f, o.fpr)),
                _number(o.fa_per_hour, 1),
                _figure(o.macro_f1),
                *(_percent(x) for x in (o.fpr_median, o.fpr_p90, o.fpr_max)),
            )
        )
    return Sheet(
        "Operation, threshold as shipped (%; FPR med., p90, max. over records)",
        ("", "Se V", "Se S", "Se F", "FPR", "FA/h", "macro F1", "med.", "p90", "max."),
        tuple(rows),
    )


def _calibration(views: dict[str, View]) -> Sheet:
    rows = [
        (
            VIEW_NAMES.get(name, _words(name)),
            f"{100 * c.declared:g} %",
            f"{100 * c.realised:.2f} %",
            _number(c.ratio, 2),
            f"{100 * c.share_within_2x:.0f} %",
            f"{100 * c.promised:.0f} %",
            _percent(c.kept),
            f"{100 * c.worst:.2f} % ({c.worst_record.rsplit('/', 1)[-1]})",
        )
        for name, view in views.items()
        for c in view.calibration
    ]
    return Sheet(
        "Calibration of the false-alarm rate (promised: to so many records; kept: in so many of these at most twice)",
        ("", "declared", "realised", "ratio", "within 2x", "promised", "kept", "worst"),
        tuple(rows),
    )


def _ec57(views: dict[str, View]) -> Sheet:
    rows = []
    for name, view in views.items():
        e = view.ectopics
        figures = (e.veb_se, e.veb_ppv, e.sveb_se, e.sveb_ppv)
        rows.append((VIEW_NAMES.get(name, _words(name)), *(_percent(x) for x in figures)))
    return Sheet("EC57 view (%)", ("", "VEB Se", "VEB +P", "SVEB Se", "SVEB +P"), tuple(rows))


def _alarms(a: AlarmFigures) -> Sheet:
    return Sheet(
        "Alarms about runs of at least 3 anomalous beats",
        ("episodes", "told %", "or lasting %", "alarms", "false/h", "other rhythms aside", "delay s", "p90 s"),
        (
            (
                str(a.episodes),
                _percent(a.sensitivity),
                _percent(a.sensitivity_lasting),
                str(a.alarms),
                _number(a.fa_per_hour, 1),
                _number(a.fa_per_hour_set_aside, 1),
                _number(a.delay_median_s, 1),
                _number(a.delay_p90_s, 1),
            ),
        ),
    )


def _rhythms(r: RhythmFigures) -> Sheet:
    names = {"(AFIB": "atrial fibrillation", "(B": "bigeminy", "(T": "trigeminy"}
    rows = [
        (names[name], str(r.records[name]), f"{r.annotated[name]:,} beats", _percent(r.se[name]), _percent(r.ppv[name]))
        for name in r.annotated
    ]
    kinds = {"S": "supraventricular", "V": "ventricular"}
    for letter, runs in r.runs.items():
        rows.append((f"{kinds[letter]} run", "", f"{runs} runs", _percent(r.found[letter] / runs), "–"))
    return Sheet(
        f"Rhythm told after a beat (runs of {LONG_RUN} beats and more)",
        ("", "records", "annotated", "Se %", "+P %"),
        tuple(rows),
    )


def _r_peaks(p: RPeakFigures) -> Sheet:
    return Sheet(
        f"R peaks, {len(p.records)} records (%)",
        ("", "Se", "+P", "V missed"),
        (
            ("gross", f"{100 * p.se:.2f}", f"{100 * p.ppv:.2f}", f"{p.v_missed} of {p.v_total}"),
            ("average", f"{100 * p.se_average:.2f}", f"{100 * p.ppv_average:.2f}", ""),
        ),
    )


def _records(result: EvaluationResult) -> Sheet:
    counts = {count.record: count for count in result.strict.operation.records}
    rows = []
    for record in result.records:
        own = result.strict.ranking.per_record.get(record.record)
        c = counts.get(record.record)
        p = record.r_peaks
        rows.append(
            (
                record.record,
                *((str(c.anomalies), str(c.found)) if c else ("–", "–")),
                *((_figure(own[0]), _figure(own[1])) if own else ("–", "–")),
                *((_percent(c.fpr), _number(c.fa_per_hour, 1)) if c else ("–", "–")),
                *((f"{100 * p.se:.2f}", f"{100 * p.ppv:.2f}") if p else ("–", "–")),
            )
        )
    return Sheet(
        "Records",
        ("record", "anom.", "found", "AUROC", "AUPRC", "FPR %", "FA/h", "R Se", "R +P"),
        tuple(rows),
    )


def _interval(ranking: Ranking, figure: str) -> str:
    low, high = ranking.interval(figure)
    value = _figure(ranking.figures[figure])
    return value if math.isnan(low) else f"{value} ({_figure(low)}-{_figure(high)})"


def _figure(value: float) -> str:
    """Three digits without the leading zero, as the tables of the field have it."""
    if math.isnan(value):
        return "–"
    return f"{value:.3f}".removeprefix("0")


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.3f}".replace("0.", ".", 1)


def _percent(value: float) -> str:
    return _number(100 * value, 1)


def _number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _words(name: str) -> str:
    return name.replace("_", " ")
