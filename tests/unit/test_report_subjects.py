"""What is told of a change's own packages where they are several: what is built now, and what does not build."""

from dataclasses import replace

import pytest

from bot.domain.build import BuildState, Outcome, Purpose, Succeeded
from bot.domain.ids import BuildKey
from bot.domain.parlance import Parlance
from bot.domain.report.assemble import assemble
from bot.domain.report.budget import Detail
from bot.domain.report.export import to_json
from bot.domain.report.headline import headline
from bot.domain.report.sections import with_each_other
from bot.domain.report.values import BuildView, Links, Report, Stage, Subject
from bot.domain.run import Conclusion
from tests.fakes.domain import INFRASTRUCTURE, failed, run
from tests.fakes.reports import context, story

EMPTY = replace(assemble(story(), context()), rows=(), subjects=())


def build(generation: int, outcome: Outcome | None = None, target: str = "rawhide") -> BuildView:
    return BuildView(
        key=BuildKey(f"{target}/{generation}"),
        target=target,
        purpose=Purpose.SUBJECT,
        state=BuildState.DONE if outcome else BuildState.RUNNING,
        generation=generation,
        outcome=outcome,
    )


PASSED, FAILED = build(-4, Succeeded()), build(-4, failed())
GOING, AGAIN, FAILED_AGAIN = build(-4), build(-3), build(-3, failed())


def report(*subjects: tuple[BuildView, ...], **changes: object) -> Report:
    """A report on packages `a`, `b`, `c` … with these builds."""
    named = tuple(Subject(package="abcdefg"[place], builds=builds) for place, builds in enumerate(subjects))
    return replace(EMPTY, subjects=named, **changes)


BUILDING = [
    ("the only one", [(GOING,)], ""),
    ("nothing", [(PASSED,), (PASSED,)], ""),
    ("all", [(GOING,), (GOING,)], ": a and b"),
    ("one", [(PASSED,), (), (GOING,)], ": c"),
    ("many", [(GOING,)] * 4, ": 4 packages"),
    ("one again", [(PASSED,), (FAILED, AGAIN)], ": b again, with the rest of it"),
    ("both kinds", [(GOING,), (PASSED, AGAIN), (PASSED, AGAIN)], ": a; b and c again, with the rest of it"),
    ("one once more", [(build(-4, INFRASTRUCTURE), GOING), (PASSED,)], ": a"),
    ("on one of two targets", [(AGAIN, build(-4, target="f44")), (PASSED,)], ": a"),
]


@pytest.mark.parametrize(("subjects", "told"), [row[1:] for row in BUILDING], ids=[row[0] for row in BUILDING])
def test_what_is_built_now_is_told_where_the_change_has_several_packages(subjects, told):
    assert headline(report(*subjects, stage=Stage.BUILDING)) == f"Building the change{told}"


MERGE_REQUESTS = Parlance(change="merge request")
FAILURES = [
    ("by itself", [(FAILED,), (PASSED,)], {}, "a itself does not build"),
    ("by itself and with the others", [(FAILED, FAILED_AGAIN), (PASSED,)], {}, "a itself does not build"),
    ("with the others", [(PASSED, FAILED_AGAIN), (PASSED,)], {}, "a does not build with the rest of this pull request"),
    (
        "with the others of several",
        [(PASSED, FAILED_AGAIN), (PASSED,)],
        {"parts": run().parts, "parlance": MERGE_REQUESTS},
        "a does not build with the rest of these merge requests",
    ),
    (
        "with the others on one target, and not at all on the other",
        [(PASSED, FAILED_AGAIN, build(-4, failed(), target="f44"))],
        {},
        "a itself does not build",
    ),
    ("two of them", [(PASSED, FAILED_AGAIN), (FAILED,)], {}, "2 changed packages do not build"),
]


@pytest.mark.parametrize(
    ("subjects", "changes", "told"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
def test_a_package_that_only_builds_by_itself_is_told_of_as_such(subjects, changes, told):
    ended = report(*subjects, stage=Stage.FINISHED, conclusion=Conclusion.FAILURE, **changes)
    assert headline(ended) == told


def test_with_which_others_a_changed_package_was_built_is_told():
    told = report((FAILED, AGAIN), (PASSED,), (PASSED, build(-2, failed())), targets=("rawhide",))
    section = with_each_other(told, Links(), Detail())
    assert "2 changed packages built with others of them" in section
    assert "- `a`: ❌ by itself, ⏳ with `b`, `c` there" in section
    assert "- `c`: ✅ by itself, ❌ with `b` there" in section
    assert "- `b`" not in section
    subjects = to_json(told)["subjects"]
    assert [[build["with"] for build in each["builds"]] for each in subjects] == [[[], ["b", "c"]], [[]], [[], ["b"]]]  # type: ignore[index,call-overload,union-attr]


def test_others_on_another_target_are_no_company():
    told = report((FAILED, AGAIN), (build(-4, Succeeded(), target="f44"),), targets=("rawhide", "f44"))
    assert "❌ by itself on `rawhide`, ⏳ by itself on `rawhide`" in with_each_other(told, Links(), Detail())
    both = report((FAILED, AGAIN), (PASSED,), targets=("rawhide", "f44"))
    assert "❌ by itself on `rawhide`, ⏳ with `b` there on `rawhide`" in with_each_other(both, Links(), Detail())


def test_what_was_built_once_is_not_told_of():
    told = report((build(-3, Succeeded()),), (PASSED,), targets=("rawhide",))
    assert with_each_other(told, Links(), Detail()) == ""
