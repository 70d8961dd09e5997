import pytest

from bot.domain.hosts import ANY_HOST, host_of, is_allowed


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.org/repo", "example.org"),
        ("http://127.0.0.1:8080/", "127.0.0.1"),
        ("http://[::1]:80/", "::1"),
        ("file:///srv/repo", "localhost"),
        ("file://server/srv/repo", "server"),
    ],
)
def test_the_host_of_an_address(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/", "https:, http: or file: was expected"),
        ("example.org/repo", "https:, http: or file: was expected"),
        ("https://me:secret@example.org/", "must not carry a user name or a password"),
        ("https:///repo", "names no host"),
        ("https://example.org:port/", "Port"),
        ("https://[::1/", "Invalid IPv6"),
        ("file:repo", "absolute path"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_the_reason(url, message):
    with pytest.raises(ValueError, match=message):
        host_of(url)


@pytest.mark.parametrize(
    ("host", "allowed", "answer"),
    [
        ("example.org", ("example.org",), True),
        ("EXAMPLE.org.", ("Example.org",), True),
        ("a.example.org", ("example.org",), False),
        ("a.b.example.org", ("*.example.org",), True),
        ("example.org", ("*.example.org",), False),
        ("badexample.org", ("*.example.org",), False),
        ("example.org", (), False),
        ("example.org", ANY_HOST, True),
    ],
)
def test_a_host_is_allowed_by_its_name_its_domain_or_a_star(host, allowed, answer):
    assert is_allowed(host, allowed) is answer
