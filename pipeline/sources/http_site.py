"""One database of PhysioNet or of an HTTP mirror, and the folder of the cache that its files land in."""

from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from pipeline.errors import RecordCorrupt, RecordNotFound
from pipeline.settings import Settings
from pipeline.sources.checksums import SUMS_FILE, listed_sha256
from pipeline.sources.download import Client, whole_file, without_password
from pipeline.sources.layout import EXTENSIONS, beside, folders_in, listed_names, named_in, versions_in
from pipeline.sources.names import KNOWN_DATABASES, PhysioNetName, did_you_mean, version_key, with_its_database

__all__ = ["HttpSite"]


class HttpSite:
    """One version of one database on an HTTP server, and the folder of the cache that it lands in.

    Parameters
    ----------
    settings : Settings
        Address of the tree, and the cache.
    client : Client
        What fetches.
    name : PhysioNetName
        Which database; without a version, the newest in the cache, and the newest on the server if the cache has none.
    newest : bool
        Without a version, ask the server for its newest whatever the cache has.

    Attributes
    ----------
    folder : Path
        Where its files land.
    fetched_bytes : int
        Size of the records' files that landed so far.

    Raises
    ------
    RecordNotFound
        If the server has no such database.
    """

    def __init__(self, settings: Settings, client: Client, name: PhysioNetName, *, newest: bool = False) -> None:
        self._client = client
        self._about = f"record {str(name)!r}" if name.path else f"database {name.database!r}"
        self._root = settings.physionet_url.rstrip("/") + "/"
        cached = [] if newest else versions_in(settings.cache_dir / name.database)
        self._version = name.version or (cached[0] if cached else self._newest(name.database, settings))
        self.folder = settings.cache_dir / name.database / self._version
        self._url = f"{self._root}{quote(name.database)}/{self._version}/"
        self._has_sums: bool | None = None
        self.fetched_bytes = 0

    def file(self, file: str, *, again: bool = False) -> bool:
        """Have a file in the cache, fetched ``again`` if asked; False if the server does not have it."""
        target = self.folder / file
        if target.exists() and not again:
            return True
        try:
            with whole_file(target) as sink:
                self._client.get(self._url + quote(file), sink, about=self._about, sha256=self._listed(file))
        except RecordNotFound:
            return False
        if file != SUMS_FILE:
            self.fetched_bytes += target.stat().st_size
        return True

    def record(self, path: str, *, is_segment: bool = False) -> list[Path]:
        """Have all files of a record in the cache, its header last."""
        header = f"{path}.hea"
        text = io.BytesIO()
        try:
            self._client.get(self._url + quote(header), text, about=self._about, sha256=self._listed(header))
        except RecordNotFound as error:
            raise RecordNotFound(f"{error}{did_you_mean(path, listed_names(self.folder))}") from error
        signals, segments = named_in(text.getvalue(), header, self._about)
        if is_segment and segments:
            raise RecordCorrupt(f"{self._about}: its segment {header} is made of segments itself")
        files: list[Path] = []
        for segment in segments:
            files += self.record(beside(path, segment), is_segment=True)
        for signal in (beside(path, name) for name in signals):
            if not self.file(signal):
                raise RecordNotFound(
                    f"{self._about}: {without_password(self._url)}{signal}, which its header names, does not exist"
                )
            files.append(self.folder / signal)
        for extension in () if is_segment else EXTENSIONS:
            if self.file(f"{path}.{extension}"):
                files.append(self.folder / f"{path}.{extension}")
        with whole_file(self.folder / header) as file:
            file.write(text.getvalue())
        self.fetched_bytes += len(text.getvalue())
        return [*files, self.folder / header]

    def _listed(self, file: str) -> str | None:
        if file == SUMS_FILE:
            return None
        if self._has_sums is None:
            self._has_sums = self.file(SUMS_FILE)
        return listed_sha256(self.folder / SUMS_FILE, file) if self._has_sums else None

    def _newest(self, database: str, settings: Settings) -> str:
        """Find the newest version in the listing of the tree, or on the project's page that the live site has."""
        pages = [f"{self._root}{quote(database)}/"]
        if self._root.endswith("/files/"):
            pages.append(urljoin(self._root, f"../content/{quote(database)}/"))
        pattern = re.compile(rf"(?:href=[\"']\.?/?|/{re.escape(database)}/)(\d+(?:\.\d+)+)/")
        for page in pages:
            listing = io.BytesIO()
            try:
                address = self._client.get(page, listing, about=self._about)
            except RecordNotFound:
                continue
            found = pattern.findall(f"{urlsplit(address).path}\n{listing.getvalue().decode('utf-8', 'replace')}")
            if found:
                return str(max(found, key=version_key))
        known = {*KNOWN_DATABASES, *folders_in(settings.cache_dir)} - {database}
        near = with_its_database(database) or did_you_mean(database, known)
        raise RecordNotFound(
            f"{self._about}: there is no database {database!r} at {without_password(self._root)}{near}"
        )
