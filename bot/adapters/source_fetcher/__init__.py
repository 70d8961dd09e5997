"""Sources of the change, fetched before the build, which has no network."""

from bot.adapters.source_fetcher.fetcher import FetchLimits, HttpSourceFetcher
from bot.adapters.source_fetcher.session import open_session

__all__ = ["FetchLimits", "HttpSourceFetcher", "open_session"]
