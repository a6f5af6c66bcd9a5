"""The exceptions of the pipeline.

::

    PipelineError
    ├── SourceError            something outside this process is not as it should be
    │   ├── RecordNotFound     no such record, database or file
    │   ├── RecordCorrupt      a file is cut, damaged or fails its checksum
    │   ├── RecordUnsupported  a readable record that the pipeline does not take (rate, leads, units)
    │   └── SourceUnavailable  the network or the server did not answer in time
    ├── StreamError            a chunk that does not continue its stream
    │   └── FrameError         a frame that is refused at the door
    ├── SnapshotError          a snapshot that this version cannot restore
    ├── ModelError             weights that are missing, damaged or of another version
    └── OutputError            results cannot be written where they were asked for
        ├── LeaseLost          another worker has taken over what this one wrote
        └── RowsRefused        the database is there and does not take what it was given

A bad argument is a :class:`ValueError`; the outside world is a :class:`PipelineError` whose message names the record
and says what to do.
"""

from __future__ import annotations

__all__ = [
    "FrameError",
    "LeaseLost",
    "ModelError",
    "OutputError",
    "PipelineError",
    "RecordCorrupt",
    "RecordNotFound",
    "RecordUnsupported",
    "RowsRefused",
    "SnapshotError",
    "SourceError",
    "SourceUnavailable",
    "StreamError",
]


class PipelineError(Exception):
    """Base of everything that the pipeline raises about the outside world."""


class SourceError(PipelineError):
    """Something outside this process is not as it should be."""


class RecordNotFound(SourceError):
    """No such record, database or file."""


class RecordCorrupt(SourceError):
    """A file is cut, damaged or fails its checksum."""


class RecordUnsupported(SourceError):
    """A readable record that the pipeline does not take."""


class SourceUnavailable(SourceError):
    """The network or the server did not answer in time."""


class StreamError(PipelineError):
    """A chunk that does not continue its stream."""


class FrameError(StreamError):
    """A frame that is refused at the door."""


class SnapshotError(PipelineError):
    """A snapshot that this version cannot restore."""


class ModelError(PipelineError):
    """Weights that are missing, damaged or of another version."""


class OutputError(PipelineError):
    """Results cannot be written where they were asked for."""


class LeaseLost(OutputError):
    """Another worker has taken over what this one wrote."""


class RowsRefused(OutputError):
    """The database is there and does not take what it was given: waiting for it would change nothing."""
