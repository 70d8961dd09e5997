"""Makes the server fail on purpose: the next requests, or those that match, get an error, no answer, or a late one.

Read in: GitHub docs, "Rate limits for the REST API" and "Troubleshooting the REST API" (403 and 429 with their
messages, `retry-after`, `x-ratelimit-remaining`).
"""

from dataclasses import dataclass

from tests.fakes.forge_gate import ForgeFailure
from tests.fakes.github.wire import ApiError

_MESSAGES = {
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    422: "Validation Failed",
    429: "Too many requests",
    500: "Server Error",
    502: "Server Error",
    503: "Service unavailable",
}
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to "
    "GitHub Support for help, please include the request ID."
)
PRIMARY = "API rate limit exceeded for installation."


@dataclass(slots=True, kw_only=True)
class Failure(ForgeFailure):
    """What is to go wrong, besides what goes wrong with every forge.

    retry_after     seconds, as `Retry-After`
    secondary       the message of a secondary rate limit (403 or 429)
    exhausted       the primary rate limit: remaining 0 and the hour's end as reset
    drop            close the connection without reading on
    """

    retry_after: int | None = None
    secondary: bool = False
    exhausted: bool = False
    drop: bool = False
    message: str | None = None

    def error(self) -> ApiError | None:
        """The error to answer with, if any."""
        if not self.status or self.drop or self.lose_answer:
            return None
        text = SECONDARY if self.secondary else PRIMARY if self.exhausted else _MESSAGES.get(self.status, "Error")
        error = ApiError(self.status, self.message or text)
        if self.retry_after is not None:
            error.headers["Retry-After"] = str(self.retry_after)
        if self.exhausted:
            error.headers["X-RateLimit-Remaining"] = "0"
        return error
