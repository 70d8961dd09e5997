"""Which ways of making an SRPM there are on this machine."""

from bot.adapters.jobs.failing import refused
from bot.domain.build import TreeSource
from bot.domain.config import NEED_A_COPR


def check_method(source: TreeSource) -> None:
    """Raise `BuildFailed` where only a Copr can make it: the configuration of a change that came along is not ours."""
    if source.package.method in NEED_A_COPR:
        raise refused(f"`source: {source.package.method.value}` needs a Copr: nothing here makes such source packages")
