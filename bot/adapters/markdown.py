"""Comments as their writers mean them: the lines said in their own words, out of CommonMark.

Quotes, fenced and indented code, and HTML (comments above all) say nothing. What decides is how the comment is
rendered: a line right below a quote belongs to the quote. Only what stands at the start of a line can be a command, so
list items and headings keep a mark in front.
"""

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_CHARACTERS = 65_536
"""GitHub's own limit. What comes after it elsewhere is not read: hostile input takes time square in its length."""

_BREAKS = frozenset({"softbreak", "hardbreak"})


def plain_lines(body: str) -> list[str]:
    """Return the plain lines of a comment (the port `CommentReader`).

    Code within a line keeps its backticks: it never starts a command, and a package's name may be written in it.
    """
    lines: list[str] = []
    quotes = 0
    marked: set[int] = set()
    for token in MarkdownIt("commonmark").parse(body[:MAX_CHARACTERS]):
        if token.type == "blockquote_open":
            quotes += 1
        elif token.type == "blockquote_close":
            quotes -= 1
        elif token.map and _starts_with_a_mark(token):
            marked.add(token.map[0])
        elif token.type == "inline" and not quotes:
            mark = "- " if token.map and token.map[0] in marked else ""
            lines += (mark + "".join(_plain(token.children or []))).split("\n")
    return lines


def _starts_with_a_mark(token: Token) -> bool:
    """Whether the block's first line starts with a list item's bullet or number, or with a heading's `#`."""
    return token.type == "list_item_open" or (token.type == "heading_open" and token.markup.startswith("#"))


def _plain(children: list[Token]) -> Iterator[str]:
    """Yield the text of inline tokens; what is more than text leaves the mark that it was written with."""
    for child in children:
        if child.type in _BREAKS:
            yield "\n"
        elif child.type == "code_inline":
            yield f"`{child.content}`"
        elif child.type == "html_inline":
            yield " " if child.content.startswith("<!--") else "<>"
        elif child.type == "image":
            yield "![]"
        elif child.type == "link_open":
            yield "<" if child.markup == "autolink" else "["
        elif child.type == "link_close":
            yield ">" if child.markup == "autolink" else "]"
        else:
            yield child.content or child.markup
