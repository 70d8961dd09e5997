"""What several integration tests build on."""

import pytest

from tests.fakes.distribution import Distribution, make


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """The library, its dependents, and a repository of them, to be read only: building it takes a while."""
    return make(tmp_path_factory.mktemp("distribution"))
