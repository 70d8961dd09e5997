"""What git knows of a checkout: its files, and for rpmautospec `%autorelease` and `%autochangelog`.

The two are filled in, in a copy of the spec, as rpmautospec's documentation has it: the release counts the commits
since the version changed, the changelog has one entry a commit. Only the history is read here; nothing of the spec is
run.
"""

import re
import subprocess
from pathlib import Path

_MACRO = (
    "%define autorelease(e:s:pb:n) %{{?-p:0.}}%{{lua:\n"
    "  print(math.tointeger({number} - 1 + tonumber(rpm.expand('%{{?-b*}}%{{!?-b:1}}'))))\n"
    "}}%{{?-e:.%{{-e*}}}}%{{?-s:.%{{-s*}}}}%{{!?-n:%{{?dist}}}}\n"
)
_CALL = re.compile(r"(?im)^(Release[ \t]*:[ \t]*)%(?:\{autorelease([^}\n]*)\}|autorelease([^\n]*))$")
_CHANGELOG = re.compile(r"(?m)^%(?:autochangelog|\{autochangelog\})[ \t]*$")
_ENTRIES = 50


def needs_history(text: str) -> bool:
    """Tell whether rpmautospec would change a spec."""
    return bool(_CALL.search(text) or _CHANGELOG.search(text))


def fill_from_history(text: str, checkout: Path, spec: str) -> str:
    """Return the spec with a release number and a changelog from the commits that touched its directory."""
    directory = str(Path(spec).parent)
    number = _commits_since_version(checkout, spec, directory)
    text = _CALL.sub(lambda found: f"{found[1]}%{{autorelease{found[2] or found[3] or ''}}}", text)
    text = _CHANGELOG.sub(lambda _: _changelog(checkout, directory), text)
    return _MACRO.format(number=number) + text


def files_of(checkout: Path) -> list[Path]:
    """Return the files of a checkout, relative: what git knows or would add, everything where there is no history."""
    listed = _git(checkout, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed:
        found = [Path(name) for name in listed.split("\0") if name]
    else:
        found = [path.relative_to(checkout) for path in checkout.rglob("*")]
    return sorted(path for path in set(found) if (checkout / path).is_symlink() or (checkout / path).is_file())


def _commits_since_version(checkout: Path, spec: str, directory: str) -> int:
    """Count the commits from the one that set the version, which counts as the first."""
    began = _git(checkout, "log", "-1", "--format=%H", "-G^[Vv]ersion[ \t]*:", "--", spec).strip()
    later = _git(checkout, "rev-list", "--count", f"{began}..HEAD" if began else "HEAD", "--", directory).strip()
    return int(later or 0) + (1 if began else 0) or 1


def _changelog(checkout: Path, directory: str) -> str:
    log = _git(
        checkout,
        "log",
        f"-{_ENTRIES}",
        "--date=format:%a %b %d %Y",
        "--format=* %ad %an <%ae>%n- %s%n",
        "--",
        directory,
    )
    return log.replace("%", "%%").strip()


def _git(checkout: Path, *arguments: str) -> str:
    """Ask git, without any configuration but its own defaults; empty where there is no history."""
    answer = subprocess.run(
        ["git", "-C", str(checkout), "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "--no-pager", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"},
    )
    return answer.stdout if answer.returncode == 0 else ""
