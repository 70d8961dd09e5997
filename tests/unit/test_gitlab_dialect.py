"""Who is believed to be GitLab: by a signature, or by the token that older ones send as it is."""

import base64
import hashlib
import hmac

import pytest

from bot.web.dialects import GitLabDialect, signing_key

KEY = bytes(range(32))
TOKEN = f"whsec_{base64.b64encode(KEY).decode()}"
BODY = b'{"object_kind":"push"}'


def signature(key: bytes = KEY, body: bytes = BODY) -> str:
    return base64.b64encode(hmac.new(key, b"id-1.1760000000." + body, hashlib.sha256).digest()).decode()


def signed(value: str) -> dict[str, str]:
    return {"webhook-id": "id-1", "webhook-timestamp": "1760000000", "webhook-signature": value}


def test_a_signature_is_compared() -> None:
    dialect = GitLabDialect(key=signing_key(TOKEN))
    good = signed(f"v1,{signature()}")
    assert dialect.unsigned(good) is None
    assert dialect.believed(good, BODY)
    assert dialect.believed(signed(f"v1,{signature(b'old')} v1,{signature()}"), BODY)
    for bad in (signed(signature()), signed(f"v1,{signature(b'other')}"), {**good, "webhook-id": "id-2"}, {}):
        assert not dialect.believed(bad, BODY)
    assert not dialect.believed(good, BODY + b" ")


def test_a_token_is_compared() -> None:
    dialect = GitLabDialect(token="a secret")
    assert dialect.unsigned({"X-Gitlab-Token": "a secret"}) is None
    assert dialect.believed({"X-Gitlab-Token": "a secret"}, BODY)
    for bad in ({"X-Gitlab-Token": "A secret"}, {"X-Gitlab-Token": ""}, {}):
        assert not dialect.believed(bad, BODY)


def test_where_both_are_known_either_does_and_a_wrong_signature_does_not() -> None:
    dialect = GitLabDialect(token="a secret", key=KEY)
    assert dialect.believed({"X-Gitlab-Token": "a secret"}, BODY)
    assert dialect.believed(signed(f"v1,{signature()}"), BODY)
    assert not dialect.believed({**signed("v1,AAAA"), "X-Gitlab-Token": "a secret"}, BODY)


def test_what_is_missing_is_named() -> None:
    assert "signing token that" in (GitLabDialect(key=KEY).unsigned({"X-Gitlab-Token": "a secret"}) or "")
    assert "secret token that" in (GitLabDialect(token="a secret").unsigned(signed("v1,AAAA")) or "")
    assert "signing token or the secret token" in (GitLabDialect(token="a", key=KEY).unsigned({}) or "")


def test_no_secret_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="believe anybody"):
        GitLabDialect()


@pytest.mark.parametrize("token", ["", "secret", "whsec_", "whsec_???", base64.b64encode(KEY).decode()])
def test_what_is_no_signing_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - base64's own, or ours
        signing_key(token)


def test_a_delivery_is_named_by_what_stays_when_it_is_made_again() -> None:
    assert GitLabDialect(token="a").delivery_headers[0] == "Idempotency-Key"
