"""A Kerberos realm of its own for the tests: MIT's KDC on a loopback port, its database in a temporary directory.

The KDC ends with the tests, also where they are killed (the kernel sends it a signal when its parent goes). Clients
find it by the variable KRB5_CONFIG, which a test sets to `config`.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REALM = "REVDEPS.TEST"
_CLIENT = """\
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  kdc_timesync = {timesync}
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
"""
_SERVER = """\
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {directory}/principal
    key_stash_file = {directory}/stash
    acl_file = {directory}/acl
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
  }}
[logging]
  kdc = FILE:{directory}/kdc.log
"""


class Realm:
    """A realm; `start` and `stop` are those of its KDC."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "krb5.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        directory.mkdir()
        (directory / "kdc.conf").write_text(_SERVER.format(realm=REALM, port=self._port, directory=directory))
        self.configure()
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "of no worth")

    def configure(self, *, timesync: bool = True) -> None:
        """Write what clients read; `timesync` lets them go by the KDC's clock, as they do by default."""
        self.config.write_text(_CLIENT.format(realm=REALM, port=self._port, timesync=int(timesync)))

    def start(self, *, ahead: int = 0) -> None:
        """Start the KDC, with a clock that goes so many seconds ahead."""
        variables = self._variables
        if ahead:
            variables |= {"LD_PRELOAD": str(_libfaketime()), "FAKETIME": f"{ahead:+}s"}
        command = ["setpriv", "--pdeathsig", "TERM", _program("krb5kdc"), "-n", "-r", REALM]
        self._process = subprocess.Popen(
            [*command, "-P", self.directory / "pid"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if b"starting" not in said:
            raise RuntimeError(f"the KDC did not start: {said.decode()}")

    def stop(self) -> None:
        """End the KDC, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.communicate(timeout=30)

    def add(self, principal: str) -> Path:
        """Make a principal (`name/host`, without the realm), and return the keytab of its key."""
        self.administer(f"addprinc -randkey +requires_preauth {principal}")
        return self.keytab(principal)

    def keytab(self, principal: str) -> Path:
        """Give a principal a new key, and return its keytab: the former key is void."""
        file = self.directory / f"{principal.replace('/', '-')}-{len(list(self.directory.glob('*.keytab')))}.keytab"
        self.administer(f"ktadd -k {file} {principal}")
        return file

    def administer(self, query: str) -> None:
        """Do what `kadmin.local` is told."""
        self._run("kadmin.local", "-r", REALM, "-q", query)

    @property
    def granted(self) -> int:
        """How often a principal has shown its key and was given a ticket."""
        lines = (self.directory / "kdc.log").read_text().splitlines()
        return sum("AS_REQ" in line and "ISSUE" in line for line in lines)

    @property
    def _variables(self) -> dict[str, str]:
        return os.environ | {
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(self.directory / "kdc.conf"),
            "KRB5RCACHENAME": "none:",
        }

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [_program(program), *arguments], env=self._variables, capture_output=True, text=True, check=False
        )
        # kadmin.local ends with 0 in any case; what went wrong it tells under its own name.
        wrong = [line for line in done.stderr.splitlines() if " while " in line]
        if done.returncode or wrong:
            raise RuntimeError(f"{program} {arguments}: {done.stderr}")


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        raise RuntimeError(f"MIT Kerberos's {name} is not installed; scripts/setup dev installs it")
    return found


def _libfaketime() -> Path:
    found = [
        *Path("/usr").glob("lib*/faketime/libfaketime.so.1"),
        *Path("/usr/lib").glob("*/faketime/libfaketime.so.1"),
    ]
    if not found:
        raise RuntimeError("libfaketime is not installed; scripts/setup dev installs it")
    return found[0]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def realm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Realm]:
    """A realm whose KDC runs, known to this process as the only one."""
    made = Realm(tmp_path / "realm")
    monkeypatch.setenv("KRB5_CONFIG", str(made.config))
    made.start()
    yield made
    made.stop()
