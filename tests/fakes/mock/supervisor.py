"""mock's supervisor with a root solver that knows directories: `python -m tests.fakes.mock.supervisor JOB_DIRECTORY`."""

import sys
from pathlib import Path

from bot.adapters.mock.supervisor import supervise
from tests.fakes.local_solver import solver_for

if __name__ == "__main__":
    supervise(Path(sys.argv[1]), solver_for)
