"""Whether this machine lets the sandbox work, found out by trying, with words for whoever has to allow it."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from bot.adapters.sandbox.layers import layers
from bot.adapters.sandbox.root import Root, Step
from bot.adapters.sandbox.settings import SandboxSettings
from bot.ports.errors import Misconfigured

_TOOLS = {
    "bwrap": "bubblewrap",
    "createrepo_c": "createrepo-c (Debian) or createrepo_c (Fedora)",
    "git": "git",
    "mount": "util-linux",
    "prlimit": "util-linux",
    "rpm": "rpm",
    "rpmbuild": "rpm (Debian) or rpm-build (Fedora)",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
_HINTS = (
    (
        "overlay",
        "it cannot mount an overlay",
        "Set the state directory to a path on ext4, xfs or tmpfs (not on a container's own overlay: give it a volume), "
        "and load the kernel's `overlay` module.",
    ),
    (
        "unshare",
        "it may not make namespaces",
        "Run as root (in a container: with CAP_SYS_ADMIN and an unconfined seccomp profile), or allow user namespaces: "
        "`sysctl user.max_user_namespaces=15000`, on Debian and Ubuntu also `kernel.unprivileged_userns_clone=1` and "
        "`kernel.apparmor_restrict_unprivileged_userns=0`.",
    ),
    (
        "bwrap",
        "bubblewrap may not set up its namespaces",
        "Run as root, or allow user namespaces: `sysctl user.max_user_namespaces=15000` and "
        "`kernel.apparmor_restrict_unprivileged_userns=0`; in a container, unmask /proc.",
    ),
)


def check_host(settings: SandboxSettings) -> None:
    """Return where builds can run here; raise `Misconfigured` with what is missing and how to allow it.

    Enters a real root twice, as root and as the building user, which takes well under a second.
    """
    missing = sorted({package for tool, package in _TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise Misconfigured("the sandbox", "tools are missing on this machine", f"Install {', '.join(missing)}.")
    if settings.base_root is None and not Path("/bin").is_symlink():
        raise Misconfigured(
            "the sandbox",
            "this host keeps programs outside /usr",
            "Merge /usr (Debian: install usrmerge), or set a base root.",
        )
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="check-", dir=settings.state, ignore_cleanup_errors=True) as scratch:
            _try_root(settings, Path(scratch))
    except OSError as error:
        raise Misconfigured(
            "sandbox.state",
            f"{settings.state} cannot be used: {error}",
            "Make it writable for the service, with space.",
        ) from error


def _try_root(settings: SandboxSettings, scratch: Path) -> None:
    root = Root(scratch / "root", layers(settings), settings.first_uid)
    root.create()
    try:
        for as_root in (True, False):
            step = Step(command=["/usr/bin/test", "-x", "/usr/bin/rpmbuild"], as_root=as_root)
            answer = subprocess.run(root.arguments(step), capture_output=True, text=True, timeout=30, check=False)
            if answer.returncode != 0:
                raise _explained(answer.stderr.strip(), settings)
    finally:
        root.remove()


def _explained(message: str, settings: SandboxSettings) -> Misconfigured:
    for word, what, mend in _HINTS:
        if word in message:
            return Misconfigured("the sandbox", f"{what} in {settings.state} ({message})", mend)
    if not message:
        return Misconfigured("sandbox.base_root", "the root has no /usr/bin/rpmbuild", "Install rpm-build into it.")
    return Misconfigured(
        "the sandbox", f"a root cannot be entered ({message})", "See docs/sandbox.md for what it needs."
    )
