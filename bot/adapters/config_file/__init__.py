"""`.revdeps.yaml`: from bytes to `bot.domain.config.Config`, or to problems with file, line and column."""

from bot.adapters.config_file.load import load, load_targets
from bot.adapters.config_file.reading import Offer

__all__ = ["Offer", "load", "load_targets"]
