"""Commits of dist-gits: what source packages are made from."""

from bot.adapters.dist_git.pins import DistGitPins

__all__ = ["DistGitPins"]
