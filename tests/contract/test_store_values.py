"""Whatever value is stored is read back as it was: the codec, by examples that hypothesis makes up."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.sql import tables
from bot.adapters.sql.codec import Document, decode, decode_intent, encode, encode_intent
from bot.domain.build import Build, Failed
from bot.domain.intents import ButtonPressed, Commented, Intent, Refresh, RepositoryTouched, RerunRequested
from bot.domain.plan import PlanEntry
from bot.domain.publication import Published
from bot.domain.run import Change, Run, RunTarget
from bot.domain.verdict import Finding, Waiver
from bot.ports.store import AuditRecord
from tests.fakes.stored import build

TEXT = st.text(st.characters(), max_size=20)  # surrogates and NUL included: logs hold them


def stored(document: Document) -> str:
    """What a column gives back of it."""
    return json.dumps(document)


INTENTS = (Refresh, Commented, RerunRequested, ButtonPressed, RepositoryTouched)


@pytest.fixture(scope="module", autouse=True)
def strategies() -> Iterator[None]:
    """What our values hold: text of any kind, aware times, durations that a build may take."""
    # hypothesis's own would make naive times and durations of millions of years.
    st.register_type_strategy(str, TEXT)
    st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
    st.register_type_strategy(timedelta, st.timedeltas(timedelta(0), timedelta(days=400)))
    yield
    for kind, standard in ((str, st.text()), (datetime, st.datetimes()), (timedelta, st.timedeltas())):
        st.register_type_strategy(kind, standard)


@pytest.mark.parametrize("kind", [Change, Run, RunTarget, PlanEntry, Finding, Failed, Published, Waiver, AuditRecord])
@given(data=st.data())
@settings(max_examples=30)
def test_a_value_is_read_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    assert decode(kind, stored(encode(value))) == value


@given(data=st.data())
@settings(max_examples=60)
def test_a_build_is_read_back_as_it_was(data: st.DataObject) -> None:
    value = data.draw(st.from_type(Build))
    assert decode(Build, stored(encode(value, frozenset({"outcome"}))), outcome=value.outcome) == value


@pytest.mark.parametrize("kind", INTENTS)
@given(data=st.data())
@settings(max_examples=30)
def test_an_intent_is_read_back_as_what_it_was(kind: type[Intent], data: st.DataObject) -> None:
    intent = data.draw(st.from_type(kind))
    name, document = encode_intent(intent)
    found = decode_intent(name, stored(document))
    assert found == intent
    assert type(found) is kind


def test_a_row_of_an_earlier_version_gets_the_defaults_of_fields_that_are_new() -> None:
    document = encode(build(), frozenset({"outcome", "buildroot", "priority"}))
    assert decode(Build, stored(document)) == build()


def test_every_kind_of_intent_may_be_stored() -> None:
    (allowed,) = [check for check in tables.intent.constraints if check.name == "ck_intent_kind"]
    assert all(f"'{kind.__name__}'" in str(getattr(allowed, "sqltext", "")) for kind in INTENTS)
    assert set(INTENTS) == set(Intent.__args__)
