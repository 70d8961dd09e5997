"""Makes text from outside harmless in Markdown: names, log lines, branches, titles, solver texts.

Such text stands in code spans and fenced blocks wherever it can. No surface may notify a person, link to another pull
request, or carry markup, terminal escapes or control characters that somebody else chose. A forge looks for mentions
and references in the finished HTML, where an entity has become the character again; so they are broken by a
zero-width space (U+200B), as Renovate and Dependabot do.
"""

import html
import re

ZERO_WIDTH = "\u200b"

_TERMINAL = re.compile(
    r"""\x1b\[ [0-?]* [ -/]* [@-~]            # CSI: colours, cursor
      | \x1b[\]PX^_] .*? (?:\x07|\x1b\\|$)    # OSC, DCS and other strings up to their end
      | \x1b [ -/]* [0-~]                     # two-character sequences
      | \x9b [0-?]* [ -/]* [@-~]              # CSI in one byte
    """,
    re.VERBOSE | re.MULTILINE,
)
_MENTION = re.compile(r"@(?=\w)")
_BROKEN = re.compile(r"#(?=\d)|(?<=GH)-(?=\d)|!(?=\d)|<!(?=--)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_BACKTICKS = re.compile(r"`+")


def clean(text: str) -> str:
    """Return one line without terminal escapes, control and invisible characters; white space becomes one space."""
    visible = "".join(char if char.isprintable() else " " for char in _TERMINAL.sub("", text))
    return " ".join(visible.split())


def clean_lines(text: str) -> str:
    """Return the lines, each without terminal escapes, control and invisible characters; tabs become spaces."""
    lines = _TERMINAL.sub("", text).replace("\r\n", "\n").replace("\r", "\n").expandtabs().split("\n")
    return "\n".join("".join(char if char.isprintable() else "" for char in line).rstrip() for line in lines)


def shorten(text: str, width: int) -> str:
    """Return at most `width` characters, the last of them `…` where something was cut off."""
    return text if len(text) <= width else text[: width - 1] + "…"


def code(text: str, width: int = 160) -> str:
    """Return text as a code span, cleaned and shortened; `—` where nothing is left of it. Not for a table's cell."""
    short = _quiet(shorten(clean(text), width))
    if not short:
        return "—"
    fence = _fence(short, 1)
    padding = " " if short.startswith("`") or short.endswith("`") else ""
    return f"{fence}{padding}{short}{padding}{fence}"


def cell(text: str, width: int = 160) -> str:
    """Return text as a code span for a table's cell, in which a bar would begin the next cell."""
    return tag(text, width) if "|" in text else code(text, width)


def tag(text: str, width: int = 160) -> str:
    """Return text as `<code>`, which is read alike where Markdown is read and where it is not (in a `<summary>`)."""
    short = html.escape(_quiet(shorten(clean(text), width)), quote=False)
    return f"<code>{_SPECIAL.sub(lambda found: f'&#x{ord(found[0]):X};', short)}</code>"


def block(text: str, language: str = "text") -> str:
    """Return text as a fenced block of code that it cannot break out of."""
    body = _quiet(clean_lines(text).strip("\n"))
    fence = _fence(body, 3)
    return f"{fence}{language}\n{body}\n{fence}"


def prose(text: str, width: int = 1_000) -> str:
    """Return text to be read as words. What stands between two backticks in it becomes a code span."""
    parts = shorten(clean(text), width).split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["'".join(parts[-2:])]
    return "".join(code(part) if position % 2 else _plain(part) for position, part in enumerate(parts))


def _plain(text: str) -> str:
    """Escape words so that they are only words, wherever in a line they stand."""
    special = _SPECIAL.sub(r"\\\1", html.escape(text, quote=False))
    return re.sub(r"^(\s*)([-+=#]|\d+(?=[.)]))", r"\1" + ZERO_WIDTH + r"\2", _ADDRESS.sub(ZERO_WIDTH, _quiet(special)))


def _quiet(text: str) -> str:
    """Break mentions, references and the beginnings of comments without a visible trace.

    Our own comments are found by the HTML comment that they begin with, so none may stand in a log that they quote.
    """
    return _BROKEN.sub(lambda found: found[0] + ZERO_WIDTH, _MENTION.sub("@" + ZERO_WIDTH, text))


def _fence(text: str, shortest: int) -> str:
    """Return a row of backticks that is longer than any in the text."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    return "`" * max(shortest, longest + 1)
