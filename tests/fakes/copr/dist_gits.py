"""The dist-gits that a Copr knows, each by a name.

Read in frontend/coprs_frontend/coprs/models.py (DistGitInstance, insert_fedora_distgit), logic/dist_git_logic.py and
forms.py (DistGitSelectField, PackageFormDistGitSimple).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.copr.forms import parameters


@dataclass(frozen=True)
class DistGit:
    """`path` has `{pkgname}` in it, and `{namespace}` where it has any; None: whoever builds has to give one."""

    name: str
    clone_url: str
    path: str
    default_namespace: str | None = None
    priority: int = 100

    def repository(self, package: str, namespace: str | None) -> str:
        """models.py, package_clone_url: raises KeyError where a namespace is missing."""
        values = {"pkgname": package}
        namespace = namespace or self.default_namespace
        if namespace is not None:
            values["namespace"] = namespace
        try:
            path = self.path.format(**values)
        except KeyError as error:
            raise KeyError(f"DistGit '{self.name}' requires {error} specified") from None
        return f"{self.clone_url}/{os.path.normpath(path).strip('/')}"


FEDORA = DistGit("fedora", "https://src.fedoraproject.org", "{namespace}/rpms/{pkgname}", "")
"""What every Copr has from the beginning."""


class DistGits:
    """Those of one Copr; the first by priority, then by name, is meant where none is named."""

    def __init__(self) -> None:
        self.known: list[DistGit] = [FEDORA]

    def source(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What is kept of a build from a dist-git (builds_logic.py, create_new_from_distgit)."""
        ordered = sorted(self.known, key=lambda each: (-each.priority, each.name))
        name = data.get("distgit") or ordered[0].name
        namespace = os.path.normpath(str(data["namespace"])) if data.get("namespace") else None
        chosen = next((each for each in ordered if each.name == name), None)
        if chosen is None:
            choices = f"DistGit ID must be one of: {', '.join(each.name for each in ordered)}"
            raise parameters({"distgit": ["Not a valid choice.", choices]})
        try:
            url = chosen.repository(str(data["package_name"]), namespace)
        except KeyError as error:
            raise parameters({"distgit": [f"Can not validate DistGit input: {error}"]}) from None
        kept = {"clone_url": url, "distgit": name, "namespace": namespace, "committish": data.get("committish")}
        return {key: value for key, value in kept.items() if value}
