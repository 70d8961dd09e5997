"""How builds end in a scenario: what `FakeBuilder.outcome_for` is set to."""

from collections.abc import Callable

from bot.domain.build import BuildRequest, Outcome, Succeeded
from tests.fakes.builder import failed, is_baseline

IMPORT_ERROR = "ImportError: cannot import name 'soft_unicode' from 'markupsafe'"


def breaks(*packages: str, cause: str = IMPORT_ERROR) -> Callable[[BuildRequest], Outcome]:
    """With the change these packages fail; without it everything passes."""

    def outcome(request: BuildRequest) -> Outcome:
        if request.package in packages and not is_baseline(request):
            return failed(cause)
        return Succeeded()

    return outcome


def holds_builds(request: BuildRequest) -> Outcome | None:
    """Let the change itself build, and its dependents run on."""
    return Succeeded() if request.package == "libfoo" else None
