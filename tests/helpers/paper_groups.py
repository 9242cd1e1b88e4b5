"""Groups of a paper's runs with known metrics, for the tests of its tables: no files, no training."""

from types import SimpleNamespace

import pandas as pd

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.evaluation.metrics import summarise_seeds
from pxr_tf.runs.info import RunInfo
from pxr_tf.studies.paper_runs import Group

LEAK, SOURCE = RunWarning("leak", text="3 patients leak."), RunWarning("shortcut", text="The source tells.")
INFO = RunInfo("a paper", "cnn", "plain", ("normal", "ill"), "all", None)


def make_group(
    variant: str, setting: str = "", warnings: dict | None = None, seeds: int = 2, tests: str = "ab", fold: str = "0"
):
    """Return a group whose runs test these images (the first is balanced), with warnings by seed."""
    own = {seed: (warnings or {}).get(seed, ()) for seed in range(seeds)}
    splits = pd.DataFrame(
        {"image_id": list(tests), "fold": fold, "role": ["test_balanced"] + ["test"] * (len(tests) - 1)}
    )
    runs = {
        seed: SimpleNamespace(splits=splits, place=f"{variant}-{setting}-{seed}", environments={}, warnings=own[seed])
        for seed in own
    }
    info = INFO._replace(variant=variant, warnings=tuple(one for some in own.values() for one in some))
    tables = {seed: metrics_table(0.5 + seed / 10) for seed in own}
    return Group(variant, setting, "cnn", info, runs, own, tables, summarise_seeds(tables), 1.0, None)


def metrics_table(accuracy: float) -> pd.DataFrame:
    """Return a metrics table of the classes normal and ill in which everything but the accuracy is the same."""
    row = {"fold": "mean", "class": "all", "metric": "accuracy", "value": accuracy}
    others = {"balanced_accuracy": 0.3, "auc": 0.1}, {"accuracy": 0.2, "precision": 0.4, "sensitivity": 0.6}
    overall, ill = ([{"metric": metric, "value": value} for metric, value in some.items()] for some in others)
    more = [*overall, *(one | {"class": "ill"} for one in [*ill, {"metric": "specificity", "value": 0.7}])]
    return pd.DataFrame([row, *(row | one for one in more), row | {"fold": "0", "value": 0.0}])
