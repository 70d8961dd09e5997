"""Forgejo's words: GitHub's, but for a permission that it does not have. What takes triage there takes writing here."""

from dataclasses import replace

from bot.domain.parlance import PULL_REQUESTS
from bot.domain.permission import Permission

WITHOUT_TRIAGE = replace(
    PULL_REQUESTS,
    permissions={**PULL_REQUESTS.permissions, Permission.TRIAGE: PULL_REQUESTS.right(Permission.WRITE)},
)
