"""The hub's answers are read as the client's own parser reads them, or are left to it."""

from typing import Any

import pytest
from hypothesis import given, strategies
from koji import Fault
from koji.xmlrpcplus import DateTime, dumps, getparser

from bot.adapters.koji_hub.answers import Unusual, read

TEXTS = strategies.text(strategies.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])) | strategies.just("\n")
PLAIN = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers(min_value=-(2**63), max_value=2**63 - 1)
    | strategies.floats(allow_nan=False)
    | TEXTS
)
VALUES = strategies.recursive(
    PLAIN, lambda inner: strategies.lists(inner, max_size=5) | strategies.dictionaries(TEXTS, inner, max_size=5)
)


def by_the_client(answer: bytes) -> Any:
    parser, unmarshaller = getparser()
    parser.feed(answer)
    parser.close()
    (found,) = unmarshaller.close()
    return found


def as_the_hub_writes(value: object) -> bytes:
    return str(dumps((value,), methodresponse=True)).encode()


@given(VALUES)
def test_results_are_read_as_the_client_reads_them(value: object) -> None:
    answer = as_the_hub_writes(value)

    try:
        found = read(answer)
    except Unusual:
        return
    assert found == by_the_client(answer) == value


def test_what_is_known_of_tasks_is_read() -> None:
    task = {"id": 7, "label": None, "request": ["a&b<c>", "tag", {"scratch": True}], "start_ts": 1.5, "waiting": False}
    value = [[[task, None], []], {"faultCode": 1000, "faultString": "it is\nno task", "long": 2**40, "empty": {}}]

    assert read(as_the_hub_writes(value)) == value


@pytest.mark.parametrize(
    "answer",
    [
        str(dumps(Fault(1, "no"))).encode(),
        as_the_hub_writes(DateTime("20260101T12:00:00")),
        as_the_hub_writes(b"bytes"),
        as_the_hub_writes("x").replace(b"<string>x</string>", b"untyped"),
        as_the_hub_writes("x").replace(b"<string>x</string>", b"<int></int>"),
        as_the_hub_writes("x").replace(b"<string>x</string>", b"<boolean>2</boolean>"),
        as_the_hub_writes("x").replace(b"<string>x", b"<string>&quot;"),
        as_the_hub_writes("x").replace(b"<string>x", b"<string>\r\n"),
        as_the_hub_writes("x").replace(b"<string>x", b"<string><![CDATA[x]]>"),
        as_the_hub_writes("x").replace(b"<string>x", b"<string>&unknown;"),
        as_the_hub_writes("x").replace(b"<string>x", b"<string>\xff"),
        as_the_hub_writes("x").replace(b"</value>", b"</value><value><int>1</int></value>"),
        as_the_hub_writes({"a": 1}).replace(b"<name>a</name>", b"<name></name>"),
        as_the_hub_writes({"a": 1}).replace(b"<name>a</name>", b""),
        as_the_hub_writes([1]).replace(b"<value><int>", b"<member><name>a</name><value><int>"),
        as_the_hub_writes([1]).replace(b"<?xml version='1.0'?>", b"<!DOCTYPE a [<!ENTITY a 'a'>]>"),
        as_the_hub_writes([1])[:-10],
        b"<html>it is down</html>",
        b"",
    ],
)
def test_anything_else_is_left_to_the_client(answer: bytes) -> None:
    with pytest.raises(Unusual):
        read(answer)
