"""From an event's name and payload to intents: the one door into this package. Each kind of event has a module."""

from handlers.github import (
    check_run,
    check_suite,
    installation,
    installation_repositories,
    issue_comment,
    merge_group,
    pull_request,
    push,
)
from handlers.payload import Heard
from handlers.routed import RoutedTranslator

_ROUTERS = {
    "check_run": check_run.router,
    "check_suite": check_suite.router,
    "installation": installation.router,
    "installation_repositories": installation_repositories.router,
    "issue_comment": issue_comment.router,
    "merge_group": merge_group.router,
    "pull_request": pull_request.router,
    "push": push.router,
}


class GitHubTranslator(RoutedTranslator):
    """Turns GitHub's events into intents. `forge` is the forge's name in the settings, `app_id` our App's."""

    def __init__(self, forge: str, app_id: int) -> None:
        super().__init__(_ROUTERS, lambda: Heard(forge=forge, own_id=app_id))
