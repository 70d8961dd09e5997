"""Commands that are carried out on the pull request of `tests.fakes.domain`, and what becomes of it."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.asked import Asked, Effect
from bot.domain.build import BuildState, Succeeded
from bot.domain.commands import (
    Command,
    parse,
)
from bot.domain.decide import ChangeView, RunView
from bot.domain.effects import carry_out
from bot.domain.ids import RunId
from bot.domain.report.assemble import Stored, assemble
from bot.domain.report.values import Links
from bot.domain.run import Change, Conclusion, RunState
from bot.domain.verdict import Finding, Judgement, Verdict
from tests.fakes.domain import NOW, REF, RUN, built, entry, run, run_view, state

OK = Succeeded()
OLD_HEAD = "0" * 40
HOUR = timedelta(hours=1)
CLOSED = Change(ref=REF, state=state(open=False), stale=False)
MOVED = Change(ref=REF, state=state(head_sha=OLD_HEAD), stale=False)
"""The pull request after a push: all its runs are of HEAD, which is history."""
ENDED = run(state=RunState.FINISHED, conclusion=Conclusion.FAILURE, finished_at=NOW - 2 * HOUR, deadline=NOW - HOUR)
BAR, BAZ = entry("bar"), entry("baz")


def carried_out(line: str | Command, seen: ChangeView, **changes: object) -> Effect:
    """Carry out a command as it is written in a comment."""
    (command,) = parse([f"/revdeps {line}"]) if isinstance(line, str) else (line,)
    assert isinstance(command, Command), command
    report = None
    if seen.runs:
        latest = seen.runs[0]
        stored = Stored(
            run=latest.run,
            targets=latest.targets,
            entries=latest.entries,
            findings=latest.findings,
            builds=latest.builds,
        )
        report = assemble(stored)
    plain = Asked(actor="octocat", at=NOW, now=NOW, new_run=RunId("run2"), report=report, links=Links())
    return carry_out(command, seen, replace(plain, **changes))  # type: ignore[arg-type]


def latest_of(effect: Effect) -> RunView:
    return effect.view.runs[0]


def nothing_happened(effect: Effect, seen: ChangeView) -> bool:
    return effect.view == seen and not effect.done


def judged(**verdicts: Verdict) -> tuple[Finding, ...]:
    return tuple(
        Finding(run=RUN, target="rawhide", package=package, judgement=Judgement(verdict=verdict))
        for package, verdict in verdicts.items()
    )


def stopped_builds(effect: Effect) -> set[str]:
    return {build.package for build in latest_of(effect).builds if build.cancel_requested}


RUNNING = (built("bar"), built("baz", state=BuildState.RUNNING), built("done", OK), built("shared", run=None))


VERDICTS = {
    "regressed": Verdict.REGRESSED,
    "changed": Verdict.CHANGED_FAILURE,
    "inconclusive": Verdict.INCONCLUSIVE,
    "failing": Verdict.STILL_FAILING,
    "fine": Verdict.STILL_PASSING,
    "flaky": Verdict.FLAKY,
}
JUDGED = run_view(
    *(entry(name) for name in VERDICTS),
    builds=tuple(built(name, OK) for name in VERDICTS),
    findings=judged(**VERDICTS),
    run=ENDED,
)
