"""How each forge signs its deliveries and names them: the only part of the webhook's edge that differs."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Dialect(Protocol):
    """One forge's headers. Names are looked up without regard to case."""

    @property
    def event_header(self) -> str:
        """The header that names the event."""
        ...

    @property
    def delivery_headers(self) -> Sequence[str]:
        """Headers of which the first that is there names the delivery, the same when it is delivered again."""
        ...

    @property
    def content_limit(self) -> int:
        """Bytes in a body, at most."""
        ...

    def unsigned(self, headers: Mapping[str, str]) -> str | None:
        """Return what is missing that would make the delivery believable, and how to mend it; None where it is there.
        It is asked before the body is read.
        """
        ...

    def believed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Tell whether the body comes from who knows the secret; the comparison takes the same time in any case."""
        ...


def signed(secret: bytes, body: bytes) -> str:
    """Return the HMAC of a body with SHA-256, in hexadecimal digits."""
    return hmac.digest(secret, body, "sha256").hex()


def same(expected: str, given: str) -> bool:
    """Compare two texts in constant time, whatever was sent."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="surrogateescape"))


@dataclass(frozen=True, slots=True)
class GitHubDialect:
    """SHA-256 over the body ("Validating webhook deliveries"), never the older SHA-1."""

    secret: bytes = field(repr=False)
    event_header: str = "X-GitHub-Event"
    delivery_headers: tuple[str, ...] = ("X-GitHub-Delivery",)
    content_limit: int = 25 * 1024 * 1024
    """GitHub sends no larger payloads (docs.github.com, "Webhook events and payloads")."""

    def __post_init__(self) -> None:
        if not self.secret:
            raise ValueError("a webhook without a secret would believe anybody: set one")

    def unsigned(self, headers: Mapping[str, str]) -> str | None:
        """Ask for the newer signature."""
        missing = not headers.get("X-Hub-Signature-256")
        return "X-Hub-Signature-256 is missing: give the webhook a secret" if missing else None

    def believed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Compare the signature."""
        return same("sha256=" + signed(self.secret, body), headers["X-Hub-Signature-256"])


@dataclass(frozen=True, slots=True)
class ForgejoDialect:
    """The same SHA-256 over the body under three names (Forgejo's `services/webhook/shared`): its own, Gitea's, and
    GitHub's. One has to be there, and each that is there has to be right. Events go by GitHub's name as well, which
    every version sends.
    """

    secret: bytes = field(repr=False)
    event_header: str = "X-GitHub-Event"
    delivery_headers: tuple[str, ...] = ("X-Forgejo-Delivery", "X-Gitea-Delivery")
    content_limit: int = 25 * 1024 * 1024
    """Forgejo has no limit of its own; GitHub's will do."""

    def __post_init__(self) -> None:
        if not self.secret:
            raise ValueError("a webhook without a secret would believe anybody: set one")

    def unsigned(self, headers: Mapping[str, str]) -> str | None:
        """Ask for any of the signatures; Forgejo sends them empty where the webhook has no secret."""
        missing = not _signatures(headers)
        return "X-Forgejo-Signature is missing: give the webhook a secret" if missing else None

    def believed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Compare every signature that is there."""
        expected, given = signed(self.secret, body), _signatures(headers)
        return bool(given) and all(same(expected, signature) for signature in given)


def _signatures(headers: Mapping[str, str]) -> Sequence[str]:
    named = (headers.get(name, "") for name in ("X-Forgejo-Signature", "X-Gitea-Signature"))
    hub = headers.get("X-Hub-Signature-256", "").removeprefix("sha256=")
    return [signature for signature in (*named, hub) if signature]


def signing_key(token: str) -> bytes:
    """Return the key that a GitLab signing token stands for; raises ValueError where it is none."""
    prefix, _, encoded = token.partition("_")
    if prefix != "whsec" or not encoded:
        raise ValueError("a signing token begins with whsec_")
    return base64.b64decode(encoded, validate=True)


@dataclass(frozen=True, slots=True)
class GitLabDialect:
    """The signature of GitLab 19 ("Signing tokens": HMAC with SHA-256 over `id.timestamp.body`, as Standard Webhooks
    has it), or the token that older ones send as it is; at least one of them is known.

    `X-Gitlab-Event-UUID` names no delivery: all hooks that one push sets off share it.
    """

    token: str = field(default="", repr=False)
    key: bytes = field(default=b"", repr=False)
    event_header: str = "X-Gitlab-Event"
    delivery_headers: tuple[str, ...] = ("Idempotency-Key", "X-Gitlab-Webhook-UUID")
    """The second, of GitLab before 17.4, is another one when a delivery is made again."""
    content_limit: int = 25 * 1024 * 1024
    """GitLab sends no larger payloads (app/services/web_hook_service.rb)."""

    def __post_init__(self) -> None:
        if not self.token and not self.key:
            raise ValueError("a webhook without a token would believe anybody: set one")

    def unsigned(self, headers: Mapping[str, str]) -> str | None:
        """Ask for what is known here."""
        if (self.key and headers.get("webhook-signature")) or (self.token and headers.get("X-Gitlab-Token")):
            return None
        wanted = [name for name, there in (("signing token", self.key), ("secret token", self.token)) if there]
        return f"the delivery is not signed: give the webhook the {' or the '.join(wanted)} that the service has"

    def believed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Compare the signature where there is one that we can make, else the token."""
        given = headers.get("webhook-signature", "")
        if self.key and given:
            begun = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}."
            digest = hmac.new(self.key, begun.encode(errors="surrogateescape") + body, hashlib.sha256).digest()
            expected = f"v1,{base64.b64encode(digest).decode()}"
            return any([same(expected, one) for one in given.split()])  # noqa: C419 - each takes its time
        return bool(self.token) and same(self.token, headers.get("X-Gitlab-Token", ""))
