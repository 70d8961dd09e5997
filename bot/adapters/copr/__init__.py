"""Builds in a Copr: a project per run, a directory of it per build."""

from bot.adapters.copr.builder import CoprBuilder
from bot.adapters.copr.settings import DIST_GITS, CoprSettings

__all__ = ["DIST_GITS", "CoprBuilder", "CoprSettings"]
