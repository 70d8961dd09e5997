"""What holds for every test: a skip that nobody expects is a failure, so that nothing stops being tested unnoticed; and
no example has to be over in so many milliseconds, which a busy machine may take for anything.
"""

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

EXPECTED_SKIPS = ("distribution data not here", "this distribution does not package dose")
"""Parts of the reasons for which a test may be skipped."""

_unexpected: list[str] = []


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
