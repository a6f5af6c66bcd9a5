"""The site of the documentation: links, generated pages, navigation, and nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import pytest
import yaml

from pipeline.cli import main
from pipeline.detection.rules import RULES
from pipeline.setting_names import setting_paths, variable_of
from pipeline.settings import Settings
from pipeline.sources.foreign import formats

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
WRITTEN = sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md"))


def named(entry: Any) -> list[str]:
    """Return the pages that the navigation names."""
    if isinstance(entry, str):
        return [entry]
    return [page for one in (entry if isinstance(entry, list) else entry.values()) for page in named(one)]


def test_the_navigation_names_every_page_once_and_no_other(hooks: ModuleType, generated: ModuleType) -> None:
    pages = named(CONFIG["nav"])
    assert len(pages) == len(set(pages))
    there = {*WRITTEN, *generated.pages(), *map(hooks.place, hooks.PAGES)}
    assert set(pages) - set(hooks.COMING) == there - set(hooks.COMING)


def test_pages_that_are_to_come_break_nothing(hooks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SimpleNamespace(nav=[{"a": "tutorial.md"}, {"b": [{"c": "never.md"}]}, {"d": ["tutorial.md"]}])
    monkeypatch.setattr(hooks, "COMING", (*hooks.COMING, "never.md"))
    assert hooks.on_config(config).nav == [{"a": "tutorial.md"}, {"d": ["tutorial.md"]}]


@pytest.mark.parametrize(
    ("source", "target", "moved"),
    [
        ("README.md", "docs/how-to/ward.md", "how-to/ward.md"),
        ("SECURITY.md", "docs/devices.md#where-to", "devices.md#where-to"),
        ("docs/how-to/ward.md", "../../deploy/RUNBOOK.md", "../deploy/RUNBOOK.md"),
        ("docs/devices.md", "../README.md", "index.md"),
        ("docs/tutorial.md", "../data/report.png", "data/report.png"),
        ("docs/tutorial.md", "https://example.org/x.md", "https://example.org/x.md"),
        ("docs/tutorial.md", "#where-next", "#where-next"),
    ],
)
def test_links_lead_to_the_same_in_the_site(hooks: ModuleType, source: str, target: str, moved: str) -> None:
    code = f"```text\n[x]({target})\n```\n"
    assert hooks.moved(source, f"[x]({target})\n{code}") == f"[x]({moved})\n{code}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/RUNBOOK.md",
                                  *(f"docs/{page}" for page in WRITTEN)])  # fmt: skip
def test_every_link_of_a_page_leads_to_a_file(hooks: ModuleType, generated: ModuleType, page: str) -> None:
    text = hooks.FENCE.sub("", (ROOT / page).read_text("utf-8"))
    for match in hooks.LINK.finditer(text):
        if match[2].startswith("http"):
            continue
        path = hooks.resolve(page, match[2])
        if path is None and page.startswith("docs/"):  # a page that the site alone has
            joined = (ROOT / page).parent / match[2]
            assert str(joined.resolve().relative_to(ROOT / "docs")) in generated.pages(), match[2]
        else:
            assert path is not None, match[2]


def test_every_command_setting_rule_and_format_has_its_place(generated: ModuleType) -> None:
    pages = generated.pages()
    for name in main.list_commands(click.Context(main)):
        assert f"\n## ecg-anomaly {name}\n" in pages["reference/commands.md"]
    assert "## ecg-anomaly bench backfill\n" in pages["reference/commands.md"]
    for path in setting_paths():
        assert f"| `{path}` | `{variable_of(path)}` |" in pages["reference/settings.md"]
    for kind in RULES:
        assert f"\n| {kind} |" in pages["reference/rules.md"]
    for known in formats():
        assert f"\n| {known.name} |" in pages["reference/formats.md"]


def test_every_setting_says_what_it_is(generated: ModuleType) -> None:
    rows = re.findall(r"^\| `.*$", generated.settings_page(), flags=re.MULTILINE)
    assert len(rows) >= len(Settings.model_fields)
    assert [row for row in rows if not row.rstrip("| ").rpartition("|")[2].strip()] == []
    assert str(Path.home()) not in generated.settings_page()  # nor where the user who built it keeps files


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "would load"),
        ('<link rel="stylesheet" href="//fonts.example/css">', "would load"),
        ("<style>@import url(https://fonts.example/css);</style>", "would load"),
        ('<img alt="x" src="http://elsewhere.example/x.png">', "would load"),
        ('<a href="pipeline/rules.py#x">read</a>', "leads to pipeline/rules.py"),
        ('<a href="https://elsewhere.example">read</a><script src="page.html"></script>', ""),
    ],
)
def test_a_page_that_loads_from_elsewhere_or_leads_nowhere_fails_the_build(
    hooks: ModuleType, page: str, fault: str, tmp_path: Path
) -> None:
    from mkdocs.exceptions import PluginError

    (tmp_path / "page.html").write_text(page)
    config = SimpleNamespace(site_dir=str(tmp_path))
    if fault:
        with pytest.raises(PluginError, match=rf"page\.html: it {fault}"):
            hooks.on_post_build(config)
    else:
        hooks.on_post_build(config)
