"""By what two failures are told apart: the phase and the line that says why, without what differs from build to build.

Both ways of being wrong cost something. Too coarse, and a new fault passes for one that is known; too fine, and one
fault looks like another each time it is seen. So what is certain to vary is taken out, and nothing else; and a line
that says only that a test expected something else is told with the test's name.
"""

import re
from collections.abc import Callable, Sequence

from bot.domain.build import Phase
from bot.domain.failure_rules import clean

_SCRATCH = re.compile(r"/(?:tmp|var/tmp|dev/shm|proc/\d+)(?:/|$)")
"""Where names are made up anew in each build; elsewhere it is the directories alone that differ."""


def _without_directory(found: re.Match[str]) -> str:
    path = found.group()
    return "<path>" if _SCRATCH.match(path) or path.count("/") == 1 else f"<path>/{path.rpartition('/')[2]}"


_SUBSTITUTIONS: Sequence[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = (
    (re.compile(r"^E\s+"), ""),
    (re.compile(r"^\s*\d+/\d+ "), ""),  # the order in which tests that run side by side came to their ends
    (re.compile(r"^(?:\[ERROR\] )?[^\s:]+:(?:\d+(?::\d+)?|\[\d+,\d+\]|\(\.[^)\s]*\)):? (?=\S)"), "<place>: "),
    (re.compile(r"^[^\s:()]+\(\d+(?:,\d+)?\): (?=\S)"), "<place>: "),
    (re.compile(r" \(@INC[^)]*\)"), ""),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} [A-Z][a-z]{2})\b"), "<date>"),
    (re.compile(r"\b\d[\d,]*(?:\.\d+)? ?(?:s|ms|secs?|seconds?|minutes?)\b"), "<time>"),
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<hash>"),
    (re.compile(r"\b[0-9a-f]{12,}\b"), "<hash>"),
    (re.compile(r"\btmp(?=[a-z_]*\d)[a-z0-9_]{8}\b"), "<name>"),
    (re.compile(r"(?<=[\w\]]):\d{2,5}(?=/)"), ":<port>"),
    (re.compile(r"(?<![\w.<>])/(?:[\w.+@%~-]+/)*[\w.+@%~-]+"), _without_directory),
    (re.compile(r"(<path>(?:/[\w.+@%~-]+)?): \d+:"), r"\1: <line>:"),
    (re.compile(r"(?<=[\w>]):\d+(?::\d+)?(?=:|$|\s|\)|\])"), ":<line>"),
    (re.compile(r"\bline \d+"), "line <line>"),
    (re.compile(r"(?<=: line <line>:)\s*\d+ (?=\S)"), " <number> "),  # the process that a shell says was killed
    (re.compile(r"==\d+=="), "==<number>=="),
    (re.compile(r"^(thread '.+') \(\d+\) "), r"\1 "),
    (re.compile(r"\b(pid|PID|port|seed|Seed|SEED) ?[=:]? ?\d+"), r"\1 <number>"),
    (re.compile(r"\bgw\d+\b"), "gw<number>"),
    (re.compile(r"\s+"), " "),
)


def normalise(line: str) -> str:
    """Return the line as it is for one fault in two builds, or in two packages.

    That is without directories, line numbers, addresses, hashes, times, processes and made-up names.
    """
    text = clean(line)
    for pattern, replacement in _SUBSTITUTIONS:
        text = pattern.sub(replacement, text)
    return text.strip()


def signature_of(phase: Phase | None, cause: str, test: str = "") -> str:
    """Return the text that two failures share exactly when they are taken to be one fault.

    `test` is the test that failed, where the cause does not tell.
    """
    where = f" in {normalise(test)}" if test else ""
    return f"{phase.value if phase else 'unknown'}: {normalise(cause)}{where}"
