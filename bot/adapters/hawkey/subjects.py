"""What a question names: the packages of that name, or what is wrong with it."""

from collections.abc import Collection

from bot.adapters.hawkey.universe import Universe
from bot.ports.errors import Rejected
from bot.ports.resolver import Question


def source_number(universe: Universe, name: str) -> int:
    """Return the source package of that name; raise Rejected where there is none."""
    try:
        return universe.sources[name]
    except KeyError:
        raise _unknown("source", name, universe.sources) from None


def subject_of(universe: Universe, question: Question) -> frozenset[int]:
    """Return the binary packages that a question is about; raise Rejected where there is no such subject."""
    if question.binary:
        if named := universe.binaries_named(question.subject):
            return named
        raise _unknown("binary", question.subject, universe.binary_names)
    if question.subject in universe.binaries:
        return universe.binaries[question.subject]
    if question.subject in universe.sources:
        return frozenset()  # none of its binary packages is in the repositories
    raise _unknown("source", question.subject, universe.binaries.keys() | universe.sources.keys(), universe)


def _unknown(kind: str, name: str, names: Collection[str], universe: Universe | None = None) -> Rejected:
    text = f"There is no {kind} package {name} in the repositories."
    if universe is not None and name in universe.binary_names:
        sources = sorted({universe.source_of(number) for number in universe.binary_names[name]})
        return Rejected(f"{text} It is a binary package built from {', '.join(sources)}.")
    from difflib import get_close_matches

    close = get_close_matches(name, list(names), n=3)
    return Rejected(f"{text} Did you mean {' or '.join(close)}?" if close else text)
