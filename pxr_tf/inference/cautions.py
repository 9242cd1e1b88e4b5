"""What an audit found about the class that a picture is predicted as, for each picture."""

import pandas as pd

from pxr_tf.runs.finished import FinishedRun


def add_cautions(table: pd.DataFrame, run: FinishedRun, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return predicted rows with ``caution``, a sentence, or ""; without the column if no class has a critical finding.

    The caution is the first critical finding about the predicted class, or about all classes, such as a leak.
    """
    critical = [finding for finding in run.findings if finding.grade == "critical"]
    said = {name: next((one.text for one in critical if one.is_about(name, classes)), "") for name in classes}
    return table.assign(caution=table.predicted.map(said).fillna("")) if any(said.values()) else table
