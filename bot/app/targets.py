"""The operator's targets: a YAML file in which each stands under its name, described as in `.revdeps.yaml`."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.adapters.config_file import Offer, load_targets
from bot.app.backends import short_names
from bot.app.build_systems import BuildSystems
from bot.domain.hosts import ANY_HOST
from bot.domain.target import Target
from bot.ports.errors import Misconfigured

VARIABLE = "REVDEPS_TARGETS_FILE"


def offer(systems: BuildSystems, backends: Sequence[str], allowed_hosts: tuple[str, ...]) -> Offer:
    """Return what targets may refer to, beside the operator's own."""
    return Offer(
        backends=tuple(backends),
        short_backends=short_names(backends),
        koji_hubs=systems.koji,
        coprs=systems.copr_results,
        dist_gits=systems.dist_gits,
        arch=platform.machine(),
        allowed_hosts=allowed_hosts,
    )


def operator_targets(path: Path | None, systems: BuildSystems, backends: Sequence[str]) -> Mapping[str, Target]:
    """Read the file; raise Misconfigured with everything that is wrong with it.

    Whether a host is allowed is not asked here: that is said where its repositories are read.
    """
    if path is None:
        return {}
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"{path}: {error.strerror}"
        raise Misconfigured(VARIABLE, what, "Name a file that the service's user can read.") from None
    found = load_targets(content, str(path), replace(offer(systems, backends, ANY_HOST), presets={}))
    if isinstance(found, tuple):
        raise Misconfigured(VARIABLE, "; ".join(map(str, found)), "docs/operating.md shows an example.")
    return found
