"""Ways in which the stand-in could be wrong, by name. A contract that does not catch them proves nothing."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MUTANTS: dict[str, Callable[[], None]] = {}


def plant(name: str) -> None:
    """Make this process wrong."""
    MUTANTS[name]()


def _mutant(function: Callable[[], None]) -> Callable[[], None]:
    MUTANTS[function.__name__] = function
    return function


def _commands() -> Any:
    from tests.fakes.mock import commands

    return commands.Commands


def _buildroot() -> Any:
    from tests.fakes.mock.buildroot import Buildroot

    return Buildroot


def _worker() -> Any:
    from tests.fakes.mock.worker import Worker

    return Worker


@_mutant
def locks_nothing() -> None:
    _buildroot().lock = lambda self, exclusive: None


@_mutant
def ignores_the_extension() -> None:
    former = _buildroot().__init__

    def wrong(self: Any, opts: dict[str, Any]) -> None:
        opts.pop("unique-ext", None)
        former(self, opts)

    _buildroot().__init__ = wrong


@_mutant
def keeps_the_root() -> None:
    _buildroot().separate_results = property(lambda self: False)


@_mutant
def every_failure_is_ten() -> None:
    former = _commands().run

    def wrong(self: Any, arguments: Any) -> int:
        from tests.fakes.mock.errors import MockError

        try:
            return int(former(self, arguments))
        except MockError as error:
            raise MockError(str(error), 10) from error

    _commands().run = wrong


@_mutant
def has_no_time_limit() -> None:
    former = _worker().__init__

    def wrong(self: Any, **facts: Any) -> None:
        former(self, **{**facts, "timeout": 0})

    _worker().__init__ = wrong
    import tests.fakes.mock.worker as worker

    played = worker.Worker.play

    def once(self: Any, rule: Any) -> None:
        if not (rule.until and not Path(rule.until).exists()):
            played(self, rule)

    worker.Worker.play = once  # type: ignore[method-assign]


@_mutant
def addrepo_is_not_read() -> None:
    import tests.fakes.mock.commands as commands

    former = commands.repositories
    commands.repositories = lambda opts, added: former(opts, ())


@_mutant
def excludes_are_not_read() -> None:
    import tests.fakes.mock.commands as commands

    former = commands.repositories
    commands.repositories = lambda opts, added: [
        type(repo)(repo.name, repo.directory, (), repo.priority) for repo in former(opts, added)
    ]


@_mutant
def priorities_are_not_read() -> None:
    import tests.fakes.mock.commands as commands

    former = commands.repositories
    commands.repositories = lambda opts, added: [
        type(repo)(repo.name, repo.directory, repo.excludes) for repo in former(opts, added)
    ]


@_mutant
def scrubbing_leaves_caches() -> None:
    former = _commands()._clean

    def wrong(self: Any, arguments: list[str]) -> int:
        self.options.scrub = ["chroot"]
        return int(former(self, arguments))

    _commands()._clean = wrong


@_mutant
def writes_no_list_of_packages() -> None:
    former = _commands().__init__

    def wrong(self: Any, stage: Any, opts: dict[str, Any], options: Any) -> None:
        opts["plugin_conf"]["package_state_enable"] = False
        former(self, stage, opts, options)

    _commands().__init__ = wrong


@_mutant
def anybody_may() -> None:
    import tests.fakes.mock.main as main

    former = main._main
    main._main = lambda directory, stage, argv: former(directory, {**stage, "member": True, "root": False}, argv)
    sys.modules["__main__"].__dict__["_main"] = main._main


@_mutant
def bad_configurations_do() -> None:
    import tests.fakes.mock.config as config

    former = config._run

    def wrong(opts: dict[str, Any], path: Path, configdir: Path) -> None:
        try:
            former(opts, path, configdir)
        except Exception:
            opts["root"] = "r"

    config._run = wrong


@_mutant
def unknown_plugins_do() -> None:
    import tests.fakes.mock.config as config

    class Everything(list[str]):
        def __contains__(self, name: object) -> bool:
            return True

    config.PLUGINS = Everything(config.PLUGINS)


@_mutant
def templates_are_texts() -> None:
    import tests.fakes.mock.buildroot as buildroot

    buildroot.expanded = lambda opts, key: str(opts[key])
