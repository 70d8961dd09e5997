from urllib.parse import urlsplit

import pytest

from bot.domain.hosts import ANY_HOST, checked, is_allowed, is_named


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.org/repo", "example.org"),
        ("http://127.0.0.1:8080/", "127.0.0.1"),
        ("http://[::1]:80/", "::1"),
        ("file:///srv/repo", None),
        ("file://localhost/srv/repo", "localhost"),
    ],
)
def test_an_address_that_can_be_used_is_taken_apart(url, host):
    assert checked(url).hostname == host


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
        ("file://server/srv/repo", "no host"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_the_reason(url, message):
    with pytest.raises(ValueError, match=message):
        checked(url)


@pytest.mark.parametrize(
    ("url", "allowed", "named", "answer"),
    [
        ("https://example.org/", ("example.org",), True, True),
        ("https://EXAMPLE.org./", ("Example.org",), True, True),
        ("http://127.0.0.1:8080/", ("127.0.0.1",), True, True),
        ("http://127.0.0.1:8080/", ("127.0.0.1:8080",), True, True),
        ("http://127.0.0.1:8081/", ("127.0.0.1:8080",), False, False),
        ("http://[::1]:80/", ("[::1]:80",), True, True),
        ("https://a.example.org/", ("example.org",), False, False),
        ("https://a.b.example.org/", ("*.example.org",), False, True),
        ("https://example.org/", ("*.example.org",), False, False),
        ("https://badexample.org/", ("*.example.org",), False, False),
        ("https://example.org/", (), False, False),
        ("https://example.org/", ANY_HOST, False, True),
    ],
)
def test_a_host_is_allowed_by_its_name_its_domain_or_a_star(url, allowed, named, answer):
    assert is_named(urlsplit(url), allowed) is named
    assert is_allowed(urlsplit(url), allowed) is answer
