"""What differs between two buildroots, and which builds are compared."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.build import BuildState, Cancelled, Failed, FailureReason, Succeeded
from bot.domain.config import Config
from bot.domain.difference import Basis, RootChange, RootDifference, differences, uncompared
from bot.domain.evidence import TargetView
from bot.domain.packages import Nevra
from bot.domain.verdict import Judgement, Needs, Verdict
from tests.fakes import stored

ZLIB, NEWER = "zlib-1.2-1.x86_64", "zlib-1.3-1.x86_64"

CASES = [
    ("nothing", [ZLIB], [ZLIB], []),
    ("replaced", [ZLIB], [NEWER], [RootChange(name="zlib", old="1.2-1", new="1.3-1", arch="x86_64")]),
    (
        "an epoch counts",
        [ZLIB],
        ["zlib-1:1.2-1.x86_64"],
        [RootChange(name="zlib", old="1.2-1", new="1:1.2-1", arch="x86_64")],
    ),
    ("an epoch of zero is none", [ZLIB], ["zlib-0:1.2-1.x86_64"], []),
    ("added", [], [ZLIB], [RootChange(name="zlib", new="1.2-1", arch="x86_64")]),
    ("dropped", [ZLIB], [], [RootChange(name="zlib", old="1.2-1", arch="x86_64")]),
    (
        "another architecture",
        ["doc-1-1.x86_64"],
        ["doc-2-1.noarch"],
        [RootChange(name="doc", old="1-1", new="2-1", arch="noarch", old_arch="x86_64")],
    ),
    (
        "two architectures of a name are told of by themselves",
        [ZLIB, "zlib-1.2-1.i686"],
        [NEWER, "zlib-1.3-1.i686"],
        [
            RootChange(name="zlib", old="1.2-1", new="1.3-1", arch="i686"),
            RootChange(name="zlib", old="1.2-1", new="1.3-1", arch="x86_64"),
        ],
    ),
    (
        "two versions of a name, of which one stays",
        [ZLIB, "zlib-1.1-1.x86_64"],
        [ZLIB, NEWER],
        [RootChange(name="zlib", old="1.1-1", new="1.3-1", arch="x86_64")],
    ),
    (
        "one version becomes two",
        [ZLIB],
        [NEWER, "zlib-1.4-1.x86_64"],
        [
            RootChange(name="zlib", old="1.2-1", new="1.3-1", arch="x86_64"),
            RootChange(name="zlib", new="1.4-1", arch="x86_64"),
        ],
    ),
    (
        "what is no NEVRA is a name",
        ["zlib"],
        ["zstd"],
        [RootChange(name="zlib", old=""), RootChange(name="zstd", new="")],
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_differs(before, after, expected):
    assert list(differences(before, after, {})) == expected


def test_the_change_comes_first_then_the_nearest_then_what_nobody_knows_the_distance_of():
    before = [f"{name}-1-1.noarch" for name in ("far", "near", "a-stranger", "libfoo", "also-near")]
    after = [nevra.replace("-1-1", "-2-1") for nevra in before]
    distances = {"far": 3, "near": 1, "also-near": 1, "libfoo": 2}
    found = differences(before, after, distances, ours=["libfoo-2-1.noarch"])
    assert [(change.name, change.distance, change.ours) for change in found] == [
        ("libfoo", 2, True),
        ("also-near", 1, False),
        ("near", 1, False),
        ("far", 3, False),
        ("a-stranger", None, False),
    ]


names = st.text("ab-+.", min_size=1, max_size=3).map(lambda text: f"x{text}y")
versions = st.from_regex(r"[0-9][a-z0-9.~^]{0,3}", fullmatch=True)
nevras = st.builds(
    Nevra,
    name=names,
    epoch=st.integers(0, 2),
    version=versions,
    release=versions,
    arch=st.sampled_from(["noarch", "x86_64", "i686"]),
).map(str)
roots = st.frozensets(nevras | st.sampled_from(["host", "strange thing"]), max_size=12)


@given(roots, roots)
def test_the_difference_turns_one_root_into_the_other(before, after):
    changes = differences(before, after, {})
    gone = [change.before for change in changes if change.before is not None]
    come = [change.after for change in changes if change.after is not None]
    assert sorted(gone) == sorted(before - after)
    assert sorted(come) == sorted(after - before)
    assert (before - set(gone)) | set(come) == after


@given(roots, st.dictionaries(names, st.integers(1, 9)))
def test_a_root_does_not_differ_from_itself(root, distances):
    assert differences(root, root, distances, ours=root) == ()


COMPILE = Failed(reason=FailureReason.COMPILE)
REGRESSED = Judgement(verdict=Verdict.REGRESSED)


def done(attempt, outcome):
    state = BuildState.DONE if outcome else BuildState.RUNNING
    return replace(stored.build(attempt=attempt), state=state, outcome=outcome)


UNCOMPARED = [
    ("no build at all", [], REGRESSED, []),
    ("the last failure", [done(1, COMPILE), done(2, COMPILE)], REGRESSED, [2]),
    ("no verdict yet", [done(1, COMPILE)], Needs.BASELINE, []),
    ("it still runs", [done(1, None)], REGRESSED, []),
    ("it passed", [done(1, COMPILE), done(2, Succeeded())], REGRESSED, []),
    ("cancelled", [done(1, Cancelled())], REGRESSED, []),
    ("infrastructure", [done(1, Failed(reason=FailureReason.INFRASTRUCTURE))], REGRESSED, []),
]


@pytest.mark.parametrize(
    ("builds", "judged", "expected"), [case[1:] for case in UNCOMPARED], ids=[case[0] for case in UNCOMPARED]
)
def test_the_last_failure_of_what_there_is_a_verdict_on_is_compared_once(builds, judged, expected):
    view = TargetView(
        target=stored.run_target(),
        config=Config(packages=(), targets=(stored.TARGET,)),
        entries=(stored.entry(),),
        builds=tuple(builds),
        waivers={},
    )
    found = uncompared(view, {"bar": judged}, ())
    assert found == tuple(stored.build(attempt=attempt).key for attempt in expected)
    known = [
        RootDifference(run=stored.RUN, target="fedora", package="bar", build=key, basis=Basis.NOTHING) for key in found
    ]
    assert uncompared(view, {"bar": judged}, known) == ()
