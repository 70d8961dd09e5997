"""Who we are towards GitHub: the App itself by a JWT, an installation by a token that lives an hour.

Read in GitHub's "Generating a JSON Web Token (JWT) for a GitHub App": it must have been issued in the past and end
within 10 minutes. GitHub advises to back-date it by a minute; machines' clocks are wrong by more than that.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import jwt
from cachetools import TLRUCache, TTLCache
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm

from bot.adapters.github.settings import GitHubSettings
from bot.domain.run import RepoRef
from bot.ports.clock import Clock
from bot.ports.errors import Misconfigured

_BACK_DATED = timedelta(minutes=3)
_JWT_LIFE = timedelta(minutes=8)
"""So it is good where our clock is up to three minutes ahead, or five behind."""
_SPARE = timedelta(minutes=5)
"""A token is not used for its last minutes: a clone that begins with it should end with it."""
_REMEMBERED = 10_000
_INSTALLATION_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Token:
    """An installation's token. Its value is opaque and must never be seen."""

    value: str = field(repr=False)
    expires_at: datetime


def _usable_until(_installation: int, token: Token, _now: float) -> float:
    return (token.expires_at - _SPARE).timestamp()


class Credentials:
    """Makes JWTs, and remembers tokens and which installation a repository belongs to."""

    def __init__(self, settings: GitHubSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

        def now() -> float:
            return clock.now().timestamp()

        self._tokens: TLRUCache[int, Token] = TLRUCache(_REMEMBERED, ttu=_usable_until, timer=now)
        self._installations: TTLCache[str, int] = TTLCache(
            _REMEMBERED, ttl=_INSTALLATION_LIFE.total_seconds(), timer=now
        )
        self._minting: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @cached_property
    def _key(self) -> RSAPrivateKey:
        """The App's key. Reading it takes many times as long as signing with it, and nothing else is done meanwhile."""
        key = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(self._settings.private_key)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("this is the public key")
        return key

    def jwt(self) -> str:
        """Return a JWT of the App; raise Misconfigured where its key is none."""
        issued = int((self._clock.now() - _BACK_DATED).timestamp())
        claims = {"iat": issued, "exp": issued + int(_JWT_LIFE.total_seconds()), "iss": str(self._settings.app_id)}
        try:
            return jwt.encode(claims, self._key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise Misconfigured(
                "the GitHub App's private key",
                f"it is no RSA key in PEM ({type(error).__name__})",
                "Put the file that GitHub gave you when the key was made into REVDEPS_GITHUB_PRIVATE_KEY_FILE.",
            ) from None

    async def token(self, installation: int, mint: Callable[[], Awaitable[Token]]) -> Token:
        """Return a usable token, made by `mint` where there is none; several who need it wait for one."""
        async with self._minting[installation]:
            known = self._tokens.get(installation)
            if known is None:
                known = self._tokens[installation] = await mint()
            return known

    def refuse(self, installation: int, token: Token) -> None:
        """Forget a token that GitHub does not take any more, unless it was replaced meanwhile."""
        if self._tokens.get(installation) == token:
            del self._tokens[installation]

    def installation(self, repo: RepoRef) -> int | None:
        """Return the installation of a repository, None where it has to be asked for."""
        return self._installations.get(str(repo).lower())

    def remember(self, repo: RepoRef, installation: int) -> None:
        """Note which installation a repository belongs to."""
        self._installations[str(repo).lower()] = installation

    def forget(self, installation: int) -> None:
        """Ask again which installation its repositories belong to."""
        for repo in [repo for repo, known in self._installations.items() if known == installation]:
            self._installations.pop(repo, None)
