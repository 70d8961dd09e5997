"""Runs one measurement: `python -m benchmarks.resolver.alone MODULE ARGUMENT…` prints what its `main` returns as JSON.

Processes that a measurement spawns begin by importing the program's main module, as `spawn` has it. The service's is
short, and so is this one: otherwise they would carry, and wait for, whatever the measurement needs for itself.
"""

import json
import sys
from importlib import import_module

if __name__ == "__main__":
    print(json.dumps(import_module(f"benchmarks.resolver.{sys.argv[1]}").main(*sys.argv[2:])))
