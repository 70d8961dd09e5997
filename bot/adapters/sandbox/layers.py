"""What a root is laid over: a base root as it is, or the host's /usr with a minimal system around it.

Over the host nothing but /usr is shown, and of that not /usr/local, not the host's own Python packages and not what
the operator masks. An allow-list: /etc, /var, /home and the rest are ours, made here. Masking is done inside the
overlay with opaque directories (https://docs.kernel.org/filesystems/overlayfs.html), so there is nothing that a build
could unmount.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from bot.adapters.sandbox.base_root import base_root
from bot.adapters.sandbox.host import HostFacts, host_facts, is_real_root
from bot.adapters.sandbox.settings import SandboxSettings

_ROOT_DIRECTORIES = {
    "boot": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "media": 0o755,
    "mnt": 0o755,
    "opt": 0o755,
    "packages": 0o755,
    "proc": 0o555,
    "root": 0o700,
    "run": 0o755,
    "srv": 0o755,
    "sys": 0o555,
    "tmp": 0o1777,
    "usr": 0o755,
    "var/cache": 0o755,
    "var/lib": 0o755,
    "var/log": 0o755,
    "var/spool": 0o755,
    "var/tmp": 0o1777,
}
_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "var/run": "../run", "var/lock": "../run"}
_ETC_FROM_HOST = ("alternatives", "services", "protocols", "mime.types", "shells", "ld.so.conf", "ld.so.conf.d")
_ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "group": "root:x:0:\ntty:x:5:\nmail:x:8:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "hostname": "localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\n",
    "shadow": "root:*:19000:0:99999:7:::\n",
    "resolv.conf": "",
    "fstab": "",
}
_HIDDEN = ("local", "src", "lib/python3/dist-packages", "lib/python3.11/dist-packages")
_VERSION = "1"
"""Part of a template's name: raise it when what is written here changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One overlay: where in the root it is mounted, and its lower directories, the topmost first."""

    target: str
    lowers: tuple[Path, ...]


def layers(settings: SandboxSettings) -> tuple[Layer, ...]:
    """Return the overlays that make a root, in the order of mounting; make the host's template where it is missing.

    Raises `Misconfigured` where there is nothing to build over.
    """
    if settings.base_root is not None:
        return (Layer(target="", lowers=(base_root(settings, settings.base_root),)),)
    template = _template(settings)
    return (
        Layer(target="", lowers=(template / "root",)),
        Layer(target="usr", lowers=(template / "usr", Path("/usr"))),
    )


def xattr_namespace() -> str:
    """Return where this process may set overlay attributes: `trusted` takes real root, else `user` (userxattr)."""
    return "trusted" if is_real_root() else "user"


def _template(settings: SandboxSettings) -> Path:
    facts = host_facts()
    name = hashlib.sha256()
    for text in (_VERSION, facts.fingerprint, xattr_namespace(), *map(str, settings.masked), str(settings.state)):
        name.update(text.encode() + b"\0")
    for path, data in _shipped(facts):
        name.update(path.encode() + b"\0" + data + b"\0")
    name.update(_macros(facts).encode())
    template = settings.templates / name.hexdigest()[:16]
    if not template.is_dir():
        fresh = settings.templates / f".{template.name}.{secrets.token_hex(8)}"
        _make_root(fresh / "root", _macros(facts))
        _make_usr(fresh / "usr", facts, (*settings.masked, settings.state))
        try:
            fresh.rename(template)
        except OSError:  # another process was quicker
            shutil.rmtree(fresh, ignore_errors=True)
    return template


def _make_root(root: Path, macros: str) -> None:
    for name, mode in _ROOT_DIRECTORIES.items():
        (root / name).mkdir(parents=True)
        (root / name).chmod(mode)
    root.chmod(0o755)
    for name, destination in _LINKS.items():
        (root / name).symlink_to(destination)
    for lib in Path("/").glob("lib?*"):  # lib64, lib32, libx32: the loader's path is compiled into every program
        if lib.is_symlink():
            (root / lib.name).symlink_to(f"usr/{lib.name}")
    for name in _ETC_FROM_HOST:
        _copy_public(Path("/etc") / name, root / "etc" / name)
    for name, text in _ETC.items():
        (root / "etc" / name).write_text(text)
    (root / "etc/shadow").chmod(0o600)
    (root / "etc/rpm").mkdir()
    (root / "etc/rpm/macros.revdeps").write_text(macros)
    (root / "var/lib/rpm").mkdir()
    subprocess.run(["rpm", "--dbpath", str(root / "var/lib/rpm"), "--initdb"], check=True, capture_output=True)


def _copy_public(source: Path, target: Path) -> None:
    """Copy what everybody may read; links stay links."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    elif source.is_file():
        shutil.copyfile(source, target)


def _make_usr(usr: Path, facts: HostFacts, masked: tuple[Path, ...]) -> None:
    usr.mkdir()
    under_usr = [path.relative_to("/usr") for path in masked if path.is_relative_to("/usr")]
    for hidden in (*map(Path, _HIDDEN), *under_usr):
        if (Path("/usr") / hidden).is_dir():
            (usr / hidden).mkdir(parents=True, exist_ok=True)
            os.setxattr(usr / hidden, f"{xattr_namespace()}.overlay.opaque", b"y")
    for name, data in _shipped(facts):
        path = usr / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if data.startswith(b"#!") else 0o644)


def _macros(facts: HostFacts) -> str:
    """Return the shipped rpm macros; in /etc/rpm they come after, and so over, those of rpm's platform."""
    text = (resources.files("bot.adapters.sandbox") / "data/macros.revdeps").read_text()
    for name, value in facts.macros.items():
        text = text.replace(f"@{name}@", value)
    return text


def _shipped(facts: HostFacts) -> Iterator[tuple[str, bytes]]:
    """Yield what is added to the host's /usr: dependency generators, Python's way to site-packages."""
    data = resources.files("bot.adapters.sandbox") / "data"
    yield "lib/rpm/revdeps/pyproject.py", (data / "pyproject.py").read_bytes()
    yield "lib/rpm/revdeps/pythondist.py", (data / "pythondist.py").read_bytes()
    yield "lib/rpm/fileattrs/pythondist.attr", (data / "pythondist.attr").read_bytes()
    # Debian's Python imports sitecustomize from /etc and knows dist-packages only; elsewhere this adds nothing.
    site = "import site\n\nsite.addsitedir('@python3_sitelib@')\n".replace(
        "@python3_sitelib@", facts.macros["python3_sitelib"]
    )
    yield f"lib/python{facts.python}/sitecustomize.py", site.encode()
