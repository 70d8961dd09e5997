"""Configurations of a service that has a hub, some Coprs and a target of its own, and what is wrong with them."""

from pathlib import Path

from bot.adapters.config_file import Offer, load
from bot.domain.config import (
    Config,
)
from bot.domain.target import DistGitInstance, KojiHub, Repository, Target

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config-schema/examples").glob("*.yaml"))
MINIMAL = "version: 1\ntargets:\n  - repositories: [https://example.org/repo]\n"
RAWHIDE = Target(
    name="rawhide",
    arch="s390x",
    backend="koji",
    repositories=(Repository(url="https://internal.example.org/rawhide"),),
    buildroot=("bash",),
)
OFFER = Offer(
    presets={"rawhide": RAWHIDE},
    backends=("koji", "sandbox", "copr"),
    koji_hubs={"fedora": KojiHub(hub="https://koji.example.org/kojihub", topurl="https://files.example.org/")},
    coprs={"fedora": "https://copr.example.org/results", "other": "https://other.example.org/results/"},
    dist_gits={"copr": {"fedora": DistGitInstance(url="https://src.example.org/rpms/{name}")}},
    arch="aarch64",
)


def config(text, specs=("libfoo.spec",), offer=OFFER):
    loaded = load(text.encode(), ".revdeps.yaml", specs, offer)
    assert isinstance(loaded, Config), "\n".join(map(str, loaded))
    return loaded


def problems(content, specs=("libfoo.spec",), offer=OFFER):
    """Return `line:column message` of each problem."""
    loaded = load(content if isinstance(content, bytes) else content.encode(), ".revdeps.yaml", specs, offer)
    assert isinstance(loaded, tuple)
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in loaded]


def with_lines(*lines):
    return MINIMAL + "\n".join(lines) + "\n"
