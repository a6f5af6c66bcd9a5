"""``ecg-anomaly explain``."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.extras import is_installed
from pipeline.cli.group import PipelineCommand, bad_arguments
from pipeline.cli.options import data_dir_option, json_option, leads_option, model_option, read_settings
from pipeline.cli.study import check_outputs

if TYPE_CHECKING:
    from pipeline.explain.explanation import Explanation

EPILOG = """
Examples:
  ecg-anomaly explain mitdb/208 --beat 1234
  ecg-anomaly explain mitdb/208 --time 12:18 --figure why.png
  ecg-anomaly explain ward/bed1 --data-dir my-records --time 754.2 --json

The record is scored from its beginning to the beat. Beats count from 0, as in
the tables that `score` writes. Parts of the score are counted from what is
usual for this patient.
"""


def _seconds(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Turn ``12:34.5``, ``1:02:03`` or ``754.2`` into seconds."""
    if value is None:
        return None
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", value):
        raise click.BadParameter(f"{value!r}: write seconds or m:ss, such as 754.2 or 12:34")
    seconds = 0.0
    for part in value.split(":"):
        seconds = 60.0 * seconds + float(part)
    return seconds


@click.command("explain", cls=PipelineCommand, epilog=EPILOG)
@click.argument("record")
@click.option("--beat", type=click.IntRange(min=0), help="Number of the beat.")
@click.option("--time", "time_s", callback=_seconds, help="Explain the beat nearest to this time, in s or m:ss.")
@data_dir_option
@leads_option
@model_option
@click.option(
    "--gates/--no-gates", default=None, help="Look at the gates of the LSTM.  [default: where PyTorch is installed]"
)
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path), help="Draw it here (.png, .svg or .pdf).")
@json_option
def command(
    record: str,
    beat: int | None,
    time_s: float | None,
    data_dir: Path | None,
    leads: tuple[str, ...] | None,
    model: Path | None,
    gates: bool | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Say why a beat of RECORD got its score."""
    if (beat is None) == (time_s is None):
        raise click.UsageError("name the beat by --beat or by --time")
    check_outputs(figure=figure)
    settings = read_settings()
    from pipeline.cli.compiling import ensure_compiled
    from pipeline.cli.display import show_json, show_lines
    from pipeline.detection.model import DEFAULT_MODEL, BeatModel
    from pipeline.explain.replay import explain
    from pipeline.figures import draw_explanation, save_figure
    from pipeline.sources import open_record

    with bad_arguments():
        network = BeatModel.load(model or DEFAULT_MODEL)
    ensure_compiled(network)
    explanation = explain(
        open_record(record, data_dir=data_dir, leads=leads, settings=settings),
        beat,
        time_s=time_s,
        model=network,
        threshold=settings.threshold,
        alarms=settings.alarms,
        gates=is_installed("torch") if gates is None else gates,
    )
    if as_json:
        show_json(explanation.to_dict())
    else:
        show_lines(_lines(explanation))
    if figure is not None:
        save_figure(draw_explanation(explanation), figure)
        if not as_json:
            click.echo(f"Figure: {figure}")


def _lines(e: Explanation) -> dict[str, str]:
    beat = e.scored
    where = f"{beat.beat} of {beat.record}, R peak at {beat.time_s:.2f} s"
    where += "" if math.isnan(beat.rr_s) else f", R-R {beat.rr_s:.2f} s"
    if math.isnan(beat.score):
        return {"beat": where, "in words": e.words}
    said = f", p {beat.p_value:.2g}, {beat.kind}{', learning' if beat.learning else ''}"
    lines = {
        "beat": where,
        "in words": e.words,
        "score": f"{beat.score:.2f} over a threshold of {beat.threshold:.2f}{said}",
        "shape": f"{beat.shape:.2f}, usual {e.usual_shape:.2f}: {100 * e.shape_share:.0f} % of what is unusual",
        "rhythm": f"due after {e.expected_rr_s:.2f} s, came {100 * e.early:.0f} % early, as {100 * e.earlier:.2g} % of "
        f"normal beats would: {100 * e.rhythm_share:.0f} %",
        "P wave": f"{100 * e.p_wave_share:.0f} %",
        "noise": f"{e.noise_taken_off:.2f} taken off the shape",
    }
    for layer, gates in e.gates.items():
        opened = (f"{name} {gates.beat[name].mean():.2f} ({gates.usual[name].mean():.2f})" for name in gates.beat)
        lines[f"{layer} gates"] = f"mean opening (usual): {', '.join(opened)}"
    near = (f"{n.beat} at {n.time_s:.1f} s ({n.distance:.1f})" for n in e.nearest)
    lines["nearest normal"] = f"{', '.join(near) or 'none yet'}; distance in units of the patient's noise"
    return {name: re.sub(r"\bnan\b", "unknown", text) for name, text in lines.items()}
