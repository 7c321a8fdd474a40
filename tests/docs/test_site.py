"""The site builds without a warning, holds every page, and asks no other host."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from release.pages import GENERATED

from .blocks import PAGES, ROOT

DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)\s]+)\)")
# Zensical's own name in the footer: a link that a reader may follow, nothing that a browser loads.
_CREDIT = 'href="https://zensical.org/"'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site apart from whoever else builds it."""
    work = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", work)
    shutil.copytree(DOCS, work / "docs")
    zensical = ROOT / ".venv" / "bin" / "zensical"
    done = subprocess.run([zensical, "build", "--strict"], cwd=work, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return work / "site"


def test_every_page_is_in_the_site_and_is_complete(site: Path):
    for page in DOCS.rglob("*.md"):
        made = site / page.relative_to(DOCS).with_suffix(".html")
        assert "<h1" in made.read_text(), page


def test_every_page_can_be_reached_by_the_navigation():
    def paths(nav: object) -> list[str]:
        if isinstance(nav, str):
            return [nav]
        return [path for item in (nav.values() if isinstance(nav, dict) else nav) for path in paths(item)]

    reached = paths(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(reached) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_a_decision_has_a_number_of_its_own_in_its_name_and_title():
    pages = sorted((DOCS / "decisions").glob("[!i]*.md"))
    numbers = [page.name.partition("-")[0] for page in pages]
    assert len(set(numbers)) == len(numbers)
    for number, page in zip(numbers, pages, strict=True):
        assert re.match(rf"# {number}: \S", page.read_text()), f"{page.name} does not begin with '# {number}: title'"


def test_nothing_is_loaded_from_another_host(site: Path):
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 20
    for page in pages:
        text = page.read_text().replace(_CREDIT, "")
        text = re.sub(r'<a [^>]*href="https?://[^"]*"', "<a ", text)
        found = re.findall(r"""(?:src=|href=|url\()["']?(https?://[^"')]+)""", text)
        # The address of a drawing's own format, which nobody loads.
        assert [url for url in found if not url.startswith("http://www.w3.org/")] == [], page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    for link in _LINK.findall(page.read_text()):
        target = (page.parent / link.partition("#")[0]).resolve()
        assert target.exists(), f"{page.relative_to(ROOT)}: {link}"
        if page.is_relative_to(DOCS):
            assert target.is_relative_to(DOCS), f"{link} leaves docs/, and so the site: write the path as code instead"


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_pages_are_as_the_code_makes_them(path: Path):
    assert path.read_text() == GENERATED[path](), f"{path.relative_to(ROOT)} is stale: make docs, and commit it"
