"""What the layouts with a table beside the images share."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from pxr_tf.errors import PxrError, shorten
from pxr_tf.sets.rows import Row


def read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """Return the CSV as text without surrounding space, column names in lower case."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig").fillna("")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = " ".join(str(error).split())
        raise PxrError(
            f"{path} is no readable CSV ({reason}); accepted: comma-separated UTF-8. Save it again."
        ) from error
    table.columns = [str(column).strip().lower() for column in table.columns]
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise PxrError(
            f"{path} has the columns {shorten(table.columns, 10)}; {shorten(missing)} is missing. Needed: "
            f"{', '.join(needed)}, separated by commas. Add what is missing."
        )
    return table.apply(lambda column: column.str.strip())


def require_files(rows: Iterable[Row], path: Path) -> None:
    """Raise `PxrError` where a listed image is not there: a set that shrinks in silence gives other results."""
    missing = [row["path"] for row in rows if not Path(row["path"]).is_file()]
    if missing:
        raise PxrError(
            f"{path} lists {len(missing)} images that do not exist ({shorten(missing, 3)}); every listed image must be "
            "there. Complete the download, or remove their lines."
        )
