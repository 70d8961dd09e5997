"""What may be said of a made-up distribution (tests/fakes/truth.py), told from the truth alone.

Two things are held up: what the change really breaks, and was seen to, is never green; and what it does not break is
never called a regression. What the run says as a whole follows from what it says of each package.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from bot.domain.attempts import tells
from bot.domain.build import ASIDE, Build, BuildState, Failed, Succeeded
from bot.domain.decide import RunView
from bot.domain.evidence import baseline_key
from bot.domain.plan import PlanEntry
from bot.domain.run import Conclusion
from bot.domain.verdict import Finding, Verdict
from tests.fakes.truth import SUBJECT, Distribution, Kind, Truth

Place = tuple[str, str]
"""Target and package."""
_JUDGED = frozenset({Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.ACTION_REQUIRED})
_KNOWN = frozenset(Verdict) - {Verdict.BLOCKED, Verdict.INCONCLUSIVE, Verdict.NOT_TESTED}
"""Verdicts that count as tested."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What `.revdeps.yaml` says that matters for the verdicts."""

    mode: str
    baseline: str
    min_coverage: int

    @property
    def chained(self) -> bool:
        """Whether everything that is rebuilt is published."""
        return self.mode == "chained"


@dataclass(kw_only=True)
class Accepted:
    """What people have accepted, and until when; None: until the base moves."""

    until: dict[str, date | None] = field(default_factory=dict)

    def counts(self, name: str, now: datetime) -> bool:
        """Whether somebody has accepted what becomes of a package."""
        dates = [self.until[each] for each in (name, "*") if each in self.until]
        return any(until is None or now.date() < until for until in dates)


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """Knows what is the case, and what was done about it."""

    truth: Distribution
    rules: Rules
    moved: Collection[str] = ()
    """What the distribution itself has broken at some time."""
    accepted: Accepted = field(default_factory=Accepted)
    now: datetime

    def hold(self, view: RunView, green: bool) -> None:
        """Hold a finished run against what is known; `green` is how the change itself stands."""
        findings = {(found.target, found.package): found for found in view.findings}
        for entry in view.entries:
            found = findings.get((entry.target, entry.package))
            if found is not None:
                self._hold_verdict(view, entry, found)
        if not view.entries or view.run.conclusion not in _JUDGED or view.run.problem is not None:
            assert not green or not view.entries
        elif view.run.stop is not None:
            # What was found until then counts.
            assert view.run.conclusion is not Conclusion.SUCCESS
            assert view.run.conclusion is self._conclusion(findings)
        else:
            assert set(findings) == {(entry.target, entry.package) for entry in view.entries}
            assert view.run.conclusion is self._conclusion(findings)
            self._hold_conclusion(view, findings, green=green)

    def _conclusion(self, findings: Mapping[Place, Finding]) -> Conclusion:
        """Return what follows from the verdicts."""
        judged = {place: found.judgement for place, found in findings.items()}
        if any(each.verdict is Verdict.REGRESSED for each in judged.values()):
            return Conclusion.FAILURE
        planned = {place: each for place, each in judged.items() if each.verdict is not Verdict.NOT_TESTED}
        counted = {place: each for place, each in planned.items() if not each.own}
        tested = {place for place, each in counted.items() if each.verdict in _KNOWN and not each.needs_order}
        enough = 100 * len(tested) >= self.rules.min_coverage * len(counted)
        everywhere = {target for target, _ in tested} == {target for target, _ in counted}
        in_order = not any(each.needs_order for each in judged.values())
        return Conclusion.SUCCESS if enough and everywhere and in_order else Conclusion.ACTION_REQUIRED

    def _hold_conclusion(self, view: RunView, findings: Mapping[Place, Finding], *, green: bool) -> None:
        waived = {place for place, found in findings.items() if found.judgement.verdict is Verdict.WAIVED}
        assert all(self.accepted.counts(package, self.now) for _, package in waived), "nobody accepts this"
        if view.run.conclusion is not Conclusion.SUCCESS:
            assert not green
            return
        open_ones = {(entry.target, entry.package) for entry in view.entries if entry.planned and not entry.own}
        # What was not tested may be broken, as far as the coverage allows; what needs no test to be known may not.
        seen = self.is_broken if self.rules.min_coverage == 100 else self.is_known_to_break
        broken = {place for place in open_ones - waived if place[1] not in self.moved and seen(*place)}
        assert not broken, f"{broken} broken and green"
        lame = {target.target.name for target in view.targets if self.truth.lame and not self.truth.was_lame}
        assert {(target, SUBJECT) for target in lame} <= waived, "it cannot be installed, and is green"

    def is_broken(self, target: str, name: str) -> bool:
        """Whether the change breaks a package for good, and that can be seen."""
        package = self.truth.on(target).by_name[name]
        return self.is_known_to_break(target, name) or (package.resolves and is_at_fault(package))

    def is_known_to_break(self, target: str, name: str) -> bool:
        """Whether the solver alone knows that the change breaks a package, and no rebuild repairs that."""
        truth = self.truth.on(target)
        if truth.breaks(name) and not truth.may_be_repaired(name):
            return True
        resolved = truth.by_name[name].resolves
        return resolved and not all(truth.may_be_repaired(needed) for needed in truth.root(name))

    def _may_regress(self, target: str, name: str) -> bool:
        """Whether the change can be at fault at all."""
        truth, chained, package = self.truth.on(target), self.rules.chained, self.truth.on(target).by_name[name]
        if truth.breaks(name, chained=chained):
            beyond_repair = not truth.may_be_repaired(name, chained=chained)
            if beyond_repair or self.rules.mode == "isolated" or name in self.moved:
                return True
        if package.resolves and not all(truth.may_be_repaired(each, chained=chained) for each in truth.root(name)):
            return True
        failing = package.changed in {Kind.FAILS, Kind.HANGS} or name in self.moved
        return is_at_fault(package) or (self.rules.baseline == "off" and failing)

    def _hold_verdict(self, view: RunView, entry: PlanEntry, found: Finding) -> None:
        name, verdict = entry.package, found.judgement.verdict
        told = f"{name}: {found.judgement}"
        if entry.own:
            fair = {Verdict.STILL_FAILING} if self.truth.was_lame else {Verdict.REGRESSED, Verdict.WAIVED}
            assert self.truth.lame, told
            assert verdict in fair, told
            return
        seen = _Seen.of(view, entry)
        package = self.truth.on(entry.target).by_name[name]
        unsolved_before = not package.resolves
        known_broken = bool(entry.uninstallable) or not entry.ready
        match verdict:
            case Verdict.REGRESSED:
                assert self._may_regress(entry.target, name), told
                proved = self.rules.baseline == "off" or bool(seen.good)
                twice = len(seen.failures) > 1 or found.judgement.root
                assert known_broken or (proved and not seen.passed and twice), told
            case Verdict.STILL_PASSING:
                assert seen.passed, told
                assert not known_broken, told
            case Verdict.FIXED:
                assert seen.passed, told
                assert seen.bad or unsolved_before, told
            case Verdict.STILL_FAILING | Verdict.CHANGED_FAILURE:
                assert seen.bad or unsolved_before, told
                assert not entry.uninstallable or entry.repaired, told
            case Verdict.FLAKY:
                assert seen.failures, told
                assert seen.passed or (seen.good and seen.bad), told
            case Verdict.NEEDS_REBUILD:
                assert self._may_need_order(entry.target, name), told
            case Verdict.BLOCKED:
                assert known_broken, told
            case Verdict.NOT_TESTED:
                assert not entry.planned or view.run.stop is not None, told
            case Verdict.INCONCLUSIVE | Verdict.WAIVED:
                pass

    def _may_need_order(self, target: str, name: str) -> bool:
        truth, chained = self.truth.on(target), self.rules.chained
        return any(truth.breaks(each, chained=chained) for each in (name, *truth.root(name)))


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What builds of a package have shown."""

    passed: bool
    """With the change."""
    failures: tuple[Build, ...]
    """With the change."""
    good: tuple[Build, ...]
    """Without it."""
    bad: tuple[Build, ...]
    """Without it."""

    @classmethod
    def of(cls, view: RunView, entry: PlanEntry) -> "_Seen":
        target = next(each.target for each in view.targets if each.target.name == entry.target)
        key = baseline_key(entry, target, attempt=1).text.rpartition("/")[0]
        done = [each for each in view.builds if each.package == entry.package and each.state is BuildState.DONE]
        builds = [each for each in done if each.target == entry.target]
        candidates = [each for each in builds if each.run is not None and each.purpose not in ASIDE]
        candidates = [each for each in candidates if each.request.generation >= entry.generation]
        baselines = [each for each in builds if each.run is None and each.key.startswith(key)]
        return cls(
            passed=any(isinstance(each.outcome, Succeeded) for each in candidates),
            failures=tuple(filter(_is_failure, candidates)),
            good=tuple(each for each in baselines if isinstance(each.outcome, Succeeded)),
            bad=tuple(filter(_is_failure, baselines)),
        )


def _is_failure(build: Build) -> bool:
    return isinstance(build.outcome, Failed) and tells(build.outcome)


def is_at_fault(package: Truth) -> bool:
    """Whether a package builds without the change, be it at times, and with it never."""
    known = package.without is Kind.FLAKY and package.same
    return (
        package.without in {Kind.PASSES, Kind.FLAKY, Kind.SLOW}
        and package.changed in {Kind.FAILS, Kind.HANGS}
        and not (known and package.changed is Kind.FAILS)
    )
