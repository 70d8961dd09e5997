"""Reading a body as far as somebody looks: what is there, what is no JSON, and what only a lenient reader takes."""

import json

import pytest

from bot.engine.intake import MalformedEvent
from bot.web.json_body import JsonObject, read_json

PAYLOAD = {
    "action": "opened",
    "number": 7,
    "ratio": 1.5,
    "draft": False,
    "milestone": None,
    "labels": [{"name": "a", "of": {"b": [1]}}],
    "repository": {"full_name": "octocat/libfoo", "owner": {"login": "octocat", "ä": "ö"}},
}


def plain(value: object) -> object:
    return {key: plain(part) for key, part in value.items()} if isinstance(value, JsonObject) else value


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_everything_is_there_when_it_is_looked_at(indent: int | None, ascii_only: bool) -> None:
    read = read_json(json.dumps(PAYLOAD, indent=indent, ensure_ascii=ascii_only).encode())
    assert isinstance(read, JsonObject)
    assert plain(read) == PAYLOAD
    assert plain(read) == PAYLOAD  # and again
    assert list(read) == list(PAYLOAD)
    assert len(read) == len(PAYLOAD)


def test_what_is_not_there_is_missing_as_in_any_mapping() -> None:
    read = read_json(b'{"a": {}}')
    assert isinstance(read, JsonObject)
    assert "a" in read
    assert "b" not in read
    assert read.get("b") is None
    with pytest.raises(KeyError):
        read["b"]


@pytest.mark.parametrize("text", ["[]", "[1, {}]", "null", '"opened"', "7", "true"])
def test_json_that_is_no_object_is_what_it_is(text: str) -> None:
    assert read_json(text.encode()) == json.loads(text)


BROKEN = [
    b"",
    b"{",
    b'{"a": 1} x',
    b'{"a": 1,}',
    b"{'a': 1}",
    b'{"a": tru}',
    b'{"a": 01}',
    b'{"a": "\n"}',
    b'{"a": "\\q"}',
    b'{"a": [1, 2}',
    b'{"a": {"b": {"c": }}}',
    b'{"a": "\xff"}',
    b"\xff\xfe",
    b"<html>",
]


@pytest.mark.parametrize("body", BROKEN)
def test_what_is_no_json_is_refused_though_nobody_looks_at_it(body: bytes) -> None:
    for read in (json.loads, read_json):
        with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
            read(body)


@pytest.mark.parametrize("end", [b"", b"]" * 100_000 + b"}"])
def test_what_is_too_deep_is_refused(end: bytes) -> None:
    with pytest.raises(RecursionError):
        read_json(b'{"a": ' + b"[" * 100_000 + end)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "half of a pair: \\ud83d"}',
        b'{"a": {"b": ["\\udc00x"]}}',
        b'{"a": {"b": "\xed\xa0\xbd"}}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": NaN}',
    ],
)
def test_what_a_strict_reader_refuses_and_the_standard_library_takes_is_taken(body: bytes) -> None:
    assert repr(read_json(body)) == repr(json.loads(body))


def test_a_value_that_cannot_be_read_is_named_when_it_is_looked_at() -> None:
    read = read_json(b'{"a": {"number": ' + b"9" * 5000 + b'}, "b": 1}')
    assert isinstance(read, JsonObject)
    assert read["b"] == 1
    with pytest.raises(MalformedEvent, match="number cannot be read"):
        plain(read)


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    assert plain(read_json(b'{"a": 1, "a": {"b": 2}}')) == {"a": {"b": 2}}
