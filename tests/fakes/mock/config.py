"""mock's configuration. Read in mock/py/mockbuild/config.py: `load_config`, `set_config_opts_per_cmdline`.

A configuration is Python that fills `config_opts`, in which `include('file')` on a line of its own is replaced by the
file; `--config-opts` overrides it, and after that every text is a Jinja template.
"""

import argparse
import configparser
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jinja2

from tests.fakes.mock.errors import PACKAGES, MockError, NotModelled

PLUGINS = [
    "tmpfs",
    "root_cache",
    "yum_cache",
    "mount",
    "bind_mount",
    "ccache",
    "selinux",
    "package_state",
    "chroot_scan",
    "lvm_root",
    "compress_logs",
    "sign",
    "pm_request",
    "hw_info",
    "procenv",
    "showrc",
    "rpkg_preprocessor",
    "rpmautospec",
    "buildroot_lock",
    "export_buildroot_image",
    "unbreq",
    "expand_spec",
    "system_monitor",
]
_ENABLED = ("yum_cache", "root_cache", "bind_mount", "mount", "selinux", "package_state", "hw_info")
_INCLUDE = re.compile(r"^\s*include\((.*)\)", re.MULTILINE)


def load(name: str, configdir: Path) -> dict[str, Any]:
    """Return the configuration of a chroot: a path where the name ends in `.cfg`, else looked up."""
    opts: dict[str, Any] = {
        "basedir": "/var/lib/mock",
        "cache_topdir": "/var/cache/mock",
        "resultdir": "{{basedir}}/{{root}}/result",
        "clean": True,
        "rpmbuild_timeout": 0,
        "rpmbuild_networking": False,
        "target_arch": "i386",
        "rpmbuild_arch": None,
        "package_manager": "dnf",
        "chroot_setup_cmd": "groupinstall buildsys-build",
        "macros": {},
        "dnf.conf": "",
        "use_bootstrap": True,
        "cleanup_on_success": True,
        "cleanup_on_failure": True,
        "plugin_conf": {f"{plugin}_enable": plugin in _ENABLED for plugin in PLUGINS},
        "chroot_name": Path(name).stem if name.endswith(".cfg") else name,
    }
    site = configdir / "site-defaults.cfg"
    if site.exists():
        _run(opts, site, configdir)
    path = Path(name) if name.endswith(".cfg") else configdir / f"{name}.cfg"
    if not path.exists():
        raise MockError(f"Non-existing Mock config '{name}'", 3)
    _run(opts, path, configdir)
    return opts


def _run(opts: dict[str, Any], path: Path, configdir: Path) -> None:
    text = _included(path, configdir)
    try:
        exec(text, {"config_opts": opts})
    except Exception as error:
        raise MockError(f"Config error: {path}: {error}", 3) from error


def _included(path: Path, configdir: Path) -> str:
    if not path.exists():
        raise MockError(f"Could not find included config file: {path}", 3)
    return _INCLUDE.sub(lambda found: _included(configdir / eval(found.group(1)), configdir), path.read_text())


def override(opts: dict[str, Any], options: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Let the command line have its way, and refuse what mock refuses."""
    for option in options.config_opts:
        key, value = option.split("=", 1)
        opts[key] = _value(value)
    for key in ("resultdir", "rootdir"):
        if getattr(options, key):
            opts[key] = getattr(options, key)
    if options.uniqueext:
        opts["unique-ext"] = options.uniqueext
    if options.rpmbuild_timeout is not None:
        opts["rpmbuild_timeout"] = options.rpmbuild_timeout
    if options.no_clean:
        opts["clean"] = False
    if options.enable_network:
        opts["rpmbuild_networking"] = True
    if options.no_bootstrap_chroot:
        opts["use_bootstrap"] = False
    for plugin in (*options.enable_plugin, *options.disable_plugin):
        if plugin not in PLUGINS:
            raise MockError(f"Bad option for '--enable-plugin={plugin}'. Expecting one of: {PLUGINS}", 5)
        opts["plugin_conf"][f"{plugin}_enable"] = plugin in options.enable_plugin
    for macro in options.define:
        if " " not in macro.strip():
            raise MockError(f"Bad option for '--define' ({macro}).  Use --define 'macro expr'", 5)
        key, value = macro.strip().split(" ", 1)
        opts["macros"][f"%{key.lstrip('%')}"] = value
    if options.isolation not in (None, "auto", "simple", "nspawn"):
        raise MockError(f"Bad option for '--isolation'. Unknown value: {options.isolation}", 5)
    if options.mode == "rebuild" and len(arguments) > 1 and not options.resultdir:
        raise MockError("Must specify --resultdir when building multiple RPMS.", 5)
    if options.mode == "chain" and options.resultdir:
        raise MockError("The --chain mode doesn't support --resultdir, use --localrepo instead", 5)
    if options.no_cleanup_after:
        opts["cleanup_on_success"] = opts["cleanup_on_failure"] = False
    if "root" not in opts:
        raise MockError("Error in configuration - option config_opts['root'] must be present in your config.", 3)


def _value(text: str) -> object:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def expanded(opts: Mapping[str, Any], key: str) -> str:
    """Return a text of the configuration with its templates filled in."""
    text = str(opts[key])
    for _ in range(5):
        new = jinja2.Template(text, keep_trailing_newline=True).render(
            **{k: v for k, v in opts.items() if k.isidentifier()}
        )
        if new == text:
            break
        text = new
    return text


_OPTIONS = frozenset(
    {"name", "baseurl", "metalink", "mirrorlist", "enabled", "gpgcheck", "repo_gpgcheck", "gpgkey", "priority", "cost"}
    | {"module_hotfixes", "skip_if_unavailable", "metadata_expire", "best", "excludepkgs"}
)
"""Of what dnf takes in a repository's section (libdnf/conf/ConfigRepo.cpp), what is modelled, and mock's own `best`."""
_LAST = 99
"""The priority of a repository that names none (libdnf/conf/ConfigRepo.cpp)."""


@dataclass(frozen=True)
class Repo:
    """A repository as dnf would see it: where its files are, what is excluded from it, and what it gives way to."""

    name: str
    directory: Path
    excludes: tuple[str, ...]
    priority: int = _LAST


def repositories(opts: Mapping[str, Any], added: Sequence[str]) -> list[Repo]:
    """Return the configuration's repositories and then what `--addrepo` names, which knows no priorities
    (mockbuild/util.py, add_local_repo); only `file:` has anything behind it.
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(expanded(opts, "dnf.conf"))
    found = []
    for section in parser.sections():
        if section != "main" and parser.getboolean(section, "enabled", fallback=True):
            if unknown := set(parser[section]) - _OPTIONS:
                raise NotModelled(f"{', '.join(sorted(unknown))} in dnf.conf")
            url = next(parser[section][key] for key in ("baseurl", "metalink", "mirrorlist") if key in parser[section])
            excludes = parser[section].get("excludepkgs", "").replace(",", " ").split()
            priority = parser.getint(section, "priority", fallback=_LAST)
            found.append(Repo(section, _directory(url), tuple(excludes), priority))
    return [*found, *(Repo(url, _directory(url), ()) for url in added)]


def _directory(url: str) -> Path:
    """Return a `file:` repository's directory; a repository without metadata is an error of the package manager."""
    directory = Path(unquote(urlsplit(url).path))
    if urlsplit(url).scheme != "file" or not (directory / "repodata" / "repomd.xml").exists():
        raise MockError(f"Error: Failed to download metadata for repo '{url}': Cannot download repomd.xml", PACKAGES)
    return directory
