"""Puts the stand-in on a machine: a directory with a program `mock`, its `/etc/mock`, its roots and caches."""

import configparser
import json
import shlex
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parents[3]


class Stage:
    """A machine with mock on it. What `set` says is read by every call that begins later."""

    def __init__(self, directory: Path, **facts: Any) -> None:
        self.directory = directory
        self.command = directory / "bin" / "mock"
        self.roots = directory / "lib"
        self.caches = directory / "cache"
        for path in (self.command.parent, directory / "etc", self.roots, self.caches):
            path.mkdir(parents=True, exist_ok=True)
        program = f"PYTHONPATH={shlex.quote(str(_HERE))} exec {shlex.quote(sys.executable)} -m tests.fakes.mock.main"
        self.command.write_text(f'#!/bin/sh\n{program} {shlex.quote(str(directory))} "$@"\n')
        self.command.chmod(0o755)
        site = f"config_opts['basedir'] = {str(self.roots)!r}\nconfig_opts['cache_topdir'] = {str(self.caches)!r}\n"
        (directory / "etc" / "site-defaults.cfg").write_text(site)
        self.facts = facts
        self.set()

    def set(self, **facts: Any) -> None:
        """Change what the machine is like."""
        self.facts |= facts
        fresh = self.directory / "stage.json.new"
        fresh.write_text(json.dumps(self.facts))
        fresh.replace(self.directory / "stage.json")

    def configure(self, name: str, text: str) -> Path:
        """Write a chroot's configuration."""
        path = self.directory / "etc" / f"{name}.cfg"
        path.write_text(text)
        return path

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of every call so far."""
        path = self.directory / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def dnf(self) -> list[configparser.ConfigParser]:
        """What dnf was told at every `--rebuild` so far."""
        parsers = []
        for line in (self.directory / "dnf").read_text().splitlines():
            parsers.append(configparser.ConfigParser(interpolation=None))
            parsers[-1].read_string(json.loads(line))
        return parsers

    @property
    def violations(self) -> str:
        """What was asked for that is not modelled, or that mock does not know."""
        path = self.directory / "violations"
        return path.read_text() if path.exists() else ""
