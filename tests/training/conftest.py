import pytest

from genoaudit.training.guarded import single_threaded


@pytest.fixture(autouse=True)
def _as_in_a_worker():
    """Bits are promised to workers, which compute with one thread each."""
    with single_threaded():
        yield
