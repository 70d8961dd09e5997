#!/usr/bin/python3
"""What stands behind the %pyproject_* macros: PEP 517 without pip, which a root over a bare host does not have.

buildrequires  prints what the build system needs, for %generate_buildrequires
wheel          builds the wheel
install        unpacks it into the build root, with its scripts
save-files     writes the %files list for the named modules
check-import   imports the installed top-level modules

Standard library only, since it runs in the root.
"""

import argparse
import configparser
import importlib
import os
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from pythondist import dependency  # type: ignore[import-not-found]

_SCRIPT = """#!/usr/bin/python3
import sys

from {module} import {first}

sys.exit({call}())
"""


def say(capability: "str | None") -> None:
    """Print a dependency for rpmbuild."""
    if capability:
        sys.stdout.write(f"{capability}\n")


def build_system() -> "tuple[list[str], str, list[str]]":
    """Return requirements, backend and its path of the project in the current directory (PEP 518)."""
    project = tomllib.loads(Path("pyproject.toml").read_text()) if Path("pyproject.toml").exists() else {}
    system = project.get("build-system", {})
    return (
        system.get("requires", ["setuptools"]),
        system.get("build-backend", "setuptools.build_meta:__legacy__"),
        system.get("backend-path", []),
    )


def backend() -> Any:
    """Import the build backend."""
    _, name, path = build_system()
    sys.path[:0] = [str(Path(part).resolve()) for part in path]
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return found


def buildrequires(options: argparse.Namespace) -> None:
    """Print the build system's requirements, then, once these are installed, what the backend itself asks for."""
    del options
    requirements, _, _ = build_system()
    for requirement in requirements:
        say(dependency(requirement))
    try:
        hook = getattr(backend(), "get_requires_for_build_wheel", None)
    except ImportError:
        return  # not installed yet: rpmbuild comes back once it is
    output = os.dup(1)
    os.dup2(2, 1)  # a backend talks; only dependencies may go to the standard output
    wanted = hook() if hook else []
    sys.stdout.flush()
    os.dup2(output, 1)
    for requirement in wanted:
        say(dependency(requirement))


def wheel(options: argparse.Namespace) -> None:
    """Build the wheel into the output directory."""
    shutil.rmtree(options.output, ignore_errors=True)
    Path(options.output).mkdir(parents=True)
    sys.stdout.write(f"built {backend().build_wheel(options.output)}\n")


def wheels(options: argparse.Namespace) -> "list[Path]":
    """Return the wheels that were built, at least one."""
    found = sorted(Path(options.wheels).glob("*.whl"))
    if not found:
        sys.exit(f"error: no wheel in {options.wheels}: did %pyproject_wheel run in %build?")
    return found


def install(options: argparse.Namespace) -> None:
    """Unpack the wheels below the build root."""
    site = Path(options.root + options.sitelib)
    site.mkdir(parents=True, exist_ok=True)
    for path in wheels(options):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                unpack(archive, name, site, options)
        info = next(site.glob(f"{path.name.split('-')[0]}-*.dist-info"), None)
        if info is not None:
            (info / "RECORD").unlink(missing_ok=True)
            write_scripts(info / "entry_points.txt", options)


def unpack(archive: zipfile.ZipFile, name: str, site: Path, options: argparse.Namespace) -> None:
    """Put one file of a wheel where its place in the archive says (PEP 427)."""
    found = re.match(r"[^/]+\.data/(purelib|platlib|scripts|data|headers)/(.+)", name)
    target = site / name
    if found:
        kind, rest = found.groups()
        base = {"scripts": options.root + options.bindir, "data": options.root + "/usr"}
        target = Path(base.get(kind, site)) / rest
    if name.endswith("/"):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    data = archive.read(name)
    script = found is not None and found.group(1) == "scripts"
    if script:
        data = re.sub(rb"^#!python[^\n]*", b"#!/usr/bin/python3", data)
    target.write_bytes(data)
    executable = script or (archive.getinfo(name).external_attr >> 16) & 0o111
    target.chmod(0o755 if executable else 0o644)


def write_scripts(entry_points: Path, options: argparse.Namespace) -> None:
    """Write a program for every console script."""
    if not entry_points.exists():
        return
    parser = configparser.ConfigParser(delimiters="=", interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(entry_points)
    for section in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(section) if parser.has_section(section) else ():
            module, _, call = value.split("[")[0].strip().partition(":")
            script = Path(options.root + options.bindir, name)
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(
                _SCRIPT.format(module=module.strip(), first=call.split(".")[0].strip(), call=call.strip())
            )
            script.chmod(0o755)


def save_files(options: argparse.Namespace) -> None:
    """Write the %files list: the modules that match the given globs, the metadata, and with `+auto` the programs."""
    site = Path(options.root + options.sitelib)
    lines = [f"{options.sitelib}/{path.name}" for path in sorted(site.glob("*.dist-info"))]
    for glob in options.modules:
        if glob == "+auto":
            programs = Path(options.root + options.bindir)
            lines += [f"{options.bindir}/{path.name}" for path in sorted(programs.glob("*"))]
            continue
        found = [path for path in sorted(site.glob("*")) if path.name.split(".")[0] in matching(site, glob)]
        found = [path for path in found if path.suffix != ".dist-info"]
        if not found:
            sys.exit(f"error: no module matches {glob!r}; there are: {', '.join(sorted(modules(site)))}")
        lines += [f"{options.sitelib}/{path.name}" for path in found]
        if any(path.suffix == ".py" for path in found) and (site / "__pycache__").exists():
            lines.append(f"{options.sitelib}/__pycache__/{glob}.*")
    Path(options.output).write_text("".join(f"{line}\n" for line in dict.fromkeys(lines)))


def modules(site: Path) -> "set[str]":
    """Return the top-level modules below a directory."""
    skipped = (".dist-info", ".pth")
    return {path.name.split(".")[0] for path in site.glob("[!_]*") if path.suffix not in skipped} | {
        path.name.split(".")[0] for path in site.glob("_[!_]*")
    }


def matching(site: Path, glob: str) -> "set[str]":
    """Return the names of top-level modules that match."""
    return {path.name.split(".")[0] for path in site.glob(glob)} | {
        path.name.split(".")[0] for path in site.glob(f"{glob}.*") if path.suffix != ".dist-info"
    }


def check_import(options: argparse.Namespace) -> None:
    """Import every public top-level module that the wheels installed."""
    site = options.root + options.sitelib
    sys.path.insert(0, site)
    sys.dont_write_bytecode = True
    for name in sorted(modules(Path(site))):
        if not name.startswith("_"):
            importlib.import_module(name)


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for function in (buildrequires, wheel, install, save_files, check_import):
        command = commands.add_parser(function.__name__.replace("_", "-"))
        command.set_defaults(function=function)
        for name in ("root", "sitelib", "bindir", "output", "wheels"):
            command.add_argument(f"--{name}")
        command.add_argument("modules", nargs="*")
    options, _ = parser.parse_known_args()
    sys.path.insert(0, str(Path.cwd()))
    options.function(options)


if __name__ == "__main__":
    main()
