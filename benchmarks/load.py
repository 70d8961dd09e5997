"""The load generator: signed deliveries over loopback, from a process of its own (`python -m benchmarks.load`).

What to send is a JSON object on standard input (`Load`), what came of it one on standard output. Deliveries are made
and signed before the clock starts, and HTTP is written by hand, so that the generator takes little from the service
with which it shares the machine. At a fixed rate a delivery's time counts from when it should have been sent: one that
has to wait for an answer that is late is late too.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

HOST = "127.0.0.1"
"""Nothing else is ever put under load."""

_LONGEST = 60.0
"""Seconds after which the rest is not sent any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send. `rate` is deliveries a second, 0 for as many as are answered."""

    port: int
    path: str
    secret: str
    deliveries: list[tuple[str, str]]
    """Events and their payloads, sent in turns, each with an id of its own."""
    count: int
    connections: int
    rate: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What came of it: seconds per delivery, and answers by status."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def requests(load: Load) -> list[bytes]:
    """Return every delivery as it goes over the wire."""
    signed = []
    for event, payload in load.deliveries:
        body = payload.encode()
        signed.append((event, body, "sha256=" + hmac.new(load.secret.encode(), body, hashlib.sha256).hexdigest()))
    made = []
    for number in range(load.count):
        event, body, signature = signed[number % len(signed)]
        head = (
            f"POST {load.path} HTTP/1.1\r\nHost: {HOST}:{load.port}\r\nContent-Type: application/json\r\n"
            f"User-Agent: GitHub-Hookshot/bench\r\nX-GitHub-Event: {event}\r\n"
            f"X-GitHub-Delivery: {uuid.uuid4()}\r\nX-Hub-Signature-256: {signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def run(load: Load) -> Outcome:
    """Send everything, and return when all is answered or the time is up."""
    outcome = Outcome()
    waiting = list(enumerate(requests(load)))[::-1]
    loop = asyncio.get_running_loop()
    begun = loop.time() + 0.2  # every connection is open by then
    cpu = time.process_time()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(HOST, load.port)
        await asyncio.sleep(begun - loop.time())
        while waiting and loop.time() - begun < _LONGEST:
            number, request = waiting.pop()
            if load.rate:
                await asyncio.sleep(begun + number / load.rate - loop.time())
            sent = begun + number / load.rate if load.rate else loop.time()
            writer.write(request)
            status = await _answer(reader)
            outcome.latencies.append(loop.time() - sent)
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
        writer.close()

    async with asyncio.timeout(2 * _LONGEST):
        await asyncio.gather(*(connection() for _ in range(load.connections)))
    outcome.seconds = loop.time() - begun
    outcome.cpu_seconds = time.process_time() - cpu
    return outcome


async def _answer(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    for line in head.splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            await reader.readexactly(int(value))
    return head.split(" ", 2)[1]


async def send(load: Load) -> Outcome:
    """Have a process of its own send the load."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate(json.dumps(asdict(load)).encode())
    assert process.returncode == 0, "the load generator failed"
    facts: dict[str, Any] = json.loads(output)
    return Outcome(**facts)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(Load(**json.loads(sys.stdin.buffer.read())))))))
