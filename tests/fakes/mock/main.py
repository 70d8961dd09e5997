"""The program: `python -m tests.fakes.mock.main STAGE ARGUMENTS…`. Read in mock/py/mock.py, `main`."""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fakes.mock import mutants
from tests.fakes.mock.commands import Commands, check_templates
from tests.fakes.mock.config import expanded, load, override
from tests.fakes.mock.errors import MockError, NotModelled
from tests.fakes.mock.options import parse


def main(directory: Path, argv: Sequence[str]) -> int:
    """Be mock: return its exit status."""
    stage = json.loads((directory / "stage.json").read_text())
    with (directory / "calls").open("a") as file:
        file.write(json.dumps(list(argv)) + "\n")
    if stage.get("mutant"):
        mutants.plant(stage["mutant"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return _main(directory, stage, argv)
    except MockError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return error.status
    except NotModelled as error:
        with (directory / "violations").open("a") as file:
            file.write(f"not modelled: {error}\n")
        return 99


def _main(directory: Path, stage: dict[str, Any], argv: Sequence[str]) -> int:
    if stage.get("root"):
        raise MockError("mock will not run from the root account (needs an unprivileged uid so it can drop privs)")
    options, arguments = parse(argv)
    unknown = [argument for argument in arguments if argument.startswith("-") and options.mode != "chroot"]
    if unknown:
        with (directory / "violations").open("a") as file:
            file.write(f"unknown options: {unknown}\n")
    opts = load(options.root, Path(options.configdir or directory / "etc"))
    override(opts, options, arguments)
    if not stage.get("member", True):
        raise MockError("Must be member of 'mock' group to run mock! (users)")
    check_templates(opts)
    if options.mode == "rebuild" and not options.print_root_path:
        with (directory / "dnf").open("a") as file:
            file.write(json.dumps(expanded(opts, "dnf.conf")) + "\n")
    commands = Commands(stage, opts, options)
    _locked(directory, stage, commands)
    return commands.run(arguments)


def _locked(directory: Path, stage: dict[str, Any], commands: Commands) -> None:
    """Say that somebody else has the root, as often as the stage wants."""
    if commands.options.mode not in ("rebuild", "buildsrpm") or commands.options.print_root_path:
        return
    seen = directory / "locked"
    count = len(seen.read_text()) if seen.exists() else 0
    if count < stage.get("locked", 0):
        seen.write_text("." * (count + 1))
        commands.buildroot.open_logs()
        raise MockError("Build root is locked by another process.", 60)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
