"""A server that behaves like Forgejo at the wire, for what the bot uses of it.

Where a behaviour is not in the API's description it was read in Forgejo's source (10.0): each module names the files.
"""

from tests.fakes.forgejo.server import ForgejoServer

__all__ = ["ForgejoServer"]
