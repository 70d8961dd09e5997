"""The client takes what the environment says of connections, without looking for it at each call."""

from pathlib import Path

import pytest

from bot.adapters.koji_hub.client import Client


def test_what_the_environment_says_of_connections_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = tmp_path / "netrc"
    entries.write_text("machine koji.example.org login octocat password secret\n")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/authority.pem")
    monkeypatch.setenv("NETRC", str(entries))

    session = Client("https://koji.example.org/kojihub").rsession

    assert session.proxies["https"] == "http://proxy.example.org:3128"
    assert session.verify == "/etc/authority.pem"
    assert session.auth == ("octocat", "secret")


def test_a_hub_that_no_proxy_is_to_be_used_for_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", "koji.example.org")

    assert not Client("https://koji.example.org/kojihub").rsession.proxies
