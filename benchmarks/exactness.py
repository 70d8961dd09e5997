"""`python -m benchmarks.exactness [FIRST LAST]`: the resolver beside itself, where everything is solved twice.

Wild distributions are made up from seeds (tests/fakes/wild.py); `make test` takes the first few. Every one on which an
answer is another one is listed, with what differs; the exit code is 1 where there is any.
"""

import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fakes.plain_checks import check
from tests.fakes.plainly import load
from tests.fakes.wild import situation

FIRST, LAST = 1_000, 2_000
"""The seeds of `make oracles`."""


def differs(seed: int) -> str:
    """Return what differs on the distribution of a seed; empty where nothing does."""
    with TemporaryDirectory(prefix="revdeps-exactness-") as scratch:
        try:
            check(load(Path(scratch), situation(seed)))
        except AssertionError as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            return f"{where.name}: {where.line} {error}"
    return ""


def main(arguments: list[str]) -> int:
    """Compare, list, and return the exit code."""
    first, last = map(int, arguments) if arguments else (FIRST, LAST)
    begun = time.monotonic()
    found = 0
    for seed in range(first, last):
        if what := differs(seed):
            found += 1
            print(f"seed {seed}: {what}", flush=True)
    print(f"{last - first} distributions, {found} with another answer ({time.monotonic() - begun:.0f} s)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
