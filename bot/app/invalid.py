"""What is wrong with the operator's settings and files, in the words of this project rather than of pydantic."""

import re
from collections.abc import Callable

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

_WORDS = {
    "bool_parsing": "true or false is expected",
    "float_parsing": "a number is expected",
    "int_parsing": "a whole number is expected",
    "missing": "it is missing",
    "unexpected_keyword_argument": "there is no such key",
}


def matching(pattern: str, words: str) -> Callable[[str], str]:
    """Return a validator of texts, which tells in words what is expected."""
    form = re.compile(pattern)

    def check(text: str) -> str:
        if form.fullmatch(text) is None:
            raise ValueError(f"{text!r} is not {words}")
        return text

    return check


def problems(error: ValidationError, *above: str) -> str:
    """Return everything that is wrong in one line, each with its place, as in `koji.fedora.hub: it is missing`."""
    told = ((".".join([*above, *map(str, problem["loc"])]), said(problem)) for problem in error.errors())
    return "; ".join(f"{where}: {what}" if where else what for where, what in told)


def said(problem: ErrorDetails) -> str:
    """Return what is wrong, without its place."""
    return _WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))


def unreadable(error: OSError | yaml.YAMLError) -> str:
    """Return why a file could not be read, or is no YAML, without its path."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
