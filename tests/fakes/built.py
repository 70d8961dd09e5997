"""Real RPM files with nothing inside, built by rpmbuild in well under a second."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

_SPEC = """\
Name: {name}
Version: {version}
Release: 1
Summary: Nothing
License: MIT
{extra}
%global debug_package %{{nil}}
%description
Nothing.
%files
"""


def build_rpms(
    directory: Path, name: str, version: str = "1", *, arch: str = "x86_64", lines: Sequence[str] = ()
) -> None:
    """Put `name`'s SRPM and its binary package into `directory`; `lines` go into the preamble of its spec."""
    top = directory.with_name(f"{directory.name}.rpmbuild")
    top.mkdir(parents=True, exist_ok=True)
    spec = top / f"{name}.spec"
    spec.write_text(_SPEC.format(name=name, version=version, extra="\n".join(lines)))
    defines = (
        f"_topdir {top}",
        f"_rpmdir {directory}",
        f"_srcrpmdir {directory}",
        "_build_name_fmt %{NAME}.%{ARCH}.rpm",
    )
    command = ["rpmbuild", "-ba", "--quiet", "--target", arch, str(spec)]
    for define in defines:
        command[1:1] = ["--define", define]
    subprocess.run(command, check=True, capture_output=True)
