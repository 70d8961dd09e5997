"""Checks who signed a repomd.xml: gpg decides, with no other keys than those that the repository's owner names."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bot.ports.errors import Misconfigured

_GOOD = "[GNUPG:] GOODSIG "
"""What gpg prints for a signature that is valid, by a key that is neither expired nor revoked."""


class UnsignedError(Exception):
    """There is no good signature; the text says why."""


def check_signature(signed: Path, signature: Path, keys: Path) -> None:
    """Raise UnsignedError unless one of the public keys in the file `keys` made the signature of the file `signed`.

    Raises Misconfigured where gpg is missing, or the file holds no key.
    """
    with tempfile.TemporaryDirectory(prefix="revdeps-gpg-") as home:
        imported = _gpg(home, ["--import", str(keys)])
        if "IMPORT_OK" not in imported.stdout:
            raise Misconfigured(str(keys), "there is no public key in it", "Name the file of the repository's keys.")
        verified = _gpg(home, ["--verify", str(signature), str(signed)])
    lines = verified.stdout.splitlines()
    if verified.returncode or not any(line.startswith(_GOOD) for line in lines):
        said = [line.removeprefix("gpg: ") for line in verified.stderr.splitlines() if line.strip()]
        raise UnsignedError(said[-1] if said else "gpg does not accept it")


def _gpg(home: str, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    options = ["--homedir", home, "--batch", "--no-autostart", "--no-auto-key-retrieve", "--status-fd", "1"]
    try:
        return subprocess.run(
            ["gpg", *options, *arguments], capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except FileNotFoundError:
        raise Misconfigured(
            "gpg", "it is missing on this machine", "Install gnupg (Debian) or gnupg2 (Fedora)."
        ) from None
