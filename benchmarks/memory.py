"""How much memory processes have had."""

from pathlib import Path


def peak_memory_mib(pid: int) -> float:
    """Return the most memory that a process had resident, 0 for one that is just ending.

    getrusage's figure outlives exec, and may be its parent's.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)
