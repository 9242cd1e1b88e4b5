"""The documents: every link leads somewhere, lines wrap, and the README stays short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATED = ("commands.md", "recipe.md", "benchmarks.md")
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors_of(text: str) -> set[str]:
    """Return the anchors that a page's headings have on code hosts."""
    titles = re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(document: Path, text: str) -> list[str]:
    broken = []
    for link in LINK.findall(without_code(text)):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path) if path else document
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_to_files_and_headings(document):
    assert broken_links(document, document.read_text(encoding="utf-8")) == []


def test_a_link_to_nothing_is_found():
    page = ROOT / "README.md"
    text = "[a](docs/design.md) [b](docs/no_such_page.md) [c](docs/design.md#rooms) [d](docs/design.md#no-such-heading)"
    assert broken_links(page, text) == ["docs/no_such_page.md", "docs/design.md#no-such-heading"]


@pytest.mark.parametrize("document", [page for page in DOCUMENTS if page.name not in GENERATED], ids=name_of)
def test_lines_wrap_at_100_characters(document):
    lines = without_code(document.read_text(encoding="utf-8")).splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith(("|", "!["))] == []


def test_the_readme_has_about_900_words():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.sub(r"^```\n(No DATA|Warning).*?^```", "", text, flags=re.MULTILINE | re.DOTALL)  # a program's output
    assert len(shown.split()) <= 950


def test_every_page_is_linked_from_another():
    links = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in DOCUMENTS
        for link in LINK.findall(page.read_text(encoding="utf-8"))
    }
    pages = [page for page in DOCUMENTS if page.name != "README.md"]
    assert [name_of(page) for page in pages if page not in links and page.parent not in links] == []
