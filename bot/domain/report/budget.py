"""How much a text tells, and what it leaves out first when it would grow beyond what a forge takes.

The order is that of docs/reports.md: log tails, what differs in buildroots, names of those already failing, names of
the fixed, everything after the worst 50 regressions, then all that is folded away. The header and the link to the whole
report always stay.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How much is told. A number is how many of a kind are listed before "and N more"."""

    log_lines: int = 20
    """Of each log's end and each solver's text."""
    changes: int = 12
    """Packages that differ in a failed build's root."""
    failing: int = 200
    fixed: int = 200
    worst: int = 200
    """Rows of regressions."""
    names: int = 200
    """In every other list."""
    left_out: int = 200
    """Packages over a limit, each with its figures."""
    sections: bool = True
    """Whether there is anything below the table."""


STEPS = (
    Detail(left_out=100_000),
    Detail(left_out=2_000),
    Detail(left_out=500),
    Detail(),
    Detail(log_lines=5),
    Detail(log_lines=0, changes=4),
    Detail(log_lines=0, changes=0),
    Detail(log_lines=0, changes=0, failing=0),
    Detail(log_lines=0, changes=0, failing=0, fixed=0),
    Detail(log_lines=0, changes=0, failing=0, fixed=0, worst=50),
    Detail(log_lines=0, changes=0, failing=0, fixed=0, worst=50, names=20, left_out=20),
    Detail(log_lines=0, changes=0, failing=0, fixed=0, worst=50, names=5, left_out=0, sections=False),
    Detail(log_lines=0, changes=0, failing=0, fixed=0, worst=10, names=0, left_out=0, sections=False),
    Detail(log_lines=0, changes=0, failing=0, fixed=0, worst=0, names=0, left_out=0, sections=False),
)
"""From everything to the header with its table left out."""


def fit(render: Callable[[Detail], str], limit: int) -> str:
    """Return the fullest text of at most `limit` characters.

    The last step's is cut off at the limit, which only a limit shorter than a header can make necessary.
    """
    text = ""
    for detail in STEPS:
        text = render(detail)
        if len(text) <= limit:
            return text
    return text[:limit]
