"""A pull request as the forge described it last."""

from dataclasses import replace

from tests.fakes.forge import FakeForge


def test_what_is_gone_is_closed_and_will_be_read_in_full() -> None:
    state = FakeForge().open_change()
    assert state.etag
    assert state.gone() == replace(state, open=False, etag="")
