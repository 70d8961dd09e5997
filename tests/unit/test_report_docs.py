"""The page about reports says what the code does."""

from pathlib import Path

from bot.domain.report.words import WORDS

DOCS = Path(__file__).parents[2] / "docs" / "reports.md"
SNAPSHOT = Path(__file__).parent / "snapshots" / "regressed.md"


def test_every_verdict_is_explained_in_its_words() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for word in WORDS.values():
        assert f"| {word.sign} {word.label} | {word.counted} | {word.meaning} |" in text


def test_the_example_is_a_comment_as_it_is_rendered() -> None:
    assert SNAPSHOT.read_text(encoding="utf-8") in DOCS.read_text(encoding="utf-8")
