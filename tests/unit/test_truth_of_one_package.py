"""A package of which is known what the change does to it, and builds that chance and people come in between of.

The whole engine plays such truths in tests/scenario/test_who_broke_what.py; here it is the judgement alone, so that
hundreds of them take a second.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.domain.build import Build, BuildState, Cancelled, Failed, FailureReason, Outcome, Purpose
from bot.domain.config import BaselinePolicy, Config, Mode
from bot.domain.evidence import TargetView, judge_all
from bot.domain.plan import PlanEntry
from bot.domain.queue import candidate_build, dependents_builds
from bot.domain.run import Run
from bot.domain.verdict import Judgement, Needs, Verdict
from tests.fakes.domain import CONFIG, INFRASTRUCTURE, NOW, base, entry, failed, part, run, target
from tests.fakes.resolver import uninstallable
from tests.fakes.truth import Kind, Truth, end_of

REFUSED = Failed(reason=FailureReason.INFRASTRUCTURE, cause="no such architecture here", refused=True)
NEVER = frozenset({Kind.FAILS, Kind.HANGS})
TELLING = frozenset({Verdict.REGRESSED, Verdict.INCONCLUSIVE})


@dataclass(kw_only=True)
class Play:
    """A package and its builds; `chance` makes up what is the case and what comes in between."""

    chance: random.Random
    truth: Truth = field(init=False)
    broken: bool = field(init=False)
    """Its binary cannot be installed with the change until it is rebuilt."""
    noise: float = field(init=False)
    """How many of the builds say nothing."""
    config: Config = field(init=False)
    run: Run = field(init=False)
    entry: PlanEntry = field(init=False)
    builds: list[Build] = field(default_factory=list)
    turns: dict[bool, int] = field(init=False)
    now: datetime = NOW
    moved: bool = False
    """The distribution has broken the package, with which the change has nothing to do."""
    published: bool = False

    def __post_init__(self) -> None:
        chance, kinds = self.chance, list(Kind)
        self.truth = Truth(
            name="app",
            without=chance.choice(kinds),
            changed=chance.choice(kinds),
            same=chance.random() < 0.4,
            mute=chance.random() < 0.25,
            hides=chance.random() < 0.4,
            mends=chance.random() < 0.6,
        )
        self.broken = chance.random() < 0.25
        self.noise = chance.choice([0, 0, 0.15, 0.4])
        mode = chance.choice([Mode.AUTO, Mode.ISOLATED])
        self.config = replace(CONFIG, baseline=chance.choice(list(BaselinePolicy)), mode=mode)
        self.run = run(config=self.config)
        problem = (uninstallable("app", "nothing provides libfoo.so.1"),) if self.broken else ()
        self.entry = entry("app", uninstallable=problem)
        self.turns = {True: chance.randrange(2), False: chance.randrange(2)}

    def view(self, since: datetime) -> TargetView:
        """Return what is known."""
        known = target(*(["app"] if self.published else []))
        return part(self.entry, builds=tuple(self.builds), target=known, config=self.config, since=since)

    def end(self, build: Build) -> Build:
        """Return a build as it ends."""
        may_move = self.truth.without is self.truth.changed is Kind.PASSES
        self.moved = self.moved or (may_move and self.chance.random() < 0.05)
        begun, self.now = self.now, self.now + timedelta(minutes=2)
        return replace(build, state=BuildState.DONE, outcome=self._outcome(build), started_at=begun, ended_at=self.now)

    def _outcome(self, build: Build) -> Outcome:
        if self.chance.random() < self.noise:
            return self.chance.choice([INFRASTRUCTURE, INFRASTRUCTURE, Cancelled(), REFUSED])
        if self.moved:
            return failed("a fault of the distribution")
        baseline = build.run is None
        self.turns[baseline] += 1
        return end_of(self.truth, baseline=baseline, even=self.turns[baseline] % 2 == 0)

    def told(self) -> Judgement:
        """Return what is said in the end."""
        for attempt in range(1, self.chance.choice([1, 1, 2, 4])):
            self.builds.append(self.end(base(self.entry, attempt=attempt)))
        hand, since = self.chance.choice([0, 0, 0.2]), self.now
        for step in range(60):
            view = self.view(since)
            told = judge_all(view)["app"]
            by_hand = step < 20 and self.chance.random() < hand
            if isinstance(told, Judgement) and not by_hand:
                return told
            self._find_out(view, told)
        raise AssertionError("it does not come to an end")

    def _find_out(self, view: TargetView, told: Judgement | Needs) -> None:
        match told:
            case Judgement():
                self.builds.append(self.end(candidate_build(self.run, view, self.entry, Purpose.BY_HAND, self.now)))
            case Needs.COMPARISON:
                keys = view.baselines_to_hold(self.entry)
                if self.moved:
                    self.entry = replace(self.entry, outdated=self.entry.outdated + keys)
                else:
                    self.entry = replace(self.entry, held=self.entry.held + keys)
            case Needs.REBUILD_OF_OTHERS:
                self.published = True
                self.entry = replace(self.entry, repaired=self.truth.mends)
            case need:
                due = dependents_builds(self.run, view, {"app": need}, self.now)
                assert due, need
                self.builds += [self.end(build) for build in due]

    @property
    def at_fault(self) -> bool:
        """Whether the change breaks it, and nothing that happens without the change hides that."""
        of_itself = self.truth.without is Kind.FLAKY and (self.truth.same or self.truth.hides)
        return self.truth.without not in NEVER and self.truth.changed in NEVER and not of_itself

    @property
    def may_be_at_fault(self) -> bool:
        """Whether the change may be said to break it."""
        beyond_repair = not self.truth.mends or self.config.mode is Mode.ISOLATED
        if self.broken and (beyond_repair or self.truth.changed in NEVER or self.moved):
            return True
        unasked = self.config.baseline is BaselinePolicy.OFF
        breaks = self.truth.changed in NEVER and (self.truth.without not in NEVER or unasked)
        return breaks or (unasked and self.moved)


@pytest.mark.parametrize("hundred", range(9))
def test_what_is_said_is_true(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        play = Play(chance=random.Random(seed))
        told = play.told()
        about = f"{seed}: {play.truth}: {told}"
        assert told.verdict is not Verdict.REGRESSED or play.may_be_at_fault, about
        assert told.verdict in TELLING or not play.at_fault, about
        never = play.truth.changed in NEVER
        if play.broken and (never or not play.truth.mends):
            assert told.verdict is Verdict.REGRESSED or told.needs_order, about
        assert told.verdict is not Verdict.STILL_PASSING or not never, about
        if play.truth.without is Kind.PASSES and not play.moved:
            assert told.verdict not in {Verdict.FIXED, Verdict.STILL_FAILING, Verdict.CHANGED_FAILURE}, about
            assert told.verdict is not Verdict.FLAKY or not never, about
