"""Bad input gets one line and leaves no files, in every command."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from messages import (
    ACCEPTED,
    EITHER,
    MAPPING,
    MISSING,
    TEXT,
    TWICE,
    UNKNOWN,
    WHOLE_NUMBER,
    any_of,
    assert_says,
    assert_tells,
    at_least,
    matching,
    nearest,
)
from tiny import TWO_LAYERS

from pxr_tf import cli
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.training.learners import LEARNERS

CV = [
    ("--data nowhere", ["DATA", "nowhere", MISSING, ACCEPTED]),
    ("--data empty", ["empty", "folder", ACCEPTED]),
    ("--data ,", [any_of("no data set", "no data", "data")]),
    ("--data strange", [any_of("no image", "no images"), "1 .csv file", any_of("layouts"), "csv"]),
    ("--data ~nosuchuser/x", ["~nosuchuser/x", MISSING]),
    ("--data tiny.yaml", ["file"]),
    ("--model xcepton", ["'xcepton'", "resnet50", nearest("'xception'")]),
    ("--strategy 4", [UNKNOWN, "variant", "'strategy4'", "strategy1", "strategy2", "strategy3"]),
    ("--variant strateg2", [UNKNOWN, "variant", "'strateg2'", nearest("'strategy2'")]),
    ("--strategy 2 --variant strategy2", ["--strategy", "2", "--variant", "strategy2", EITHER]),
    ("--weights nowhere.h5", ["'nowhere.h5'", MISSING, "imagenet", "none"]),
    ("--config nowhere", ["'nowhere'", "bozickovic2021", "phantom"]),
    ("--config badkey.yaml", ["badkey.yaml", "epoch", ACCEPTED]),
    ("--config empty.yaml", ["empty.yaml"]),
    ("--config broken.yaml", ["broken.yaml", "line 1", "YAML"]),
    ("--epochs 0", ["--epochs", "'0'", ACCEPTED]),
    ("--epochs many", ["--epochs", "'many'", ACCEPTED]),
    ("--epochs 1,2,3", ["--epochs", "'1,2,3'", "2"]),
    ("--epochs ,", ["--epochs", "','"]),
    ("--set training.batch_size", ["--set", "key=value"]),
    ("--set training.batchsize=3", ["training.batchsize", "batch_size"]),
    ("--set training.batch_size=-1", ["training.batch_size", "-1"]),
    ("--set training.batch_size=[1", ["--set"]),
    ("--set seed.x=1", ["seed"]),
    ("--set phases.7.max_epochs=1", ["7"]),
    ("--set augmentation.copies=fancy", ["fancy", "none"]),
    ("--set published=bozickovic", ["published", "'bozickovic'", nearest("'bozickovic2021'")]),
    ("--set published=elsewhere", ["published", "'elsewhere'", "null", "bozickovic2021", "chen2021"]),
    ("--set show=[filter]", ["show.0", "'filter'", "'filters'", "'coefficients'", "'feature_maps'"]),
    ("--set image.size=16", ["image.size", "16"]),
    ("--model xception --set image.size=70", ["xception", "71 pixels"]),
    ("--set model.kind=transfr", [UNKNOWN, "learner", "'transfr'", nearest("'transfer'")]),
    ("--set model.kind=transfr --set training.batch_size=-1 --model xcepton", [UNKNOWN, "learner", "'transfr'"]),
    ("--set model.kind=3", ["model.kind", "3", TEXT]),
    ("--set splits.scheme=random", ["--set", "splits.scheme='random'", "splits.scheme='folds'", EITHER]),
    ("--set splits={}", ["--set", "splits={}", "splits.scheme='folds'", EITHER]),
    ("--set splits.options.repeats=3", ["splits.options", "'repeats'", "folds", "holdout_fraction"]),
    ("--set splits.options.unit=image", ["'unit'", any_of("schemes", "share")]),
    ("--config shallow.yaml", ["shallow.yaml", "variants", "5", MAPPING]),
    ("--config list.yaml", ["list.yaml", "variant", "['a']", any_of("name")]),
    ("--classes normal,../../evil=bacterial+viral", ["letters", "digits"]),
    ("--set tag=../../x", ["tag", "'../../x'"]),
    ("--classes normal,x.lock", ["classes.1", "'x.lock'", ".lock"]),
    (f"--classes {','.join(f'class{n:03d}' for n in range(25))}", ["tag", "224", any_of("shorter")]),
    ("--model|", ["model.backbone", "''", TEXT, "empty"]),
    ("--weights|", ["model.weights", "''", TEXT, "empty"]),
    ("--classes normal,all=bacterial+viral", ["classes", "'all'", any_of("tables", "table")]),
    ("--seeds 0,1 --set seed=5", ["--set", "seed=5", "seed=0", EITHER]),
    ("--folds 3 --set splits.folds=2", ["--set", "splits.folds=2", "splits.folds=3"]),
    ('--folds 3 --set splits={"folds":2}', ["--set", "splits={'folds': 2}", EITHER]),
    (
        "--model|two_layers|--set|model={backbone: xception, weights: none}",
        ["model.backbone='two_layers'"],
    ),
    ("--classes normal,viral --set classes=[normal,covid19]", ["classes='normal,viral'"]),
    ("--test-rows some", ["splits.test_rows", "some", "balanced"]),
    ("--folds 1", ["--folds", "1", "2 to 1000"]),
    ("--strategy 0", ["--strategy", "0", at_least(1)]),
    ("--seed -1", ["--seed", "-1", "0 to 4294967295"]),
    ("--seeds 0,x", ["--seeds", "'0,x'", WHOLE_NUMBER]),
    ("--seeds ,", ["--seeds", "','", WHOLE_NUMBER]),
    ("--seed 1 --seeds 0,1", ["--seed", "1", "--seeds", "0,1", EITHER]),
    ("--nested", ["nested"]),
    ("--classes normal", ["classes", at_least(2)]),
    ("--classes normal,=viral", ["--classes", "name=label+label"]),
    ("--classes a=bacterial+viral,b=viral", ["--classes", "viral", TWICE, any_of("one class", "once")]),
    ("--classes viral,a=bacterial+viral", ["--classes", "viral", TWICE]),
    ("--classes normal,viral,normal", ["--classes", "normal", TWICE]),
    ("--classes normal,pneumonia=bacteria+viral", ["'bacteria'", any_of("found"), nearest("'bacterial'")]),
    (
        "--classes covid19,viral=normal",
        ["viral", any_of("merged", "merge"), any_of("another name", "other name", "rename")],
    ),
    ("--classes normal,viral,flu", ["flu", any_of("found")]),
    ("--classes normal,viral,covid19 --set model.head.output=sigmoid", ["sigmoid", any_of("two", "2"), "3"]),
    ("--set|training.class_weights={norml: 2}", ["'norml'", nearest("'normal'")]),
    (
        "--set|training.class_weights={normal: 2}",
        ["bacterial, covid19, viral", any_of("per class", "each class", "every class")],
    ),
]


@pytest.mark.parametrize(("words", "expected"), CV, ids=[words for words, _ in CV])
def test_cv_refuses_in_one_line(refuse, data, recipe, words, expected):
    Path("empty").mkdir()
    Path("strange").mkdir()
    Path("strange/table.csv").write_text("a,b\n1,2\n")
    Path("empty.yaml").touch()
    Path("broken.yaml").write_text("a: [1")
    Path("shallow.yaml").write_text("variants: 5")
    Path("list.yaml").write_text("variant: [a]\nvariants: {b: {}}")
    Path("badkey.yaml").write_text(recipe.read_text() + "\nepoch: 3\n")
    given = ["--config", recipe, "--data", data]
    words = words.split("|") if "|" in words else words.split()
    for word in words:
        if word in given:
            place = given.index(word)
            del given[place : place + 2]
    said = refuse("cv", *given, *words)
    assert_tells(said, *expected)
    assert not Path("runs").exists()


def test_too_few_patients_for_the_folds_are_refused(refuse, data, recipe):
    said = refuse("cv", "--config", recipe, "--data", data, "--folds", 5)
    assert_tells(said, "covid19", "4 patients", "5 folds")
    assert "--folds 4" in said


def test_a_class_without_images_is_refused(refuse, phantoms, recipe):
    said = refuse("cv", "--config", recipe, "--data", phantoms[0])
    assert_tells(said, any_of("no image", "no images"), "covid19")
    assert_tells(said, any_of("found"))


@pytest.mark.parametrize("command", [["cv"], ["train"], ["grid", "--models", "two_layers"]])
def test_a_backbone_whose_library_is_not_installed_is_refused(refuse, data, recipe, monkeypatch, command):
    monkeypatch.setitem(BACKBONES, "two_layers", TWO_LAYERS._replace(library="no_such_library"))
    said = refuse(*command, "--config", recipe, "--data", data)
    assert_tells(said, "two_layers", "no_such_library", any_of("installed", "install"))
    assert_tells(said, "make setup HUB=1")
    assert not Path("runs").exists()  # no picture was decoded


def test_weights_of_another_architecture_are_refused(refuse, data, recipe, tmp_path):
    (tmp_path / "other.weights.h5").write_bytes(b"other")
    said = refuse("cv", "--config", recipe, "--data", data, "--weights", "other.weights.h5")
    assert_tells(said, "WEIGHTS", "other.weights.h5", any_of("fit", "match"))


@pytest.mark.filterwarnings("ignore:.input_shape. is undefined or non-square:UserWarning")
def test_imagenet_weights_without_a_network_are_refused(refuse, data, recipe, offline):
    said = refuse("cv", "--config", recipe, "--data", data, "--weights", "imagenet", "--model", "mobilenet_025")
    assert_tells(said, "ImageNet", "weights", "MobileNet")
    assert_tells(said, "URL fetch failure")
    assert "--weights path" in said


@pytest.mark.parametrize(
    ("make", "reason"), [(Path.touch, "empty file"), (os.mkfifo, "not a regular file")], ids=["empty", "pipe"]
)
def test_unreadable_and_missing_images_are_named(refuse, phantoms, recipe, tmp_path, make, reason):
    folders = [shutil.copytree(folder, tmp_path / folder.name) for folder in phantoms]
    broken = max(folders[0].rglob("*virus*.jpeg"))
    broken.unlink()
    make(broken)
    missing = max(folders[1].rglob("*.jpeg"))
    missing.unlink()
    said = refuse("cv", "--config", recipe, "--data", ",".join(map(str, folders)))
    assert_tells(said, f"{broken} ({reason})", f"{missing} (No such file or directory)")
    assert "--skip-unreadable" in said


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errno.ENOSPC, any_of("disk is full", "no space")),
        (errno.EACCES, matching("(cannot|not) (write|be written)")),
        (errno.EROFS, "--runs"),
    ],
)
def test_a_full_or_read_only_disk_is_reported(refuse, data, recipe, monkeypatch, error, expected):
    def fail(*values, **options):
        raise OSError(error, os.strerror(error), "runs/cache")

    monkeypatch.setattr("pxr_tf.pictures.gather.open_pictures", fail)
    assert_says(refuse("cv", "--config", recipe, "--data", data), expected)


def test_other_faults_keep_their_traceback(pxr, data, recipe, monkeypatch):
    monkeypatch.setattr("pxr_tf.pictures.gather.open_pictures", lambda *values, **options: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["pxr", "cv", "--config", str(recipe), "--data", data, "--runs", "runs"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_the_installed_command_reports_bad_input_in_one_line(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "pxr_tf.cli", "cv", "--data", "nowhere", "--runs", str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("pxr: ")
    assert_says(ended.stderr, "DATA", "nowhere")
    assert not (tmp_path / "runs").exists()


CHEN, NOVOKSHANOV = "--config chen2021 ", "--config novokshanov2022 "
OWN_NETWORKS = [
    (CHEN + "--variant smal_cnn", [UNKNOWN, "variant", "'smal_cnn'", nearest("'small_cnn'")]),
    (CHEN + "--variant logistic_regression --model xception", ["--model", "'xception'", "'linear'", "backbone"]),
    (CHEN + "--weights imagenet", ["--weights", "'imagenet'", "'scratch'", "model.kind", "weights"]),
    (CHEN + "--model xcepton", [UNKNOWN, "backbone", "'xcepton'", nearest("'xception'")]),
    (
        CHEN + "--model xception --set model.kind=scratch",
        ["--model", "'xception'", "backbone", any_of("leave", "remove")],
    ),
    (CHEN + "--model xception --set model.channels=[1,2]", [UNKNOWN, "'model.channels'", "backbone", "weights"]),
    (CHEN + "--set model.network=smal_cnn", [UNKNOWN, "network", "'smal_cnn'", nearest("'small_cnn'")]),
    (CHEN + "--set model.channels=[4]", ["model.channels", "1 number", "small_cnn", "2"]),
    (CHEN + "--set model.dropout=[0.1]", ["model.dropout", "small_cnn"]),
    (CHEN + "--set model.kernel_sizes=[31,31] --set image.size=61", ["kernel_sizes", "[31, 31]", "1", at_least(62)]),
    (CHEN + "--variant logistic_regression --epochs 3", ["--epochs", "'3'", "'linear'", "epoch"]),
    (CHEN + "--set training.class_weights.norml=2", ["'norml'", nearest("'normal'")]),
    (
        NOVOKSHANOV + "--classes bacterial,covid19,normal,viral",
        ["sigmoid", any_of("two", "2"), "4", "--classes normal", "ill=bacterial+viral"],
    ),
    (
        NOVOKSHANOV + "--set merge={}",
        [any_of("no image", "no images"), "pneumonia", "--classes normal,pneumonia=bacterial+covid19+viral"],
    ),
]


@pytest.mark.parametrize(("words", "expected"), OWN_NETWORKS, ids=[words for words, _ in OWN_NETWORKS])
def test_faults_of_recipes_with_a_papers_own_network_are_refused(refuse, data, words, expected):
    said = refuse("cv", "--data", data, *words.split())
    assert_tells(said, *expected)
    assert not list(Path().glob("runs/*/*/*/seed-0"))


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--model", "xception", ["--model", "'xception'", "'other'", "model.kind", "backbone"]),
        ("--weights", "none", ["--weights", "'none'", "'other'", "model.kind", matching("no weights")]),
        ("--epochs", "1", ["--epochs", "'1'", "'other'", matching("no epochs")]),
    ],
)
@pytest.mark.parametrize("command", ["cv", "train"])
def test_options_without_use_are_refused(refuse, monkeypatch, data, recipe, command, option, value, expected):
    monkeypatch.setitem(LEARNERS, "other", "nowhere.at.all")
    words = ["--config", recipe, "--data", data, "--set", "model.kind=other", option, value]
    assert_says(refuse(command, *words), *expected)
    assert not Path("runs").exists()
