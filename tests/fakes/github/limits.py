"""Secondary rate limits, as strict as GitHub's docs say, and none milder: too much at once, in a minute, in an hour.

Read in: GitHub docs, "Rate limits for the REST API" (100 requests at once; 900 points a minute, 2,000 for GraphQL;
80 requests a minute and 500 an hour that create content; "Calculating points"). Which requests create content: the
published OpenAPI description says of them that they trigger notifications.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.fakes.github.failures import SECONDARY
from tests.fakes.github.wire import ApiError

CONCURRENT = 100
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
POINTS = {"core": 900, "graphql": 2_000}
CONTENT = ((_MINUTE, 80), (_HOUR, 500))
CREATES_CONTENT = frozenset(
    {
        ("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
        ("POST", "/repos/{owner}/{repo}/issues"),
        ("POST", "/repos/{owner}/{repo}/pulls"),
    }
)


@dataclass(slots=True)
class Usage:
    """What one installation has asked for."""

    at_once: int = 0
    points: dict[str, deque[tuple[datetime, int]]] = field(default_factory=lambda: {name: deque() for name in POINTS})
    content: deque[datetime] = field(default_factory=deque)
    most_at_once: int = 0


@dataclass(slots=True)
class SecondaryLimits:
    """Keeps count for each installation. `enforced` may be switched off, as on an Enterprise Server."""

    enforced: bool = True
    refused: list[str] = field(default_factory=list)
    """Why requests were refused: a test of a client that counts asserts that it is empty."""
    usage: dict[int, Usage] = field(default_factory=dict)

    def enter(self, installation: int) -> Usage:
        """Note that a request has begun."""
        usage = self.usage.setdefault(installation, Usage())
        usage.at_once += 1
        usage.most_at_once = max(usage.most_at_once, usage.at_once)
        return usage

    def check(self, usage: Usage, method: str, template: str, now: datetime) -> None:
        """Count a request, or refuse it."""
        if not self.enforced:
            return
        if usage.at_once > CONCURRENT:
            self._refuse(f"{usage.at_once} requests at once")
        resource = "graphql" if template == "/graphql" else "core"
        spent = usage.points[resource]
        while spent and spent[0][0] + _MINUTE <= now:
            spent.popleft()
        cost = 1 if method == "GET" else 5
        if sum(points for _, points in spent) + cost > POINTS[resource]:
            self._refuse(f"more than {POINTS[resource]} points a minute ({resource})")
        if (method, template) in CREATES_CONTENT:
            for span, most in CONTENT:
                if sum(moment + span > now for moment in usage.content) >= most:
                    self._refuse(f"more than {most} comments in {span}")
            usage.content.append(now)
        spent.append((now, cost))

    def _refuse(self, why: str) -> None:
        self.refused.append(why)
        raise ApiError(403, SECONDARY)
