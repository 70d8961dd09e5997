"""Whether a baseline that passed was built in what is there now.

Plans go by metadata that are pinned, and so do the builds of some backends. In others a build sees what there is at
that moment, and a baseline may have passed long before: then a package that the distribution has broken meanwhile would
look like one that the change breaks. A baseline that was begun after the first failure is beyond doubt; of an older one
the root is held against that of the failure.
"""

from collections.abc import Sequence

from bot.domain.attempts import tells
from bot.domain.build import Build, Failed, FailureReason, Succeeded
from bot.domain.ids import BuildKey
from bot.domain.plan import PlanEntry


def to_hold(entry: PlanEntry, candidates: Sequence[Build], baselines: Sequence[Build]) -> tuple[BuildKey, ...]:
    """Return the baselines that passed and are to be held against the failure; none where one is beyond doubt."""
    failed = first_failure(candidates)
    passed = [build for build in baselines if isinstance(build.outcome, Succeeded)]
    if failed is None or any(_is_fresh(build, failed) or build.key in entry.held for build in passed):
        return ()
    return tuple(build.key for build in passed)


def first_failure(candidates: Sequence[Build]) -> Build | None:
    """Return the first build with the change that failed for the package's own reasons, None where none did."""
    return next((build for build in candidates if isinstance(build.outcome, Failed) and tells(build.outcome)), None)


def is_overtaken(baseline: Build, candidates: Sequence[Build]) -> bool:
    """Whether a baseline passed before the change failed in a way that leaves nothing to hold it against.

    A root that could not be made, although the solver made it of what was pinned, is a sign that something has moved.
    """
    failed = first_failure(candidates)
    if failed is None or not isinstance(baseline.outcome, Succeeded) or _is_fresh(baseline, failed):
        return False
    return isinstance(failed.outcome, Failed) and failed.outcome.reason is FailureReason.UNRESOLVABLE


def _is_fresh(baseline: Build, failed: Build) -> bool:
    if baseline.started_at is None or failed.started_at is None:
        return True
    return baseline.started_at >= failed.started_at
