"""What an action leaves behind: a function that stores it, within one transaction under the lease."""

from collections.abc import Awaitable, Callable

from bot.ports.store import Transaction

Write = Callable[[Transaction], Awaitable[None]]
