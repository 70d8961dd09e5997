"""What the fake forges' servers have in common: they serve on loopback, and let a test see what came and what went."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from aiohttp import web

from tests.fakes.forge_gate import ForgeFailure, ForgeGate

SECRET = "It's a Secret to Everybody"
"""What webhooks are signed with unless a test says otherwise."""
_PUSH_BOUND = 64 * 1024 * 1024


class ForgeServer:
    """`async with` serves until the block ends. A forge's own sets what it knows (`world`), its sender and its gate."""

    failure: ClassVar[type[ForgeFailure]]
    world: Any
    webhooks: Any
    gate: ForgeGate[Any]

    def __init__(self, root: Path | None) -> None:
        self._temporary = None if root else tempfile.TemporaryDirectory(prefix=f"fake-{type(self).__name__}-")
        self._root = root or Path(self._temporary.name)  # type: ignore[union-attr]
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, port: int = 0) -> None:
        """Serve on loopback, on a free port unless told otherwise."""
        application = web.Application(client_max_size=_PUSH_BOUND)
        self._add_routes(application)
        self._runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.world.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def _add_routes(self, application: web.Application) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Stop serving; webhooks that have not been delivered are dropped."""
        await self.webhooks.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def url(self) -> str:
        """The address of the server: of its API, of git and of what people open."""
        return self.world.url

    @property
    def violations(self) -> list[str]:
        """What was asked for that the real forge refuses as wrong, or that nobody would ask for who knows it."""
        return self.gate.violations

    @property
    def calls(self) -> Mapping[tuple[str, str], int]:
        """How often each (method, template of the path) was called, failed calls included."""
        return self.gate.calls

    def fail(self, **what: Any) -> Any:
        """Plan a failure: see the forge's `Failure` for what can go wrong. Returns it, to be counted or stopped."""
        failure = self.failure(**what)
        self.gate.failures.append(failure)
        return failure

    async def settled(self) -> None:
        """Wait until no webhook is on its way."""
        await self.webhooks.settled()
