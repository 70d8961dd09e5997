"""Reads the hub's answers, the larger part of what a poll cost: the client's parser enters Python at each of the four
tags that a field has, and for what stands between them.

Here expat sees to it that an answer is well-formed, and one pattern takes the fields out of it. What is not as Koji
writes results (koji/xmlrpcplus.py, 1.35, over Python's xmlrpc.client) is refused: the client's own parser knows more.
"""

import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import unescape

_HEAD = b"<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n"
_TAIL = b"</param>\n</params>\n</methodResponse>\n"
_OTHERWISE = (b"\r", b"&#", b"&quot;", b"&apos;")
"""A parser would read these as something else than what stands there."""
_TOKENS = re.compile(
    r"(?:<member>\s*<name>([^<]+)</name>\s*)?<value><"
    r"(?:(string|int|i8|double|boolean)>([^<]*)</\2></value>(?:\s*</member>)?"
    r"|(nil/></value>|struct>|array><data>)(?:\s*</member>)?)"
    r"|</(struct|data></array)></value>(?:\s*</member>)?"
    r"|(<)"
)
"""A field's name; a plain value; the beginning of what holds others, or nothing; its end; any other tag."""
_PLAIN: dict[str, Callable[[str], Any]] = {
    "string": lambda text: unescape(text) if "&" in text else text,
    "int": int,
    "i8": int,
    "double": float,
    "boolean": {"0": False, "1": True}.__getitem__,
}
_BEGUN: dict[str, Callable[[], Any]] = {"struct>": dict, "array><data>": list, "nil/></value>": lambda: None}


class Unusual(Exception):
    """It is no result, or not as the hub writes one."""


def read(answer: bytes) -> Any:
    """Return what a call came to; raise Unusual for what the client's parser has to look at."""
    if not (answer.startswith(_HEAD) and answer.endswith(_TAIL)) or any(each in answer for each in _OTHERWISE):
        raise Unusual
    try:
        expat.ParserCreate().Parse(answer, True)
        (found,) = _values(answer[len(_HEAD) : -len(_TAIL)].decode())
    except (expat.ExpatError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unusual from error
    return found


def _values(text: str) -> list[Any]:
    inside: Any = []
    """What the values that come belong to: a list or a dictionary."""
    around: list[Any] = []
    for name, kind, plain, begun, ended, other in _TOKENS.findall(text):
        if other:
            raise Unusual
        if ended:
            inside = around.pop()
            continue
        value = _PLAIN[kind](plain) if kind else _BEGUN[begun]()
        if name:
            inside[unescape(name)] = value
        else:
            inside.append(value)
        if value is not None and begun:
            around.append(inside)
            inside = value
    return inside  # type: ignore[no-any-return]  # all are closed: expat has seen to it
