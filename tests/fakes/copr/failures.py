"""Makes the server fail on purpose: the next calls of an endpoint, or of any, get an error, or no answer."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Failure:
    """What is to go wrong. `times` counts down; None goes on until `stop`.

    endpoint        the beginning of an endpoint's name, as in `calls` ("build/create"); None hits every call
    status          an HTTP status, with `body` as it stands and `retry_after` as its header
    error           {"error": …} with `status`
    drop            close the connection without doing anything
    lose_answer     do what is asked, then close the connection: the client cannot know
    hang            do not answer until `stop`, or until the server closes
    """

    endpoint: str | None = None
    times: int | None = 1
    status: int = 0
    body: str = "<html><title>Bad Gateway</title></html>\n"
    error: str = ""
    retry_after: int | None = None
    drop: bool = False
    lose_answer: bool = False
    hang: bool = False
    hits: int = 0

    def stop(self) -> None:
        self.times = 0


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
        self.planned = [failure for failure in self.planned if failure.times != 0]
        for failure in self.planned:
            if failure.endpoint is None or endpoint.startswith(failure.endpoint):
                failure.hits += 1
                if failure.times is not None:
                    failure.times -= 1
                return failure
        return None
