"""A finished run whose test images come from two sources."""

import numpy as np
import pandas as pd
from written_runs import write_run

from pxr_tf import files
from pxr_tf.runs.finished import open_run


def write_two_sources(folder, right=(0.9, 0.5), images=60, per_patient=1):
    """Write a run whose images come from two sources; `right` is the share of right ones in each."""
    run = write_run(folder / "run", classes=("normal", "pneumonia"), role="test", test_rows="all", published=None)
    labels = np.repeat(["normal", "pneumonia"], images)
    source = np.tile(np.repeat(["a", "b"], images // 2), 2)
    number = np.tile(np.arange(images // 2), 4)
    hit = number < np.where(source == "a", *(share * images / 2 for share in right))
    predicted = np.where(hit, labels, np.where(labels == "normal", "pneumonia", "normal"))
    table = pd.DataFrame({"image_id": [f"i{row:03}" for row in range(2 * images)], "label": labels, "source": source})
    table["patient_id"] = [f"{s}-{kind}-{n // per_patient}" for s, kind, n in zip(source, labels, number, strict=True)]
    table = table.assign(fold="0", role="test", predicted=predicted)
    table = table.assign(p_normal=np.where(predicted == "normal", 0.9, 0.1))
    files.write_csv(run / "predictions.csv", table.assign(p_pneumonia=1 - table.p_normal))
    files.write_csv(run / "splits.csv", table[["image_id", "fold"]].assign(role="test"))
    listed = table[["image_id", "label", "patient_id", "source"]].assign(path="gone.png", official_split="", content="")
    files.write_csv(
        run / "manifest.csv", listed[["image_id", "path", *listed.columns[1:4], "official_split", "content"]]
    )
    return open_run(run)
