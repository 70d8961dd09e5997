"""Ctrl-C: how a command ends that is stopped by whoever started it."""

import os
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import click

EXIT_STOPPED = 130
"""What shells say of a program that SIGINT has ended."""

_Answer = TypeVar("_Answer")


def stopped(status: int = EXIT_STOPPED) -> NoReturn:
    """Say so, and end at once: a thread that fetches or solves would be waited for otherwise."""
    sys.stdout.flush()
    click.echo("\nrevdeps: stopped", err=True)
    os._exit(status)


def run(question: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Run a question that leaves nothing behind when it is stopped."""
    import asyncio

    runner = asyncio.Runner()
    try:
        return runner.run(question)
    except KeyboardInterrupt:
        stopped()
    finally:
        runner.close()
