"""From an event's name and payload to intents: the one door into this package. Each kind of event has a module."""

from handlers.forgejo import issue_comment, pull_request, push, repository
from handlers.payload import Heard
from handlers.routed import RoutedTranslator

_ROUTERS = {
    "issue_comment": issue_comment.router,
    "pull_request": pull_request.router,
    "push": push.router,
    "repository": repository.router,
}


class ForgejoTranslator(RoutedTranslator):
    """Turns Forgejo's events into intents. `forge` is the forge's name in the settings, `user` our account's login."""

    def __init__(self, forge: str, user: str) -> None:
        super().__init__(_ROUTERS, lambda: Heard(forge=forge, own_name=user))
