"""What holds for every test: a skip that nobody expects is a failure, so that nothing stops being tested unnoticed; and
no example has to be over in so many milliseconds, which a busy machine may take for anything.

Two things keep the whole suite short. What is there to the end, all modules and tests, is kept from the garbage
collector: looking through it took a second each time that something under test asks for that. And the coverage of
`bot/domain` is measured in those tests alone that are to come by everything there: measuring doubles what a test takes.
"""

from collections.abc import Generator

import pytest
from hypothesis import settings

from bot.app.running import keep_for_good

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

EXPECTED_SKIPS = ("distribution data not here", "this distribution does not package dose")
"""Parts of the reasons for which a test may be skipped."""

MEASURED = ("tests/unit/", "tests/scenario/")
"""Where the tests are that are to come by everything in `bot/domain`."""
AGAIN = {"talk", "whole"}
"""Fixtures of those that tell again what others have told: on every forge, or with a death at every point."""

_unexpected: list[str] = []


def pytest_collection_finish() -> None:
    keep_for_good()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    coverage = getattr(item.config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    if coverage is None or (item.nodeid.startswith(MEASURED) and AGAIN.isdisjoint(getattr(item, "fixturenames", ()))):
        return (yield)
    coverage.pause()
    try:
        return (yield)
    finally:
        coverage.resume()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(expected in reason for expected in EXPECTED_SKIPS):
            _unexpected.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _unexpected and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for skipped in _unexpected:
        terminalreporter.write_line(f"unexpected skip: {skipped}", red=True)
