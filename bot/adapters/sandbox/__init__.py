"""Local builds: a throw-away root per build, rpmbuild in bubblewrap."""

from bot.adapters.sandbox.builder import SandboxBuilder
from bot.adapters.sandbox.check import check_host
from bot.adapters.sandbox.host_base import HostBase, ensure_host_base
from bot.adapters.sandbox.job import Job
from bot.adapters.sandbox.local import LocalBuild, LocalResult, build_locally
from bot.adapters.sandbox.maker import SandboxSourceMaker
from bot.adapters.sandbox.settings import Limits, SandboxSettings
from bot.adapters.sandbox.spec import SandboxSpecReader
from bot.adapters.sandbox.supervisor import SolverFor, supervise

__all__ = [
    "HostBase",
    "Job",
    "Limits",
    "LocalBuild",
    "LocalResult",
    "SandboxBuilder",
    "SandboxSettings",
    "SandboxSourceMaker",
    "SandboxSpecReader",
    "SolverFor",
    "build_locally",
    "check_host",
    "ensure_host_base",
    "supervise",
]
