import pytest

from latentopt.heads import rows_of
from tests.heads.sentences import LENGTHS, TEXTS
from tests.toy import toy_space


@pytest.fixture(scope="session")
def space():
    return toy_space()


@pytest.fixture(scope="session")
def lengths(space):
    """Rows of the sentences with their lengths."""
    return rows_of(space, TEXTS, LENGTHS)
