"""mock's errors. Read in mock/py/mockbuild/exception.py."""

ROOT = 20
PACKAGES = 30
SOURCE = 40
LOCKED = 60
RESULTS = 70


class MockError(Exception):
    """Ends mock with a status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class NotModelled(Exception):
    """The stand-in was asked for what it does not do."""
