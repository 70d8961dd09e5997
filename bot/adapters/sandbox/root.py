"""A throw-away root: overlays mounted in a private mount namespace, entered with bubblewrap.

Nothing stays mounted: every command mounts the overlays anew in a namespace of its own, which ends with it, so that no
crash leaves a mount behind. The files written so far lie in the upper directories, where results are picked up.

Run as real root, a step "as root" keeps only the capabilities that installing packages takes, and none outside its
namespaces; it gets device nodes of its own, so that it cannot change the host's. The build itself runs under a user id
that only its slot has. Run as an ordinary user, all of it happens in a user namespace instead.
"""

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.jobs.facts import BUILD_DIRECTORY
from bot.adapters.sandbox.host import is_real_root
from bot.adapters.sandbox.layers import Layer, xattr_namespace

_PATH = "/usr/bin:/usr/sbin:/bin:/sbin"
_INSTALL_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID", "SETFCAP", "SYS_CHROOT")
_SWITCH_CAPABILITIES = ("SETGID", "SETUID", "SETPCAP")
_UNPRIVILEGED_UID = 1000
_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command in a root. `binds` are (path on the host, path in the root), read-only."""

    command: Sequence[str]
    as_root: bool = False
    binds: Sequence[tuple[Path, str]] = ()
    directory: str = BUILD_DIRECTORY
    environment: Mapping[str, str] = field(default_factory=dict)


class Root:
    """A root under `directory`, writable for the user `uid` in /builddir and the usual temporary directories."""

    def __init__(self, directory: Path, layers: Sequence[Layer], uid: int) -> None:
        self.directory = directory
        self._layers = layers
        self._privileged = is_real_root()
        self.uid = uid if self._privileged else os.geteuid()

    def create(self) -> None:
        """Make the directories; what a former attempt left there goes."""
        self.remove()
        (self.directory / "mount").mkdir(parents=True)
        for number, _ in enumerate(self._layers):
            (self.directory / f"upper{number}").mkdir(mode=0o755)
            (self.directory / f"work{number}").mkdir(mode=0o755)
        self._add_builder()
        build = self.path(BUILD_DIRECTORY)
        for directory in (
            build,
            *(build / name for name in ("SPECS", "SOURCES", "BUILD", "BUILDROOT", "RPMS", "SRPMS")),
        ):
            directory.mkdir(mode=0o755)
            self.give(directory)

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.directory, onerror=_make_removable)

    def path(self, inside: str) -> Path:
        """Return where a file outside /usr, that was written in this root, lies on the host."""
        return self.directory / "upper0" / inside.lstrip("/")

    def uppers(self) -> list[Path]:
        """Return the directories that hold everything written so far."""
        return [self.directory / f"upper{number}" for number, _ in enumerate(self._layers)]

    def give(self, path: Path) -> None:
        """Make the building user the owner of a file or directory."""
        if self._privileged:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def give_tree(self, directory: Path) -> None:
        """Make the building user the owner of everything in a directory, and of it."""
        for parent, directories, files in os.walk(directory):
            for name in (*directories, *files):
                self.give(Path(parent, name))
        self.give(directory)

    def arguments(self, step: Step, cgroups: Sequence[Path] = (), limits: Sequence[str] = ()) -> list[str]:
        """Return the command line that runs a step. `cgroups` are joined first, `limits` are options of prlimit."""
        enter = ["unshare", "--mount", "--propagation", "private"]
        if not self._privileged:
            enter[1:1] = ["--user", "--map-root-user"]
        return [
            *enter, "--", "/bin/sh", "-euc", self._mounting(cgroups), "sandbox",
            "prlimit", "--core=0", *limits, *self._bubblewrap(step),
        ]  # fmt: skip

    def _mounting(self, cgroups: Sequence[Path]) -> str:
        lines = [f"echo $$ > {shlex.quote(str(group / 'cgroup.procs'))}" for group in cgroups]
        for number, layer in enumerate(self._layers):
            options = [
                "nodev", "nosuid",
                "lowerdir=" + ":".join(_escaped(path) for path in layer.lowers),
                "upperdir=" + _escaped(self.directory / f"upper{number}"),
                "workdir=" + _escaped(self.directory / f"work{number}"),
                *(["userxattr"] if xattr_namespace() == "user" else []),
            ]  # fmt: skip
            lines.append(
                shlex.join(["mount", "-t", "overlay", "-o", ",".join(options), "overlay", self._mounted(layer.target)])
            )
        if self._privileged:
            lines += self._device_lines()
        return "\n".join([*lines, 'exec "$@"'])

    def _device_lines(self) -> list[str]:
        dev = shlex.quote(self._mounted("dev"))
        return [
            f"mount -t tmpfs -o mode=755,nosuid,noexec tmpfs {dev}",
            f"mkdir {dev}/pts {dev}/shm",
            *(f"mknod -m 666 {dev}/{name} c 1 {minor}" for name, minor in _DEVICES.items()),
            f"mknod -m 666 {dev}/tty c 5 0",
            f"mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts {dev}/pts",
            f"chmod 1777 {dev}/shm",
            f"ln -s pts/ptmx {dev}/ptmx; ln -s /proc/self/fd {dev}/fd; ln -s fd/0 {dev}/stdin",
            f"ln -s fd/1 {dev}/stdout; ln -s fd/2 {dev}/stderr",
        ]

    def _bubblewrap(self, step: Step) -> list[str]:
        devices = ["--dev-bind", self._mounted("dev"), "/dev"] if self._privileged else ["--dev", "/dev"]
        binds = [part for source, target in step.binds for part in ("--ro-bind", str(source), target)]
        environment = {
            "PATH": _PATH,
            "HOME": "/root" if step.as_root else BUILD_DIRECTORY,
            "LANG": "C.UTF-8",
            "LC_CTYPE": "C.UTF-8",
        }
        environment |= {"TERM": "dumb", "USER": "root" if step.as_root else "builder", **step.environment}
        return [
            "bwrap", "--bind", self._mounted(""), "/", *devices, "--proc", "/proc", *binds,
            "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
            "--hostname", "localhost", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            "--clearenv", *(part for item in environment.items() for part in ("--setenv", *item)),
            "--chdir", step.directory, *self._identity(step.as_root), *step.command,
        ]  # fmt: skip

    def _identity(self, as_root: bool) -> list[str]:
        if not self._privileged:
            user = 0 if as_root else _UNPRIVILEGED_UID
            return ["--unshare-user", "--uid", str(user), "--gid", str(user), *self._capabilities(as_root), "--"]
        if as_root:
            return [*self._capabilities(as_root), "--"]
        switch = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--inh-caps=-all"]
        return [*self._capabilities(as_root), "--", *switch, "--bounding-set=-all", "--no-new-privs", "--"]

    def _capabilities(self, as_root: bool) -> list[str]:
        wanted = _INSTALL_CAPABILITIES if as_root else _SWITCH_CAPABILITIES if self._privileged else ()
        return [part for name in wanted for part in ("--cap-add", f"CAP_{name}")]

    def _mounted(self, inside: str) -> str:
        return str(self.directory / "mount" / inside)

    def _add_builder(self) -> None:
        uid = self.uid if self._privileged else _UNPRIVILEGED_UID
        etc = self.path("/etc")
        etc.mkdir(mode=0o755)
        lower = self._layers[0].lowers[-1] / "etc"
        entries = {
            "passwd": f"builder:x:{uid}:{uid}:builder:{BUILD_DIRECTORY}:/bin/sh\n",
            "group": f"builder:x:{uid}:\n",
        }
        for name, line in entries.items():
            known = (lower / name).read_text() if (lower / name).is_file() else ""
            (etc / name).write_text(known + line)


def _escaped(path: Path) -> str:
    """Quote a path for an overlay mount option."""
    return str(path).replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _make_removable(function: object, path: str, error: object) -> None:
    """Let rmtree go on where a build took away its own permissions; what is gone already is well gone."""
    del function, error
    target = Path(path)
    if not target.is_symlink() and target.exists():
        target.parent.chmod(0o700)
        if target.is_dir():
            target.chmod(0o700)
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)
