"""A record to score, by name: plain values that may travel to another process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.detection.model import DEFAULT_MODEL, BeatModel
from pipeline.errors import PipelineError, RecordNotFound
from pipeline.record_name import RecordName
from pipeline.scoring.record import Scored, score_record
from pipeline.settings import Settings
from pipeline.sources import find_records, open_record, record_checksum
from pipeline.sources.foreign.registry import is_known
from pipeline.sources.names import PhysioNetName
from pipeline.storage import PlaceLike

__all__ = ["Job", "Plan", "Report", "model_at", "plan", "run_job"]

Report = Callable[[str, float], None]
"""Called as ``progress(stage, share)``: ``fetching`` or ``scoring``, and how much of that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Job:
    """A record to score.

    Attributes
    ----------
    name : str
        As :func:`pipeline.sources.open_record` takes it: ``mitdb/208``, or a path inside ``data_dir``.
    out : path
        The output folder, or the URL of a place in an object store.
    settings : Settings
        Where records come from; threshold and alarms.
    data_dir : Path or None
        A folder of WFDB records; None means PhysioNet.
    leads : tuple of str or None
        Leads to score in order of preference: the first two that the record has; None prefers as by default.
    model : Path or None
        Model file; None means the one that ships with the project.
    force : bool
        Score even if the results are there.
    report : bool
        Also save what the report shows.
    fs, units : float, str or None
        Rate in Hz and unit of a file of another format than WFDB, where it does not say.
    annotator : str
        Whose annotations label the beats: the extension of their files.
    """

    name: str
    out: PlaceLike
    settings: Settings
    data_dir: Path | None = None
    leads: tuple[str, ...] | None = None
    model: Path | None = None
    force: bool = False
    report: bool = True
    fs: float | None = None
    units: str | None = None
    annotator: str = "atr"

    @property
    def record(self) -> str:
        """Name that the results carry, such as ``mitdb/208``."""
        if self.data_dir is None:
            return PhysioNetName.parse(self.name).canonical
        return str(RecordName.in_folder(self.data_dir, self.name))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do.

    Attributes
    ----------
    jobs : tuple of Job
        One per record.
    missing : dict of str to PipelineError
        What was asked for and stands for no record, with the reason: results carry it as failed, and the jobs go on.
    """

    jobs: tuple[Job, ...]
    missing: dict[str, PipelineError]

    @property
    def not_found(self) -> dict[str, str]:
        """What stands for no record, with the reason in one line."""
        return {name: " ".join(str(error).split()) for name, error in self.missing.items()}


def plan(
    patterns: Sequence[str],
    out: PlaceLike,
    settings: Settings,
    *,
    data_dir: Path | None = None,
    leads: Sequence[str] | None = None,
    model: Path | None = None,
    force: bool = False,
    report: bool = True,
    fs: float | None = None,
    units: str | None = None,
    annotator: str = "atr",
) -> Plan:
    """Return one job per record that the patterns stand for, and which of them stand for none.

    Parameters
    ----------
    patterns : sequence of str
        As :func:`pipeline.sources.list_records` takes them; without ``data_dir`` also paths of files.
    out, settings, data_dir, leads, model, force, report, fs, units, annotator
        As the attributes of :class:`Job`.

    Raises
    ------
    PipelineError
        If none of the patterns stands for any record, or there is no such folder.
    ValueError
        If two records would have the same results, such as one record in two versions of its database.
    """
    found, missing = _find(patterns, data_dir, settings)
    chosen = None if leads is None else tuple(leads)
    jobs: dict[str, Job] = {}
    for folder, name in found:
        job = Job(name, out, settings, folder, chosen, model, force, report, fs, units, annotator)
        other = jobs.setdefault(job.record, job)
        if (other.data_dir, other.name) != (folder, name):
            raise ValueError(
                f"{_where(other)} and {_where(job)} would both have their results under {job.record}; "
                "score one of them into another folder"
            )
    if data_dir is not None:
        of_folder = f"{RecordName.in_folder(data_dir, '')}/"  # names may stand with it or without
        missing = {of_folder + pattern.removeprefix(of_folder): error for pattern, error in missing.items()}
    return Plan(tuple(jobs.values()), missing)


def _where(job: Job) -> str:
    return job.name if job.data_dir is None else str(job.data_dir / job.name)


def _find(
    patterns: Sequence[str], data_dir: Path | None, settings: Settings
) -> tuple[list[tuple[Path | None, str]], dict[str, PipelineError]]:
    """Return folder and name of each record that patterns stand for, and which stand for none."""
    if data_dir is not None:
        names, missing = find_records(*patterns, data_dir=data_dir, settings=settings)
        return [(data_dir, name) for name in names], missing
    found: dict[tuple[Path | None, str], None] = {}
    missing = {}
    for pattern in patterns:
        path = Path(pattern)
        is_recording = path.suffix == ".hea" or is_known(path)
        if is_recording and path.is_file():
            found[path.parent, path.name.removesuffix(".hea")] = None
            continue
        if is_recording:
            missing[pattern] = RecordNotFound(f"{pattern}: there is no such file")
            continue
        try:
            names, absent = find_records(pattern, settings=settings)
        except PipelineError as error:
            names, absent = [], {pattern: error}
        found |= dict.fromkeys((None, name) for name in names)
        missing |= absent
    if not found:
        raise next(iter(missing.values()))
    return list(found), missing


def run_job(job: Job, *, progress: Report | None = None, clock: Callable[[], float] | None = None) -> Scored:
    """Open a record, fetching it first if it is not here, and score it.

    Parameters
    ----------
    job : Job
        What to score.
    progress : callable, optional
        Called as ``progress(stage, share)``.
    clock : callable, optional
        Returns seconds, such as :func:`time.perf_counter`.

    Raises
    ------
    PipelineError
        In one line that names the record and says what to do, see :mod:`pipeline.errors`.
    """

    def fetching(file: str, done: int, total: int) -> None:
        if progress is not None:
            progress("fetching", done / total if total else 0.0)

    def scoring(share: float) -> None:
        if progress is not None:
            progress("scoring", share)

    record = open_record(
        job.name,
        data_dir=job.data_dir,
        leads=job.leads,
        fs=job.fs,
        units=job.units,
        annotator=job.annotator,
        settings=job.settings,
        progress=fetching,
    )
    return score_record(
        record,
        model_at(job.model, job.settings.device),
        job.out,
        settings=job.settings,
        checksum=record_checksum(record),
        force=job.force,
        report=job.report,
        progress=scoring,
        clock=clock,
    )


def model_at(path: Path | None, device: str = "cpu") -> BeatModel:
    """Return the model in a file, read once per process and version; None means the one that ships with the project.

    Its network runs on ``device``: compiled on ``cpu``, by torch elsewhere.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or of another version, or there is no such device.
    """
    file = path or DEFAULT_MODEL
    changed = file.stat().st_mtime_ns if file.is_file() else 0  # a service goes on when a better model is put in place
    return _load(file, changed, device)


@lru_cache(maxsize=2)
def _load(file: Path, _changed: int, device: str) -> BeatModel:
    model = BeatModel.load(file)
    return model if device == "cpu" else model.on(device)
