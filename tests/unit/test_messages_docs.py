"""What docs/troubleshooting.md says of messages, in the words of GitHub."""

import re
from pathlib import Path

from bot.domain.parlance import PULL_REQUESTS

TOP = Path(__file__).parents[2]


def test_every_message_that_the_documentation_explains_is_one_that_is_written() -> None:
    code = "\n".join(path.read_text() for path in (TOP / "bot").rglob("*.py"))
    plain = re.sub(r'"\s*\n\s*f?"', "", code)
    plain = re.sub(r"\{[\w.]*\bparlance\.(\w+)\}", lambda found: str(getattr(PULL_REQUESTS, found[1])), plain)
    rows = [line.split("|")[1] for line in (TOP / "docs/troubleshooting.md").read_text().splitlines() if "|" in line]
    messages = [message for row in rows for message in re.findall(r"(?<!`)`([^`]+)`(?!`)", row)]
    pieces = [piece.strip() for message in messages for piece in message.split("…") if len(piece.strip()) > 8]
    assert len(pieces) > 30
    assert [piece for piece in pieces if piece not in plain] == []
