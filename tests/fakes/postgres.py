"""A real PostgreSQL for the tests: started by them, in a temporary directory, reachable by a Unix socket alone.

PostgreSQL refuses to run as root, so root's tests hand the directory to another user. One server serves all tests of a
process; each test gets a database of its own, copied from one that was migrated once. The server ends with the tests,
also where they are killed (the kernel sends it a signal when its parent goes).
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import asyncpg
import pytest

from bot.adapters.sql.store import SqlStore

_SETTINGS = ("listen_addresses=", "fsync=off", "max_connections=60")
_READY = b"ready to accept connections"


@dataclass(slots=True)
class PostgresServer:
    """A running server; `database` makes databases on it."""

    directory: Path
    process: subprocess.Popen[bytes]
    log: deque[bytes]
    count: int = field(default=0)

    def url(self, name: str) -> str:
        """The address of a database, in the form that an operator writes."""
        return f"postgresql://postgres@/{name}?host={self.directory}"

    async def database(self, template: str | None = None) -> str:
        """Make a database and return its address: empty, or a copy."""
        self.count += 1
        name = f"revdeps_{self.count}"
        await self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.url(name)

    async def migrated(self) -> str:
        """Make a database with the present schema and return its address."""
        if not await self.execute("SELECT 1 FROM pg_database WHERE datname = 'migrated'"):
            await self.execute("CREATE DATABASE migrated")
            store = await SqlStore.open(self.url("migrated"))
            await store.upgrade()
            await store.close()
        return await self.database("migrated")

    async def execute(self, statement: str) -> list[asyncpg.Record]:
        """Run a statement as the server's administrator."""
        connection = await asyncpg.connect(host=str(self.directory), user="postgres", database="postgres")
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    def stop(self) -> None:
        """End the server at once and remove its files."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        shutil.rmtree(self.directory)


def start() -> PostgresServer:
    """Start a server; raise RuntimeError where PostgreSQL is not installed or does not come up."""
    directory = Path(tempfile.mkdtemp(prefix="revdeps-pg-"))
    as_other = _as_unprivileged(directory)
    data = directory / "data"
    initdb = [_program("initdb"), "--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8"]
    made = subprocess.run([*as_other, *initdb, "--no-sync"], cwd="/", capture_output=True, text=True, check=False)
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr}")
    server = [_program("postgres"), "-D", data, "-k", directory]
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    process = subprocess.Popen(
        [*as_other, *server, *settings],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    return PostgresServer(directory, process, _wait_until_ready(process))


def _as_unprivileged(directory: Path) -> list[str]:
    """Return the command that runs another as a user who may run PostgreSQL, and give the directory to that user."""
    words = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() != 0:
        return words
    user = _user()
    os.chown(directory, user.pw_uid, user.pw_gid)
    return [*words, "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _program(name: str) -> Path:
    # Debian keeps the server's programs out of PATH; the newest version is the last.
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if installed:
        return installed[-1]
    found = shutil.which(name)
    if not found:
        raise RuntimeError(f"PostgreSQL's {name} is not installed; scripts/setup dev installs it")
    return Path(found)


def _wait_until_ready(process: subprocess.Popen[bytes]) -> deque[bytes]:
    """Read the server's log until it takes connections, and go on in the background, so that it never blocks."""
    log: deque[bytes] = deque(maxlen=200)
    assert process.stderr is not None
    for line in process.stderr:
        log.append(line)
        if _READY in line:
            threading.Thread(target=_drain, args=(process.stderr, log), daemon=True).start()
            return log
    raise RuntimeError(f"PostgreSQL did not start: {b''.join(log).decode()}")


def _drain(stream: IO[bytes], log: deque[bytes]) -> None:
    with stream:
        log.extend(stream)


_SERVER = pytest.StashKey[PostgresServer]()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> PostgresServer:
    """The one server of this test process."""
    config = request.config
    if _SERVER not in config.stash:
        config.stash[_SERVER] = start()
        config.add_cleanup(config.stash[_SERVER].stop)
    return config.stash[_SERVER]
