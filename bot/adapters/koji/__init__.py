"""Builds in a Koji hub: side tags, draft builds of the change, scratch builds of what needs it."""

from bot.adapters.koji.builder import KojiBuilder
from bot.adapters.koji.settings import Certificate, Keytab, KojiSettings, SourceOrigin

__all__ = ["Certificate", "Keytab", "KojiBuilder", "KojiSettings", "SourceOrigin"]
