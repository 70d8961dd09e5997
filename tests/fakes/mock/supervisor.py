"""mock's supervisor, as a program, with a root solver that knows directories. Its argument is the job's directory."""

import sys
from pathlib import Path

from bot.adapters.mock.supervisor import supervise
from tests.fakes.local_solver import solver_for

if __name__ == "__main__":
    supervise(Path(sys.argv[1]), solver_for)
