"""Plant one small fault after another in the code that guards the science, and print those that no test detects.

    make mutants                       every module of `MODULES`
    make mutants MODULE=data.splits    one of them

mutmut plants the faults and runs the tests that reach each function. It works in ``mutants/<module>``, which is
recreated each time and may be deleted. docs/mutations.md has the last results and says why some faults may survive.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
# Lines that make a message: its words are for people, and tests check only its facts.
MESSAGES = ("\\braise\\b", "PxrError\\(", "^ *(remedy|asked) ?=", '^ *return "(Use|Early) ')
READ_BY_TESTS = ("configs", "docs", "scripts")
SURROUNDINGS = {**os.environ, "OPENCV_FOR_THREADS_NUM": "1"}  # a process that is forked waits for lost threads forever
KILLED = (1, 3, -11)  # exit codes: a test failed, pytest failed, the process crashed


class Module(NamedTuple):
    """What is mutated in a module, and which tests may detect it."""

    tests: str
    functions: str = "*"  # patterns of the functions' names
    leaves_state: bool = False  # tests leave something in the process: TensorFlow, or results in a cache
    without: str = ""  # words in the names of tests that are left out, because they take seconds


FINDING = "noise even_part threads"  # tests that find lungs in many pictures
MODULES = {
    "data.splits": Module("tests/data/test_splits.py"),
    "data.schemes": Module("tests/data/test_schemes.py tests/data/test_splits.py"),
    "data.choose": Module("tests/data/test_choose.py"),
    "data.samples": Module("tests/data/test_samples.py"),
    "data.patients": Module("tests/data/test_patients.py tests/data/test_manifest.py"),
    "evaluation.metrics": Module("tests/evaluation/test_metrics.py", "*[37]"),
    "explain.cam": Module("tests/explain/test_cam.py", "*[1379]", leaves_state=True),
    "explain.film": Module("tests/explain/test_film.py"),
    "explain.gradients": Module("tests/explain/test_gradients.py", "*[37]", leaves_state=True),
    "explain.guided": Module("tests/explain/test_guided.py", "*[37]", leaves_state=True),
    "explain.maps": Module("tests/explain/test_maps.py tests/explain/test_in_lungs.py", leaves_state=True),
    "explain.perturbation": Module("tests/explain/test_perturbation.py", "*[1379]"),
    "explain.randomise": Module("tests/explain/test_randomise.py", "*[37]", leaves_state=True),
    "explain.ranks": Module("tests/explain/test_ranks.py"),
    "explain.verdicts": Module("tests/explain/test_verdicts.py"),
    "lungs.align": Module("tests/lungs/test_lung_align.py", "*[37]"),
    "lungs.atlas": Module("tests/lungs/test_stored_atlas.py", "*[37]"),
    "lungs.confidence": Module("tests/lungs/test_lung_parts.py tests/lungs/test_lung_box.py", "*[37]", without=FINDING),
    "lungs.contrast": Module("tests/lungs/test_lung_parts.py tests/lungs/test_lung_box.py", "*[37]", without=FINDING),
    "lungs.distort": Module("tests/lungs/test_distort.py", "*[37]"),
    "lungs.find": Module("tests/lungs/test_lung_answers.py tests/lungs/test_lung_parts.py", "*[37]"),
    "lungs.fuse": Module("tests/lungs/test_lung_answers.py tests/lungs/test_lung_parts.py", "*[37]"),
    "evaluation.bootstrap": Module("tests/evaluation/test_bootstrap.py"),
    "evaluation.calibration": Module("tests/evaluation/test_calibration.py", "*[37]"),
    "evaluation.comparisons": Module("tests/evaluation/test_comparisons.py", "*[37]"),
    "evaluation.conformal": Module("tests/evaluation/test_conformal.py"),
    "evaluation.decisions": Module("tests/evaluation/test_decisions.py"),
    "evaluation.differences": Module("tests/evaluation/test_differences.py"),
    "evaluation.intervals": Module(
        "tests/evaluation/test_intervals.py tests/evaluation/test_interval_ends.py", "*[37]"
    ),
    "evaluation.roc": Module("tests/evaluation/test_roc.py", "*[1379]"),
    "evaluation.weighted": Module("tests/evaluation/test_metrics.py tests/evaluation/test_intervals.py"),
    "evaluation.published.check": Module(
        "tests/evaluation/test_check_published.py tests/evaluation/test_check_notes.py", "*[37]", leaves_state=True
    ),
    "evaluation.published.consistency": Module("tests/evaluation/test_published_consistency.py"),
    "evaluation.published.feasibility": Module("tests/evaluation/test_feasibility.py", "*[37]", leaves_state=True),
    "evaluation.published.footnotes": Module(
        "tests/evaluation/test_published_footnotes.py tests/evaluation/test_published_consistency.py", "*[37]"
    ),
    "evaluation.published.models": Module(
        "tests/evaluation/test_published_models.py tests/evaluation/test_feasibility.py", "*[37]", leaves_state=True
    ),
    "evaluation.published.search": Module(
        "tests/evaluation/test_published_search.py tests/evaluation/test_feasibility.py", "*[37]", leaves_state=True
    ),
    "evaluation.published.papers": Module(
        "tests/evaluation/test_published.py tests/evaluation/test_published_footnotes.py"
    ),
    "runs.crop": Module("tests/runs/test_crop.py tests/experiments/test_lungs_in_runs.py", without="a_run_and missing"),
    "runs.directory": Module(
        "tests/runs/test_directory.py tests/runs/test_finished.py",
        without="stopped each_image read_once was_changed package",
    ),
    "runs.environment": Module("tests/runs/test_environment.py", "*[37]", without="records would_mix device"),
    "runs.finished": Module(
        "tests/runs/test_finished.py tests/runs/test_directory.py",
        without="stopped each_image read_once changed package",
    ),
    "runs.info": Module("tests/runs/test_directory.py"),
    "studies.estimate": Module("tests/studies/test_estimate.py", "*[37]"),
    "studies.paper_runs": Module("tests/studies/test_paper_runs.py"),
    "studies.paper_tables": Module("tests/studies/test_paper_tables.py"),
    "studies.ranking": Module("tests/report/test_tuning_table.py", "*[37]"),
    "studies.run_all": Module("tests/studies/test_run_all_steps.py"),
    "studies.tuning": Module("tests/studies/test_tuning.py"),
    "pictures.store": Module("tests/pictures/test_store.py", "x_pictures_key__*"),
    "training.features": Module(
        "tests/training/test_features.py", "x_features_folder__* x_sample_names__*", leaves_state=True
    ),
    # A fifth of the mutants (numbers that end in 3 or 7), because a mutant that trains takes seconds.
    "training.phases": Module("tests/training/test_phases.py", "*[37]", leaves_state=True),
}


def prepare(name: str, folder: Path) -> None:
    """Make a folder in which mutmut sees this module, its tests, and nothing else to mutate."""
    module, file = MODULES[name], f"pxr_tf/{name.replace('.', '/')}.py"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for needed in ("pxr_tf", "tests", *READ_BY_TESTS, "pyproject.toml"):
        (folder / needed).symlink_to(ROOT / needed)
    lists = {
        "source_paths": ["pxr_tf"],
        "only_mutate": [file],
        "also_copy": READ_BY_TESTS,
        "do_not_mutate_patterns": MESSAGES,
        "pytest_add_cli_args": [
            *("--hypothesis-profile=mutants", "-p", "no:cacheprovider"),
            *(["-k", f"not ({' or '.join(module.without.split())})"] if module.without else []),
        ],
        "pytest_add_cli_args_test_selection": module.tests.split(),
    }
    values = {
        # A process that ran TensorFlow cannot be forked, and one that ran the tests has cached what the mutants would
        # compute: mutants are forked from a process that has only imported.
        "process_isolation": "forkserver" if module.leaves_state else "fork",
        "timeout_multiplier": 5,
        "timeout_constant": 10,  # seconds; a fault does not count as found because a machine is busy
        "use_git_change_detection": False,
    }
    lines = [f"{key} =\n    " + "\n    ".join(entries) + "\n    " for key, entries in lists.items()]
    lines += [f"{key} = {value}" for key, value in values.items()]
    (folder / "setup.cfg").write_text("[mutmut]\n" + "\n".join(lines) + "\n")


def run(name: str) -> None:
    """Try the mutants of a module; print its row of the table, then each mutant that survives."""
    folder, mutmut = ROOT / "mutants" / name, Path(sys.executable).with_name("mutmut")
    prepare(name, folder)
    patterns = [f"pxr_tf.{name}.{functions}" for functions in MODULES[name].functions.split()]
    run_it = [mutmut, "run", "--max-children", "1", *patterns]
    subprocess.run(run_it, cwd=folder, check=True, stdout=sys.stderr, env=SURROUNDINGS)
    report(name, folder, mutmut)


def report(name: str, folder: Path, mutmut: Path) -> None:
    """Print a module's row of the table in docs/mutations.md, then the change of each mutant that survives."""
    (meta,) = (folder / "mutants").rglob("*.meta")
    codes = {key: code for key, code in json.loads(meta.read_text())["exit_code_by_key"].items() if code is not None}
    alive = [key for key, code in codes.items() if code not in KILLED]
    killed = len(codes) - len(alive)
    print(f"| {name} | {len(codes)} | {killed} | {killed / max(1, len(codes)):.1%} |", flush=True)
    for key in alive:
        print(f"exit code {codes[key]}:", flush=True)
        subprocess.run([mutmut, "show", key], cwd=folder, check=True)


def main(names: list[str]) -> None:
    """Run the named modules, or all of them."""
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        sys.exit(f"Unknown module {unknown[0]!r}. Known: {', '.join(MODULES)}.")
    for name in names or MODULES:
        run(name)


if __name__ == "__main__":
    main(sys.argv[1:])
