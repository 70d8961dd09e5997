"""Makes the server fail on purpose: the next calls of an endpoint, or of any, get an error, or no answer."""

from dataclasses import dataclass, field

from tests.fakes.planned import Planned, take


@dataclass(slots=True, kw_only=True)
class Failure(Planned):
    """What is to go wrong.

    endpoint        the beginning of an endpoint's name, as in `calls` ("build/create"); None hits every call
    body            what stands in the answer, with `status`, and `retry_after` as its header
    error           {"error": …} with `status`
    """

    endpoint: str | None = None
    body: str = "<html><title>Bad Gateway</title></html>\n"
    error: str = ""
    retry_after: int | None = None


@dataclass(slots=True)
class Failures:
    """The failures that are planned, the oldest first."""

    planned: list[Failure] = field(default_factory=list)
    after: int = 0
    """What is planned begins with the call of this number, counted from now."""

    def add(self, failure: Failure) -> Failure:
        self.planned.append(failure)
        return failure

    def take(self, endpoint: str) -> Failure | None:
        """Use up one failure that fits."""
        self.after -= 1
        if self.after > 0:
            return None
        return take(self.planned, lambda failure: failure.endpoint is None or endpoint.startswith(failure.endpoint))
