"""How text from outside is shown in answers, and what is offered for a word that is nearly right."""

from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches


def quoted(text: str) -> str:
    """Return text from outside as a Markdown code span: short, on one line, without mentions, markup or HTML."""
    clean = "".join(char if char.isprintable() and char != "`" else " " for char in text).strip()
    shortened = clean if len(clean) <= 60 else clean[:59] + "…"
    return f"`{shortened}`" if shortened else "(nothing)"


def did_you_mean(word: str, possible: Sequence[str]) -> str:
    """Return ` Did you mean …?` with up to three of the possible words, or nothing where none is close."""
    close = get_close_matches(word, possible, n=3, cutoff=0.6)
    alike = [SequenceMatcher(None, name, word).ratio() for name in close]
    # Names of one ecosystem share a long beginning: what is much less alike than the best is noise.
    close = [name for name, ratio in zip(close, alike, strict=True) if ratio > alike[0] - 0.1]
    close += [name for name in possible if len(word) >= 3 and word in name and name not in close]
    return f" Did you mean {' or '.join(quoted(name) for name in close[:3])}?" if close else ""
