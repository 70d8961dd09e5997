"""Forgejo's signatures: any of its names will do, one has to be there, and each that is there has to be right."""

import pytest

from bot.web.dialects import ForgejoDialect, signed

BODY = b'{"action": "opened"}'
RIGHT = signed(b"hook secret", BODY)
WRONG = signed(b"another secret", BODY)


@pytest.fixture
def dialect() -> ForgejoDialect:
    return ForgejoDialect(b"hook secret")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forgejo-Signature": RIGHT},
        {"X-Gitea-Signature": RIGHT},
        {"X-Hub-Signature-256": f"sha256={RIGHT}"},
        {"X-Forgejo-Signature": RIGHT, "X-Gitea-Signature": RIGHT, "X-Hub-Signature-256": f"sha256={RIGHT}"},
    ],
)
def test_a_right_signature_is_believed(dialect: ForgejoDialect, headers: dict[str, str]) -> None:
    assert dialect.unsigned(headers) is None
    assert dialect.believed(headers, BODY)
    assert not dialect.believed(headers, BODY + b" ")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forgejo-Signature": WRONG},
        {"X-Forgejo-Signature": RIGHT, "X-Hub-Signature-256": f"sha256={WRONG}"},
        {"X-Forgejo-Signature": WRONG, "X-Hub-Signature-256": f"sha256={RIGHT}"},
        {"X-Forgejo-Signature": f"sha256={RIGHT}"},
        {"X-Forgejo-Signature": "ü"},
        {},
    ],
)
def test_a_wrong_one_is_not(dialect: ForgejoDialect, headers: dict[str, str]) -> None:
    assert not dialect.believed(headers, BODY)


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Hub-Signature": "sha1=0"}, {"X-Forgejo-Signature": "", "X-Hub-Signature-256": "sha256="}],
)
def test_a_webhook_without_a_secret_is_told_so(dialect: ForgejoDialect, headers: dict[str, str]) -> None:
    assert "give the webhook a secret" in (dialect.unsigned(headers) or "")


def test_without_a_secret_nobody_can_be_believed() -> None:
    with pytest.raises(ValueError, match="set one"):
        ForgejoDialect(b"")
