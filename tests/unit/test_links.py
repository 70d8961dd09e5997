"""Every link from one document of the project to another leads somewhere."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")]


def parsed(document: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(document.read_text(encoding="utf-8"))


def links(document: Path) -> list[str]:
    """Where its links lead that name no host."""
    inside = [child for token in parsed(document) for child in token.children or ()]
    found = [str(child.attrs["href"]) for child in inside if child.type == "link_open"]
    return [address for address in found if "://" not in address]


def anchors(document: Path) -> set[str]:
    """What its headings are called in addresses."""
    tokens = parsed(document)
    titles = [tokens[at + 1].content.lower() for at, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(document: Path) -> None:
    for address in links(document):
        path, _, heading = address.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), address
        assert not heading or heading in anchors(target), address


def test_links_are_found_at_all() -> None:
    assert "docs/operating.md" in links(ROOT / "README.md")
