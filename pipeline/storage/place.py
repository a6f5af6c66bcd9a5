"""Where results may lie: a folder, or a URL that fsspec knows, such as ``s3://bucket/results``.

A place in an object store reads like a :class:`pathlib.Path`. What differs stands in :mod:`pipeline.storage.objects`:
there is no lock that processes on several machines could share, so no object is written by more than one record.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from upath import UPath

from pipeline.errors import OutputError

__all__ = ["Place", "PlaceLike", "place"]

Place: TypeAlias = Path | UPath
PlaceLike: TypeAlias = str | Path | UPath

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_LOST_SLASH = re.compile(r"(s3|s3a|gs|gcs|az|abfs|memory|file):/[^/]")


def place(out: PlaceLike) -> Place:
    """Return where results lie: a local path, or a path in an object store if ``out`` is a URL.

    Raises
    ------
    ValueError
        If fsspec does not know the kind of URL, or a URL has lost a slash on its way through a :class:`pathlib.Path`.
    OutputError
        If the package for this kind of URL is not installed.
    """
    if isinstance(out, UPath):
        return out if out.protocol else Path(out.path)
    text = os.fspath(out)
    if _LOST_SLASH.match(text):
        raise ValueError(f"{text!r} is a URL that went through a Path and lost a slash; pass it as text")
    if not _URL.match(text):
        return Path(text)
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    # Other machines write as well: what was listed once is no answer to whether an object is there now.
    path = UPath(text, use_listings_cache=False)
    try:
        assert path.fs is not None  # noqa: S101 - it is made here, or not at all
    except ImportError as error:  # fsspec says which package to install
        raise OutputError(f"{text}: {error}") from error
    return path
