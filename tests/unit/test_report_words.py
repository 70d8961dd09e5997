"""What verdicts, outcomes, steps and durations are called."""

from datetime import timedelta

import pytest

from bot.domain.build import BuildState, Cancelled, Failed, FailureReason, Outcome, Phase, Succeeded
from bot.domain.parlance import PULL_REQUESTS
from bot.domain.plan import Selection
from bot.domain.report.words import (
    PHASES,
    REASONS,
    SELECTIONS,
    SIGNS,
    WORDS,
    duration,
    ended_words,
    outcome_sign,
    outcome_words,
    step_words,
    stop_words,
    word,
)
from bot.domain.run import Conclusion, StopReason
from bot.domain.verdict import Verdict
from tests.fakes.reports import MIRROR_DOWN


def test_words_cover_all_values() -> None:
    assert set(WORDS) == set(Verdict)
    assert set(SELECTIONS) == set(Selection)
    assert set(SIGNS) == set(Conclusion)
    assert all(stop_words(reason, PULL_REQUESTS) for reason in StopReason)
    assert set(REASONS) == set(FailureReason)
    assert set(PHASES) == set(Phase)
    assert word(None, finished=True).label == "not finished"


def test_outcomes_have_signs_and_words() -> None:
    assert [outcome_sign(each) for each in (None, Cancelled(), MIRROR_DOWN)] == ["⏳", "🚫", "⚠️"]
    assert outcome_words(Cancelled(), BuildState.DONE) == "cancelled"
    assert outcome_words(None, BuildState.RUNNING) == "running"
    assert outcome_words(None, BuildState.QUEUED) == "queued"


@pytest.mark.parametrize(
    ("outcome", "told", "step"),
    [
        (Succeeded(), "passed", ""),
        (Failed(reason=FailureReason.COMPILE), "build failed", ""),
        (Failed(reason=FailureReason.COMPILE, phase=Phase.BUILD), "build failed", "in %build"),
        (Failed(reason=FailureReason.COMPILE, phase=Phase.PREP), "build failed in %prep", "in %prep"),
        (Failed(reason=FailureReason.CHECK, phase=Phase.CHECK), "%check failed", "in %check"),
        (Failed(reason=FailureReason.TIMEOUT, phase=Phase.CHECK), "timed out in %check", "in %check"),
        (Failed(reason=FailureReason.MEMORY, phase=Phase.BUILD), "out of memory in %build", "in %build"),
    ],
)
def test_the_step_in_which_a_build_failed_is_told_where_it_says_more(outcome: Outcome, told: str, step: str) -> None:
    assert ended_words(outcome, BuildState.DONE) == told
    assert step_words([Failed(reason=FailureReason.SRPM), outcome, None]) == step


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (None, ""),
        (timedelta(seconds=38.4), "38 s"),
        (timedelta(minutes=41), "41 min"),
        (timedelta(hours=2, minutes=5), "2 h 05 min"),
        (timedelta(seconds=-3), "0 s"),
    ],
)
def test_durations(length: timedelta | None, expected: str) -> None:
    assert duration(length) == expected
