"""What the texts of dependencies say, and what comes into a root without being required by its name.

libsolv turns a rich dependency into clauses. In some of them a condition is as good as what it is a condition for:
`(a if b else c)` is met by b and a together, also where there is no c. And a package of another architecture than a
distribution's own comes together with its namesake of the same EVR.
"""

import re
from collections.abc import Iterator
from typing import Any

from bot.adapters.hawkey.superseding import SOURCE_ARCHES

_OPERATOR = re.compile(r"(?<= )(?:and|or|if|unless|else|with|without)(?= )")
_CONDITIONAL = frozenset({"if", "unless"})


def is_rich(text: str) -> bool:
    """Whether a requirement is a rich dependency: whoever provides a part of it need not be what meets it."""
    return text.startswith("(")


def is_rpm_s(text: str) -> bool:
    """Whether a requirement is for a feature of rpm itself, which no package provides and the solver ignores."""
    return "rpmlib(" in text


def operators(text: str) -> list[str]:
    """Return the words between the parts of a rich dependency."""
    return _OPERATOR.findall(text) if is_rich(text) else []


def is_plain(text: str) -> bool:
    """Whether any of the providers meets a requirement: a capability, or several with `or` between them."""
    return not is_rich(text) or set(operators(text)) <= {"or"}


def parts(text: str) -> list[str]:
    """Return the capabilities in a rich dependency, in order."""
    return [_bare(part) for part in _OPERATOR.split(text)]


def _bare(part: str) -> str:
    bare = part.strip().lstrip("(")
    while bare.endswith(")") and bare.count(")") > bare.count("("):
        bare = bare[:-1]
    return bare


def conditions(text: str) -> list[str]:
    """Return the parts of a requirement that may be installed for it although libsolv calls none of them a provider.

    A single condition alone is not among them: it is never a reason to install what it speaks of.
    """
    words = operators(text)
    often = sum(word in _CONDITIONAL for word in words)
    return parts(text) if often > 1 or (often and "else" in words) else []


def implied(package: Any, arch: str) -> Iterator[str]:
    """Yield what a binary package brings into a root of `arch` beyond its requirements, as requirements.

    A conflict under a condition, as `(a unless b)`, is settled by installing b as well.
    """
    for conflict in map(str, package.conflicts):
        if not _CONDITIONAL.isdisjoint(operators(conflict)):
            yield from (f"({part} if {package.name})" for part in parts(conflict))
    if is_foreign(package, arch):
        yield f"{package.name} = {package.evr}"


def is_foreign(package: Any, arch: str) -> bool:
    """Whether a package is of another architecture than those whose packages are installed by themselves."""
    return package.arch not in {arch, "noarch", *SOURCE_ARCHES}
