"""Links between the documents, and the files that they name."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
DOCUMENTS = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md")])
FOLDERS = "bot|tests|docs|demo|benchmarks|scripts|deploy|handlers|config-schema"


def anchors(document: Path) -> set[str]:
    """Return what a forge makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(TOP)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()) if not link.startswith("http")]
    for link in links:
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(TOP)))
def test_every_file_that_is_named_is_there(document: Path) -> None:
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", document.read_text())
    assert [path for path in named if "NNNN" not in path and not (TOP / path).exists()] == []
