"""What the forms of Copr let pass: names, addresses, numbers. Read in frontend/coprs_frontend/coprs/forms.py."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import filter as matching
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.copr.model import CoprError, bad

MAX_TIMEOUT = 108_000
"""frontend/coprs_frontend/coprs/config.py, MAX_BUILD_TIMEOUT."""
DEFAULT_TIMEOUT = 18_000
SCRIPT_LENGTH = 4096
_NAME = re.compile(r"^[\w.-]+$")
_PACKAGE = re.compile(r"^[-+_.a-zA-Z0-9]+$")
_FALSE = {False, "False", "false", "off", "0", ""}

PROJECT = {
    "name",
    "chroots",
    "description",
    "instructions",
    "homepage",
    "contact",
    "repos",
    "unlisted_on_hp",
    "enable_net",
    "persistent",
    "auto_prune",
    "bootstrap",
    "bootstrap_image",
    "isolation",
    "follow_fedora_branching",
    "disable_createrepo",
    "delete_after_days",
    "multilib",
    "module_hotfixes",
    "fedora_review",
    "appstream",
    "runtime_dependencies",
    "packit_forge_projects_allowed",
    "repo_priority",
    "storage",
}
BUILD = {
    "ownername",
    "projectname",
    "project_dirname",
    "chroots",
    "exclude_chroots",
    "background",
    "timeout",
    "enable_net",
    "bootstrap",
    "isolation",
    "after_build_id",
    "with_build_id",
    "packit_forge_project",
}
SOURCES = {
    "url": {"pkgs"},
    "upload": {"pkgs"},
    "scm": {"clone_url", "committish", "subdirectory", "spec", "scm_type", "srpm_build_method"},
    "distgit": {"distgit", "namespace", "package_name", "committish"},
    "custom": {"script", "chroot", "builddeps", "resultdir", "repos"},
}


def truth(value: Any) -> bool:
    """FALSE_VALUES of forms.py."""
    return value is not None and value not in _FALSE


def project_name(name: str) -> list[str]:
    """What is wrong with a project's name."""
    if not name:
        return ["name: This field is required."]
    wrong = []
    if not _NAME.match(name):
        wrong.append("name: Name must contain only letters, digits, underscores, dashes and dots.")
    if name.isdigit():
        wrong.append("name: Project's name can not be just number.")
    return wrong


def repositories(value: str) -> list[str]:
    """UrlRepoListValidator: what is wrong with external repositories (that a Copr exists is asked elsewhere)."""
    for url in value.split():
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https", "copr") and parts.netloc
        if not sound or (parts.scheme == "copr" and not parts.path.strip("/")):
            return [
                "repos: A list of http[s] URLs separated by whitespace characters is needed "
                f"('{url}' doesn't seem to be a valid URL)."
            ]
    return []


def number(value: Any, least: int, most: int | None = None) -> int | None:
    """An optional number within bounds; raises ValueError with what a form says."""
    if value in (None, ""):
        return None
    try:
        found = int(value)
    except (TypeError, ValueError):
        raise ValueError("Not a valid integer value.") from None
    if found < least or (most is not None and found > most):
        between = f"at least {least}" if most is None else f"between {least} and {most}"
        raise ValueError(f"Number must be {between}.")
    return found


def chroots_of(data: Mapping[str, Any], active: list[str]) -> list[str]:
    """ChrootPatternsField and selected_chroots: names and patterns of the project's chroots, less the excluded."""
    for key in ("chroots", "exclude_chroots"):
        for value in data.get(key) or []:
            if value not in active and not matching(active, value):
                raise parameters({key: [f"'{value}' is not a valid choice for this field."]})
    chosen = _expand(data.get("chroots") or [], active)
    if excluded := data.get("exclude_chroots"):
        chosen = (chosen or set(active)) - _expand(excluded, active)
    return sorted(chosen)


def _expand(patterns: Iterable[str], active: list[str]) -> set[str]:
    return {name for pattern in patterns for name in ([pattern] if pattern in active else matching(active, pattern))}


def parameters(errors: Mapping[str, list[str]]) -> CoprError:
    """apiv3_builds.py, process_creating_new_build."""
    return bad(f"Bad request parameters: {dict(errors)}")


def source_of(kind: str, data: Mapping[str, Any], mock_chroots: list[str]) -> dict[str, Any]:
    """Check the part of a build's form that says where its source comes from."""
    wrong = {key: [told] for key, told in _wrong(kind, data, mock_chroots)}
    if wrong:
        raise parameters(wrong)
    if kind == "upload":
        return {"url": data["url"], "pkg": data["filename"]}
    if kind == "scm":
        return {
            "type": data.get("scm_type") or "git",
            "srpm_build_method": data.get("srpm_build_method") or "rpkg",
            **{key: str(data.get(key) or "") for key in ("clone_url", "committish", "subdirectory", "spec")},
        }
    return {key: data[key] for key in SOURCES[kind] if data.get(key) is not None}


def _wrong(kind: str, data: Mapping[str, Any], mock_chroots: list[str]) -> Iterable[tuple[str, str]]:
    if kind == "scm":
        if not _web(data.get("clone_url")):
            yield "clone_url", "Invalid URL."
        if data.get("spec") and not str(data["spec"]).endswith(".spec"):
            yield "spec", "RPM spec file must end with .spec"
        if data.get("srpm_build_method", "rpkg") not in ("rpkg", "tito", "tito_test", "make_srpm"):
            yield "srpm_build_method", "Not a valid choice."
        if data.get("scm_type", "git") not in ("git", "svn"):
            yield "scm_type", "Not a valid choice."
    elif kind == "distgit":
        if not _PACKAGE.match(str(data.get("package_name") or "")):
            yield "package_name", "Please enter a valid package name in ^[-+_.a-zA-Z0-9]+$"
    elif kind == "custom":
        script = str(data.get("script") or "")
        if not script.strip():
            yield "script", "This field is required."
        if len(script) > SCRIPT_LENGTH:
            yield "script", "Maximum script size is 4kB"
        chroot = data.get("chroot") or "fedora-latest-x86_64"
        latest = [f"fedora-latest-{name.rpartition('-')[2]}" for name in mock_chroots if name.startswith("fedora-")]
        if chroot not in (*mock_chroots, *latest):
            yield "chroot", "Not a valid choice."
    elif kind == "url":
        for url in str(data.get("pkgs") or "").split():
            if not _web(url) or not urlsplit(url).path.endswith((".src.rpm", ".nosrc.rpm", ".spec")):
                yield (
                    "pkgs",
                    f"URLs must end with .src.rpm, .nosrc.rpm, or .spec ('{url}' doesn't seem to be a valid URL).",
                )
        if not data.get("pkgs"):
            yield "pkgs", "This field is required."
    elif not str(data.get("filename") or "").endswith((".src.rpm", ".nosrc.rpm", ".spec")):
        yield "pkgs", "You can upload only .src.rpm, .spec and .nosrc.rpm files"


def _web(url: Any) -> bool:
    parts = urlsplit(str(url or ""))
    return parts.scheme in ("http", "https", "git") and bool(parts.netloc)
