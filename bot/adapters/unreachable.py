"""Why a server cannot be reached: what requests says, without the layers of urllib3 around it."""

import re

_CONNECTION = re.compile(r"\w+\(host=[^)]*\): ")


def why_unreachable(error: Exception) -> str:
    """Return the innermost reason in one line, such as `Failed to resolve 'example.org' (…)`."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    said = cause.args[-1] if isinstance(cause, Exception) and cause.args else error
    return _CONNECTION.sub("", str(said)) or type(error).__name__
