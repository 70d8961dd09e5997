"""Builds of a package as they were tried on both sides, and what is judged of them."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.attempts import Attempt
from bot.domain.build import FailureReason, Outcome, Purpose, Succeeded
from bot.domain.judging import Evidence, judge
from bot.domain.plan import Effect, Selection
from bot.domain.verdict import Judgement, Needs, Verdict
from tests.fakes.domain import INFRASTRUCTURE, failed

OK = Succeeded()
NEW = failed("new")
OLD = failed("old")
UNRESOLVABLE = failed("nothing provides foo", FailureReason.UNRESOLVABLE)
REFUSED = replace(INFRASTRUCTURE, refused=True)
TIMEOUT = failed("did not end", FailureReason.TIMEOUT)
MEMORY = failed("out of memory", FailureReason.MEMORY)
PROBLEM = "nothing provides libfoo.so.1"
QUICK, SLOW = timedelta(hours=1), timedelta(hours=2)
"""Under a third of the limit of five hours, and over it."""


def tried(
    *outcomes: Outcome | None, took: timedelta = QUICK, last: Purpose = Purpose.CONFIRMATION
) -> tuple[Attempt, ...]:
    purposes = [Purpose.FIRST, *[last] * (len(outcomes) - 1)]
    return tuple(
        Attempt(purpose=purpose, outcome=outcome, duration=took)
        for purpose, outcome in zip(purposes, outcomes, strict=False)
    )


def told(effect: Effect = Effect.REBUILD, **changes: object) -> Verdict | Needs:
    changes.setdefault("selection", Selection.PLANNED)
    result = judge(Evidence(effect=effect, **changes))  # type: ignore[arg-type]
    return result.verdict if isinstance(result, Judgement) else result
