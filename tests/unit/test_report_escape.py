"""Text from outside does nothing but be read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.domain.report.escape import ZERO_WIDTH, block, cell, clean, clean_lines, code, prose, shorten, tag
from bot.domain.report.pieces import last_lines

SPECIAL = [*"`@#<>&|\\*_~[]()!-+.:/\n\r\t\x00\x1b\x07\u202e\u200b$=1 ", "@octocat", "#123", "GH-4", "://", "\x1b[0m"]
NASTY = st.lists(st.one_of(st.sampled_from(SPECIAL), st.characters()), max_size=40).map("".join)
MENTION = re.compile(r"@\w|#\d|GH-\d", re.IGNORECASE)
READER = MarkdownIt("commonmark").enable("table")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "`plain`"),
        ("", "—"),
        ("\x00\x1b[0m\n", "—"),
        ("a`b", "``a`b``"),
        ("`b", "`` `b ``"),
        ("two\nlines\there", "`two lines here`"),
        ("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07", "`red link`"),
        ("left\u202eright", "`left right`"),
        ("x" * 200, "`" + "x" * 159 + "…`"),
        ("@octocat #1 GH-2 !3", f"`@{ZERO_WIDTH}octocat #{ZERO_WIDTH}1 GH-{ZERO_WIDTH}2 !{ZERO_WIDTH}3`"),
    ],
)
def test_a_code_span_holds_one_harmless_line(text: str, expected: str) -> None:
    assert code(text) == expected


def test_a_bar_does_not_begin_a_new_cell() -> None:
    assert cell(r"a\|b") == "<code>a&#x5C;&#x7C;b</code>"
    assert cell("a<b") == "`a<b`"


def test_a_tag_escapes_html() -> None:
    assert tag("<b>&") == "<code>&lt;b&gt;&amp;</code>"


def test_words_keep_what_stands_between_backticks_as_code() -> None:
    assert prose("write `/revdeps run` *now*") == r"write `/revdeps run` \*now\*"
    assert prose("one ` alone_") == r"one ' alone\_"


def test_words_are_neither_links_nor_list_items() -> None:
    assert "http:" + ZERO_WIDTH + "//" in prose("see http://example.org")
    assert prose("1. first").startswith(ZERO_WIDTH + "1")
    assert prose("- item").startswith(ZERO_WIDTH + "-")


def test_lines_stay_lines_without_what_a_terminal_would_obey() -> None:
    assert clean_lines("a\x1b[2J\r\nb\tc\x08 \nd\x1bM") == "a\nb       c\nd"


def test_a_shortened_text_says_so() -> None:
    assert shorten("abcdef", 4) == "abc…"


@given(NASTY)
def test_no_text_mentions_anybody_or_refers_to_anything(text: str) -> None:
    for made in (code(text), cell(text), tag(text), block(text), prose(text)):
        assert not MENTION.search(made)


@given(NASTY)
def test_every_text_stays_on_its_line_and_in_its_span(text: str) -> None:
    for made in (code(text), cell(text), tag(text)):
        tokens = READER.parse(made)
        kinds = [child.type for token in tokens for child in token.children or ()]
        assert "\n" not in made
        assert set(kinds) <= {"code_inline", "text", "html_inline", "text_special"}


@given(NASTY)
def test_every_text_stays_in_its_cell(text: str) -> None:
    kinds = [token.type for token in READER.parse(f"| a | b |\n|---|---|\n| {cell(text)} | end |")]
    assert kinds.count("td_open") == 2


@given(NASTY)
def test_every_text_stays_in_its_block(text: str) -> None:
    kinds = [token.type for token in READER.parse(f"{block(text)}\n\nafter")]
    assert kinds == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(NASTY)
def test_words_are_only_words(text: str) -> None:
    tokens = READER.parse(f"- {prose(text)}")
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "code_inline", "text_special", "html_entity"}
    assert sum(token.type == "list_item_open" for token in tokens) == 1


@given(st.text())
def test_cleaning_leaves_only_what_can_be_printed(text: str) -> None:
    assert clean(text).isprintable()


def test_a_line_of_a_log_that_is_cut_off_says_so():
    assert last_lines(f"first\n{'x' * 300}\n{'y' * 301}\n", 2).splitlines()[1:3] == ["x" * 300, f"{'y' * 299}…"]
