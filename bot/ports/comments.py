"""Reading what people write. Markdown is an adapter's business; commands are the domain's."""

from collections.abc import Sequence
from typing import Protocol


class CommentReader(Protocol):
    """Turns a comment into the lines that its writer says himself."""

    def __call__(self, body: str) -> Sequence[str]:
        """Return the plain lines of a comment, without quotes, code and HTML comments."""
        ...
