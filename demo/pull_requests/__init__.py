"""The demo's two pull requests: their files, and what must come out of them."""

from demo.pull_requests.changes import STORY, changed_files

__all__ = ["STORY", "changed_files"]
