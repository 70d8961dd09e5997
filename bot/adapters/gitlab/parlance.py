"""GitLab's words. Its roles stand for what docs/gitlab.md says that they count as."""

from bot.domain.parlance import Parlance
from bot.domain.permission import Permission

MERGE_REQUESTS = Parlance(
    change="merge request",
    abbreviation="MR",
    repository="project",
    sigil="!",
    example="GROUP/PROJECT!N",
    permissions={
        Permission.NONE: "no role",
        Permission.READ: "no role above Guest",  # or Planner, or none where everybody may read
        Permission.TRIAGE: "the Reporter role",
        Permission.WRITE: "the Developer role",
        Permission.MAINTAIN: "the Maintainer role",
        Permission.ADMIN: "the Owner role",
    },
)
