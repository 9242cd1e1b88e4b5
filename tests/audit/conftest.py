"""Fixtures of the tests of audits."""

import pytest

from pxr_tf.audit import seen
from pxr_tf.pictures.lung_source import open_source


@pytest.fixture(scope="session")
def exact_lungs():
    """Take the masks that phantoms come with for data without a run: a search takes 0.1 s a picture."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            seen,
            "open_source",
            lambda atlas, masks, table, cache: open_source(atlas, str(cache.parent / "data/masks"), table, cache),
        )
        yield
