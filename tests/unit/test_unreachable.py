"""What is told of a server that cannot be reached."""

import ssl

import pytest
import requests
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, SSLError

from bot.adapters.unreachable import why_unreachable

CONNECTION = HTTPConnection("example.org")
POOL = HTTPConnectionPool("example.org")


def exceeded(reason: Exception) -> MaxRetryError:
    return MaxRetryError(POOL, "/os", reason)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            requests.ConnectionError(
                exceeded(NameResolutionError("example.org", CONNECTION, OSError(-2, "not known")))
            ),
            "Failed to resolve 'example.org' ([Errno -2] not known)",
        ),
        (
            requests.ConnectTimeout(exceeded(ConnectTimeoutError(CONNECTION, "Connection to example.org timed out."))),
            "Connection to example.org timed out.",
        ),
        (
            requests.exceptions.SSLError(exceeded(SSLError(ssl.SSLCertVerificationError("certificate has expired")))),
            "certificate has expired",
        ),
        (requests.ConnectionError("Connection aborted."), "Connection aborted."),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_reason_is_told_without_the_layers_around_it(error: Exception, told: str) -> None:
    assert told in why_unreachable(error)
    assert "HTTPConnection" not in why_unreachable(error)
