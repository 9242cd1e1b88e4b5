"""The Parquet file of features: what is read back, by which readers, and that edits are detected."""

import json

import numpy as np
import pandas as pd
import pyarrow
import pytest
from messages import any_of, matching, refused
from pyarrow import parquet

from pxr_tf.data import feature_table
from pxr_tf.data.feature_table import TEXTS, read_feature_table, write_feature_table
from pxr_tf.errors import PxrError

ABOUT = {"run": "a/b/official/seed-0", "models": {"official": "12ab"}, "origin": "synthetic"}
ROWS = pd.DataFrame({name: [f"{name} {number}" for number in range(5)] for name in TEXTS})
FEATURES = np.random.default_rng(0).random((5, 3), np.float32)


def read(part: pd.DataFrame) -> np.ndarray:
    return FEATURES[part.index]


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Return a file of three row groups."""
    monkeypatch.setattr(feature_table, "ROWS_PER_GROUP", 2)
    write_feature_table(tmp_path / "features.parquet", ROWS, read, ABOUT)
    return tmp_path / "features.parquet"


def test_rows_features_and_metadata_are_read_back(file):
    table = read_feature_table(file)
    pd.testing.assert_frame_equal(table.rows, ROWS, check_dtype=False)
    np.testing.assert_array_equal(table.features, FEATURES)
    assert (table.features.dtype, table.about) == (np.float32, ABOUT)


def test_the_same_table_gives_the_same_bytes_and_is_written_in_parts(file, tmp_path):
    write_feature_table(tmp_path / "again.parquet", ROWS, read, ABOUT)
    assert (tmp_path / "again.parquet").read_bytes() == file.read_bytes()
    assert parquet.ParquetFile(file).num_row_groups == 3


def test_other_libraries_can_read_it(file):
    table = pd.read_parquet(file)
    assert list(table.columns) == [*TEXTS, "features"]
    np.testing.assert_array_equal(np.stack(table.features), FEATURES)
    schema = parquet.read_schema(file)
    assert str(schema.field("features").type) == "list<element: float not null>"
    assert json.loads(schema.metadata[b"pxr"])["run"] == ABOUT["run"]


def test_row_groups_of_another_size_make_no_difference(file, tmp_path):
    """Other tools may do this to a file without changing its content."""
    table = parquet.read_table(file)
    parquet.write_table(table, tmp_path / "one.parquet")
    np.testing.assert_array_equal(read_feature_table(tmp_path / "one.parquet").features, FEATURES)


def change(column: int, value):
    """Return a function that changes the first value of a column."""

    def edit(table: pyarrow.Table) -> pyarrow.Table:
        field, values = table.schema.field(column), table.column(column).to_pylist()
        return table.set_column(column, field, pyarrow.array([value(values[0]), *values[1:]], field.type))

    return edit


def say(**words):
    """Return a function that changes some keys of the metadata."""

    def edit(table: pyarrow.Table) -> pyarrow.Table:
        about = json.loads(table.schema.metadata[b"pxr"]) | words
        return table.replace_schema_metadata({"pxr": json.dumps(about)})

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        *(change(number, lambda text: text + "!") for number in range(len(TEXTS))),
        change(6, lambda values: [np.nextafter(np.float32(values[0]), np.float32(1)), *values[1:]]),
        change(6, lambda values: values[:-1]),
        lambda table: table.slice(1),
        lambda table: table.take([1, 0, 2, 3, 4]),
        lambda table: table.drop_columns(["role"]),
        lambda table: table.slice(0, 0),
        lambda table: table.replace_schema_metadata(None),
        lambda table: table.replace_schema_metadata({"pxr": "[]"}),
        say(origin="real"),
        say(models={}),
        say(digest="0" * 32),
    ],
)
def test_an_edited_file_is_refused_in_one_line(file, edit):
    parquet.write_table(edit(parquet.read_table(file)), file)
    with refused("features.parquet", any_of("changed", "edited", "damaged"), any_of("delete")):
        read_feature_table(file)


@pytest.mark.parametrize("length", [0, 3, 400, -1, -30])
def test_a_damaged_file_is_refused_in_one_line(file, length):
    file.write_bytes(file.read_bytes()[:length])
    with refused("pxr features", any_of("changed", "edited"), any_of("damaged")):
        read_feature_table(file)


@pytest.mark.parametrize("place", range(20, 2000, 97))
def test_any_flipped_bit_of_the_data_is_found(file, place):
    content = bytearray(file.read_bytes())
    content[place % (len(content) // 2)] ^= 16  # the second half is the footer, which has bytes that nobody reads
    file.write_bytes(content)
    try:
        table = read_feature_table(file)
    except PxrError:
        return
    np.testing.assert_array_equal(table.features, FEATURES)  # the byte was in a page's statistics and has no effect


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "nowhere.parquet", tmp_path):
        with refused(str(path), matching("(cannot|not) be read|unreadable")):
            read_feature_table(path)
