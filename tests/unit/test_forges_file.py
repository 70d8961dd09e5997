"""The operator's file of further forges: what it may say, and how it is told what is wrong."""

from pathlib import Path

import pytest

from bot.app.forges import ForgeEntry, forge_entries, hook_url
from bot.app.settings import Settings
from bot.ports.errors import Misconfigured
from bot.web.dialects import signed


def settings(tmp_path: Path, text: str, **more: object) -> Settings:
    file = tmp_path / "forges.yaml"
    file.write_text(text)
    return Settings(forges_file=file, **more)


def test_no_file_and_an_empty_one_mean_no_further_forges(tmp_path: Path) -> None:
    assert forge_entries(Settings()) == forge_entries(settings(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "forges.yaml"),
        ("[gitlab]", "no forges by name"),
        ("gitlab: 3", "gitlab: it says nothing"),
        ("Git Lab: {kind: gitlab}", "small letters"),
        ("gitlab: {}", "gitlab.kind: one of"),
        ("gitlab: {kind: sourceforge}", "not 'sourceforge'"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="REVDEPS_FORGES_FILE") as refused:
        forge_entries(settings(tmp_path, text))
    assert told in str(refused.value)


def test_the_name_of_the_github_app_is_taken(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="GitHub App"):
        forge_entries(settings(tmp_path, "github: {kind: gitlab}", github_app_id=1))


def test_webhooks_belong_under_the_public_address() -> None:
    assert hook_url(Settings(public_url="https://revdeps.example.org/"), "gitlab") == (
        "https://revdeps.example.org/webhook/gitlab"
    )
    assert hook_url(Settings(), "gitlab") == ""


GITLAB = "gitlab: {kind: gitlab, url: 'https://gitlab.example.org', token-file: %s/token, webhook-token-file: %s/hook}"


def gitlab(tmp_path: Path) -> ForgeEntry:
    (tmp_path / "token").write_text("glpat-secret\n")
    (tmp_path / "hook").write_text("hook secret\n")
    return forge_entries(settings(tmp_path, GITLAB % (tmp_path, tmp_path)))["gitlab"]


def test_a_gitlab_is_known_by_its_address_and_tokens(tmp_path: Path) -> None:
    entry = gitlab(tmp_path)
    assert entry.clone_url == "https://gitlab.example.org/{repository}.git"
    assert entry.dialect().believed({"X-Gitlab-Token": "hook secret"}, b"")
    assert "Merge Request Hook" in entry.translator("gitlab").events


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{kind: gitlab}", "gitlab.url: it is missing"),
        ("{kind: gitlab, url: 'https://g.example/', token-file: t, webhook-token-file: h}", "gitlab.url"),
        ("{kind: gitlab, url: 'https://g.example', token-file: t}", "webhook-signing-key-file"),
        ("{kind: gitlab, url: 'https://g.example', token-file: t, webhook-token-file: h, color: red}", "gitlab.color"),
    ],
)
def test_what_is_wrong_with_a_gitlab_is_told(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        forge_entries(settings(tmp_path, f"gitlab: {text}"))
    assert told in str(refused.value)


def test_a_file_that_holds_no_signing_token_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not a signing token")
    text = (
        f"gitlab: {{kind: gitlab, url: 'https://g.example', token-file: t, webhook-signing-key-file: {tmp_path}/key}}"
    )
    with pytest.raises(Misconfigured, match="whsec_"):
        forge_entries(settings(tmp_path, text))["gitlab"].dialect()


FORGEJO = """
codeberg: {kind: forgejo, url: 'https://forgejo.example.org', user: revdeps, token-file: %s/token,
           webhook-secret-file: %s/hook}
"""


def test_a_forgejo_is_known_by_its_address_account_and_secrets(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("hook secret\n")
    entry = forge_entries(settings(tmp_path, FORGEJO % (tmp_path, tmp_path)))["codeberg"]
    assert entry.clone_url == "https://forgejo.example.org/{repository}.git"
    signature = signed(b"hook secret", b"{}")
    assert entry.dialect().believed({"X-Forgejo-Signature": signature}, b"{}")
    assert "pull_request" in entry.translator("codeberg").events


def test_what_a_forgejo_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"codeberg\.user: it is missing"):
        forge_entries(settings(tmp_path, "codeberg: {kind: forgejo, url: 'https://forgejo.example.org'}"))
