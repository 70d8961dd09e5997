"""mock's command line. Read in mock/py/mock.py, `command_parse`: options are argparse's, what it does not know stays
among the arguments, and a few combinations are refused with status 5.
"""

import argparse
from collections.abc import Sequence

from tests.fakes.mock.errors import MockError

MODES = {
    "--rebuild": "rebuild",
    "--calculate-build-dependencies": "calculatedeps",
    "--chain": "chain",
    "--buildsrpm": "buildsrpm",
    "--debug-config": "debugconfig",
    "--debug-config-expanded": "debugconfigexpand",
    "--shell": "shell",
    "--chroot": "chroot",
    "--clean": "clean",
    "--scrub-all-chroots": "scrub-all-chroots",
    "--init": "init",
    "--installdeps": "installdeps",
    "--install": "install",
    "--list-chroots": "listchroots",
    "--update": "update",
    "--remove": "remove",
    "--orphanskill": "orphanskill",
    "--copyin": "copyin",
    "--copyout": "copyout",
    "--pm-cmd": "pm-cmd",
    "--yum-cmd": "yum-cmd",
    "--dnf-cmd": "dnf-cmd",
    "--snapshot": "snapshot",
    "--remove-snapshot": "remove_snapshot",
    "--rollback-to": "rollback-to",
    "--umount": "umount",
    "--mount": "mount",
}
_OLD_MODES = ("chroot", "shell", "rebuild", "install", "installdeps", "remove", "init", "clean")
_SHORT = {
    "--install": "-i",
    "--addrepo": "-a",
    "--continue": "-c",
    "--no-clean": "-n",
    "--no-cleanup-after": "-N",
    "--define": "-D",
    "--root": "-r",
    "--print-root-path": "-p",
    "--list-snapshots": "-l",
    "--verbose": "-v",
    "--quiet": "-q",
}
_VALUES = [
    "--localrepo",
    "--tmp_prefix",
    "--arch",
    "--forcearch",
    "--target",
    "--macro-file",
    "--resultdir",
    "--rootdir",
    "--uniqueext",
    "--configdir",
    "--cwd",
    "--spec",
    "--sources",
    "--rpmbuild-opts",
    "--isolation",
    "--buildroot-image",
]
_REPEATED = [
    "--addrepo",
    "--define",
    "--with",
    "--without",
    "--config-opts",
    "--enablerepo",
    "--disablerepo",
    "--enable-plugin",
    "--disable-plugin",
    "--plugin-option",
    "--scm-option",
    "--additional-package",
]
_SWITCHES = [
    "--continue",
    "--recurse",
    "--offline",
    "--no-clean",
    "--cleanup-after",
    "--no-cleanup-after",
    "--cache-alterations",
    "--nocheck",
    "--unpriv",
    "--symlink-dereference",
    "--old-chroot",
    "--new-chroot",
    "--enable-network",
    "--postinstall",
    "--verbose",
    "--quiet",
    "--trace",
    "--print-root-path",
    "--list-snapshots",
    "--scm-enable",
    "--yum",
    "--dnf",
    "--bootstrap-chroot",
    "--no-bootstrap-chroot",
    "--use-bootstrap-image",
    "--no-bootstrap-image",
]
SCRUB = ["chroot", "cache", "root-cache", "c-cache", "yum-cache", "dnf-cache", "lvm", "overlayfs", "bootstrap", "all"]
VERSION = "6.7"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mock")
    parser.add_argument("--version", action="version", version=VERSION)

    def add(name: str, **how: object) -> None:
        names = [name, _SHORT[name]] if name in _SHORT else [name]
        parser.add_argument(*names, **how)  # type: ignore[arg-type]

    for name, mode in MODES.items():
        add(name, action="store_const", const=mode, dest="mode", default="__default__")
    for name in _VALUES:
        add(name, default=None)
    for name in _REPEATED:
        add(name, action="append", default=[])
    for name in _SWITCHES:
        add(name, action="store_true", default=False)
    add("--root", default="default")
    add("--scrub", action="append", choices=SCRUB, default=[])
    add("--rpmbuild_timeout", type=int, default=None)
    add("--short-circuit", choices=["prep", "install", "build", "binary"])
    add("--hermetic-build", nargs=2)
    return parser


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return options and arguments; argparse ends the program with status 2, what mock refuses is status 5."""
    options, arguments = _parser().parse_known_args(argv)
    if options.mode == "__default__":
        options.mode = arguments.pop(0) if arguments and arguments[0] in _OLD_MODES else "rebuild"
    if options.mode == "calculatedeps":
        options.mode = "rebuild"
    if arguments and arguments[0] == "--":
        arguments = arguments[1:]
    if options.scrub:
        options.mode = "clean"
    _check(options)
    return options, arguments


def _check(options: argparse.Namespace) -> None:
    mode = options.mode
    refusals = (
        (options.target and "," in options.target, "--target option accepts only one arch."),
        (
            mode == "buildsrpm" and not options.spec and not options.scm_enable,
            "Must specify both --spec and --sources with --buildsrpm",
        ),
        (options.localrepo and mode != "chain", "The --localrepo option works only with --chain"),
        (options.recurse and mode != "chain", "Only --chain mode supports --recurse build algorithm"),
        (getattr(options, "continue") and mode != "chain", "Only --chain mode supports --continue build algorithm"),
        (
            options.additional_package and mode != "rebuild",
            "The --additional-package option requires the --rebuild mode",
        ),
    )
    for wrong, words in refusals:
        if wrong:
            raise MockError(words, 5)
