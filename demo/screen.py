"""What the demo shows in the terminal: headings, live progress, and texts as the forge would show them."""

import html
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text


def as_markdown(text: str) -> str:
    """Return a comment without the HTML that a terminal has no use for: markers, folds, line breaks, code tags."""
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = re.sub(r"<details><summary>(.*?)</summary>", r"**▾ \1**\n", text)
    text = re.sub(r"</?code>", "`", text.replace("</details>", "").replace("<br>", " "))
    return html.unescape(text).strip()


@dataclass(slots=True)
class Screen:
    """A terminal, or a log file: there every step is a line of its own."""

    console: Console = field(default_factory=lambda: Console(highlight=False))
    begun: float = field(default_factory=time.monotonic)

    def heading(self, text: str) -> None:
        """Begin a chapter."""
        self.console.print()
        self.console.rule(Text(text, style="bold"), align="left")

    def step(self, text: str) -> None:
        """Tell what happens, with the time since the beginning."""
        self.console.print(Text(f"{time.monotonic() - self.begun:6.1f} s  {text}"), soft_wrap=True)

    def panel(self, title: str, text: str) -> None:
        """Show a Markdown text in a frame, much as the forge's page would; folded sections are shown unfolded."""
        self.console.print(Panel(Markdown(as_markdown(text)), title=Text(title), title_align="left"))

    @contextmanager
    def progress(self) -> Iterator[Callable[[str], None]]:
        """Show one line that changes; where the output is no terminal, a line for every change."""
        last = ""
        if self.console.is_terminal:
            with self.console.status("") as status:
                yield lambda text: status.update(Text(text))
            return

        def tell(text: str) -> None:
            nonlocal last
            if text != last:
                last = text
                self.step(text)

        yield tell
