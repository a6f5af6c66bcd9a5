"""What MkDocs does for this project beside mkdocs.yml.

Pages of the repository that lie outside ``docs`` (the README, the runbook, model cards, what a page links to) are part
of the site under their own path; commands, settings, alarm rules and formats are written from the code; and a built
page that would load something from another host fails the build.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).parent))

import generated  # noqa: E402 - it lies beside this file

DOCS = "docs"
HOME = {"README.md": "index.md"}
PAGES = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/RUNBOOK.md",
         "data/models/default.md", "data/models/forecaster.md", "data/models/fibrillation.md")  # fmt: skip
COMING = ("speed.md",)  # named in the navigation as soon as they are there
LINK = re.compile(r"(\]\(|\bsrc=\"|\bhref=\")([^)\s\"#:]+)(#[^)\s\"]*)?(?=[)\s\"])")
ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):<code>(~?)([\w.]+)</code>")  # docstrings have Sphinx's roles
TARGET = re.compile(r"(?:href|src)=\"(?!\w+:|//)([^\"#]+)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//|"
                    r"<link\b[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon)[^>]*\bhref=[\"']?(?:https?:)?//|"
                    r"@import\s+(?:url\()?[\"']?https?://|url\([\"']?https?://")  # fmt: skip


def place(path: str) -> str:
    """Return where a file of the repository lies in the site.

    >>> place("docs/how-to/ward.md"), place("deploy/RUNBOOK.md"), place("README.md")
    ('how-to/ward.md', 'deploy/RUNBOOK.md', 'index.md')
    """
    return HOME.get(path, path.removeprefix(f"{DOCS}/"))


def links(source: str, text: str) -> Iterator[str]:
    """Yield the files of the repository that a page of it links to, by their paths."""
    for match in LINK.finditer(FENCE.sub("", text)):
        path = resolve(source, match[2])
        if path is not None:
            yield path


def resolve(source: str, target: str) -> str | None:
    """Return the path of what a page links to, or None if there is no such file in the repository."""
    path = posixpath.normpath(str(PurePosixPath(source).parent / target))
    return path if not path.startswith("..") and (ROOT / path).is_file() else None


def moved(source: str, text: str) -> str:
    """Return a page's text with its links as they are in the site."""
    here = posixpath.dirname(place(source))

    def link(match: re.Match[str]) -> str:
        path = resolve(source, match[2])
        target = match[2] if path is None else posixpath.relpath(place(path), here or ".")
        return f"{match[1]}{target}{match[3] or ''}"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def on_config(config: Any) -> Any:
    """Leave out of the navigation what is not written yet."""
    config.nav = [entry for entry in (_there(entry) for entry in config.nav) if entry]
    return config


def _there(entry: Any) -> Any:
    if isinstance(entry, str):
        return None if entry in COMING and not (ROOT / DOCS / entry).is_file() else entry
    if isinstance(entry, list):
        return [one for one in (_there(one) for one in entry) if one]
    ((title, inner),) = entry.items()
    return {title: kept} if (kept := _there(inner)) else None


def on_files(files: Any, config: Any) -> Any:
    """Add what is generated, and what pages link to outside ``docs``."""
    from mkdocs.structure.files import File

    for path, content in generated.pages().items():
        files.append(File.generated(config, path, content=content))
    waiting = [*PAGES, *(f"{DOCS}/{file.src_uri}" for file in list(files) if (ROOT / DOCS / file.src_uri).is_file())]
    seen = set(waiting)
    for source in waiting:  # grows while pages link to further files
        if files.get_file_from_path(place(source)) is None:
            files.append(File.generated(config, place(source), abs_src_path=str(ROOT / source)))
        if source.endswith(".md"):
            new = set(links(source, (ROOT / source).read_text("utf-8"))) - seen
            waiting += sorted(new)
            seen |= new
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Put the links of a page right; whoever searches wants pages of words before tables of results."""
    if page.file.src_uri.startswith(("results/", "CHANGELOG")):
        page.meta["search"] = {"boost": 0.3}
    path = page.file.abs_src_path
    if path is None:
        return markdown
    return moved(Path(path).resolve().relative_to(ROOT).as_posix(), markdown)


def on_page_content(html: str, *, page: Any, config: Any, files: Any) -> str:
    """Turn the roles of docstrings into links, where what they name is on a page."""
    return ROLE.sub(_reference, html)


def _reference(match: re.Match[str]) -> str:
    name = match[2]
    shown = name.rpartition(".")[2] if match[1] else name
    return f'<autoref optional identifier="{name}"><code>{shown}</code></autoref>'


def on_post_build(config: Any) -> None:
    """Fail where a page would load something from another host, or leads to a file that is not there.

    Raises
    ------
    mkdocs.exceptions.PluginError
        It names the page and what is wrong with it.
    """
    from mkdocs.exceptions import PluginError

    for page in sorted(Path(config.site_dir).rglob("*.html")):
        text = page.read_text("utf-8")
        found = LOADED.search(text)
        if found:
            raise PluginError(f"{page}: it would load something from elsewhere: {found[0]}")
        for target in set(TARGET.findall(text)) if page.name != "404.html" else ():  # that one knows not where it is
            if not (page.parent / unquote(target)).exists():
                raise PluginError(f"{page}: it leads to {target}, which is not there")
