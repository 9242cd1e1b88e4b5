"""Bad input gets one line and leaves nothing behind, whatever the command."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import TWO_LAYERS

from pxr_tf import cli
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.training.learners import LEARNERS

CV = [
    ("--data nowhere", ["DATA", "nowhere does not exist", "accepted"]),
    ("--data empty", ["empty folder", "accepted"]),
    ("--data ,", ["No data set was given"]),
    ("--data strange", ["holds no image", "1 .csv file", "Known layouts: csv"]),
    ("--data ~nosuchuser/x", ["~nosuchuser/x does not exist"]),
    ("--data tiny.yaml", ["is a file; accepted"]),
    ("--model xcepton", ["'xcepton'", "Known: resnet50", "Did you mean 'xception'"]),
    ("--strategy 4", ["unknown variant 'strategy4'", "Known: strategy1, strategy2, strategy3"]),
    ("--variant strateg2", ["unknown variant 'strateg2'", "Did you mean 'strategy2'?"]),
    ("--strategy 2 --variant strategy2", ["Received --strategy 2 and --variant strategy2", "one of the two"]),
    ("--weights nowhere.h5", ["'nowhere.h5' does not exist", "accepted: imagenet, none"]),
    ("--config nowhere", ["'nowhere'", "bozickovic2021", "phantom"]),
    ("--config badkey.yaml", ["badkey.yaml", "epoch", "Known here"]),
    ("--config empty.yaml", ["empty.yaml"]),
    ("--config broken.yaml", ["broken.yaml, line 1: not valid YAML"]),
    ("--epochs 0", ["--epochs received '0'", "accepted"]),
    ("--epochs many", ["--epochs received 'many'", "accepted"]),
    ("--epochs 1,2,3", ["--epochs received '1,2,3'", "2 of them"]),
    ("--epochs ,", ["--epochs received ','"]),
    ("--set training.batch_size", ["--set received", "key=value"]),
    ("--set training.batchsize=3", ["training.batchsize", "batch_size"]),
    ("--set training.batch_size=-1", ["training.batch_size", "-1"]),
    ("--set training.batch_size=[1", ["--set received"]),
    ("--set seed.x=1", ["seed"]),
    ("--set phases.7.max_epochs=1", ["7"]),
    ("--set augmentation.copies=fancy", ["fancy", "Known: none"]),
    ("--set published=bozickovic", ["published received 'bozickovic'", "Did you mean 'bozickovic2021'?"]),
    ("--set published=elsewhere", ["published received 'elsewhere'", "null", "bozickovic2021, chen2021"]),
    ("--set show=[filter]", ["show.0 received 'filter'", "accepted: 'filters', 'coefficients' or 'feature_maps'"]),
    ("--set image.size=16", ["image.size", "16"]),
    ("--model xception --set image.size=70", ["xception", "71 pixels or more"]),
    ("--set model.kind=transfr", ["Unknown learner 'transfr'", "Did you mean 'transfer'?"]),
    ("--set model.kind=transfr --set training.batch_size=-1 --model xcepton", ["Unknown learner 'transfr'"]),
    ("--set model.kind=3", ["model.kind received 3", "accepted: text"]),
    ("--set splits.scheme=random", ["--set splits.scheme='random'", "gives splits.scheme='folds'", "Leave one"]),
    ("--set splits={}", ["--set splits={}", "gives splits.scheme='folds'", "Leave one"]),
    ("--set splits.options.repeats=3", ["splits.options names 'repeats'", "folds, holdout_fraction"]),
    ("--set splits.options.unit=image", ["options names 'unit'", "which all schemes share"]),
    ("--config shallow.yaml", ["shallow.yaml: variants received 5", "accepted: a mapping"]),
    ("--config list.yaml", ["list.yaml: variant received ['a']", "the name of a variant"]),
    ("--classes normal,../../evil=bacterial+viral", ["received '", "letters, digits"]),
    ("--set tag=../../x", ["tag received '../../x'"]),
    ("--classes normal,x.lock", ["classes.1 received 'x.lock'; accepted: a name that does not end in .lock"]),
    (f"--classes {','.join(f'class{n:03d}' for n in range(25))}", ["tag received", "this one has 224. Give a shorter"]),
    ("--model|", ["model.backbone received ''; accepted: text that is not empty"]),
    ("--weights|", ["model.weights received ''; accepted: text that is not empty"]),
    ("--classes normal,all=bacterial+viral", ["classes received 'all'", "a word of the tables"]),
    ("--seeds 0,1 --set seed=5", ["Received --set seed=5", "gives seed=0", "Leave one of them out"]),
    ("--folds 3 --set splits.folds=2", ["Received --set splits.folds=2", "gives splits.folds=3"]),
    ('--folds 3 --set splits={"folds":2}', ["Received --set splits={'folds': 2}", "Leave one of them out"]),
    (
        "--model|two_layers|--set|model={backbone: xception, weights: none}",
        ["gives model.backbone='two_layers'"],
    ),
    ("--classes normal,viral --set classes=[normal,covid19]", ["gives classes='normal,viral'"]),
    ("--test-rows some", ["splits.test_rows", "some", "balanced"]),
    ("--folds 1", ["splits.folds", "1", "2 or more"]),
    ("--seed -1", ["seed", "-1"]),
    ("--seeds 0,x", ["--seeds received '0,x'", "accepted: whole numbers"]),
    ("--seeds ,", ["--seeds received ','", "accepted: whole numbers"]),
    ("--seed 1 --seeds 0,1", ["Received --seed 1 and --seeds 0,1", "one of the two"]),
    ("--nested", ["nested"]),
    ("--classes normal", ["classes", "2 or more"]),
    ("--classes normal,=viral", ["--classes received", "name=label+label"]),
    ("--classes a=bacterial+viral,b=viral", ["--classes received", "uses viral twice", "each label in one class"]),
    ("--classes viral,a=bacterial+viral", ["--classes received", "uses viral twice"]),
    ("--classes normal,viral,normal", ["--classes received", "uses normal twice"]),
    ("--classes normal,pneumonia=bacteria+viral", ["names 'bacteria'", "classes found", "Did you mean 'bacterial'?"]),
    ("--classes covid19,viral=normal", ["viral", "not merged into it", "another name"]),
    ("--classes normal,viral,flu", ["No image of class flu", "classes found: "]),
    ("--classes normal,viral,covid19 --set model.head.output=sigmoid", ["sigmoid", "two classes; here are 3"]),
    ("--set|training.class_weights={norml: 2}", ["names 'norml'", "Did you mean 'normal'?"]),
    ("--set|training.class_weights={normal: 2}", ["no number for bacterial, covid19, viral", "one per class"]),
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
    assert all(word in said for word in expected), said
    assert not Path("runs").exists()


def test_too_few_patients_for_the_folds(refuse, data, recipe):
    said = refuse("cv", "--config", recipe, "--data", data, "--folds", 5)
    assert "covid19 has 4 patients for 5 folds" in said
    assert "FOLDS=4" in said


def test_a_class_without_images(refuse, phantoms, recipe):
    said = refuse("cv", "--config", recipe, "--data", phantoms[0])
    assert "No image of class covid19" in said
    assert "classes found: " in said


@pytest.mark.parametrize("command", [["cv"], ["train"], ["grid", "--models", "two_layers"]])
def test_a_backbone_whose_library_is_not_installed(refuse, data, recipe, monkeypatch, command):
    monkeypatch.setitem(BACKBONES, "two_layers", TWO_LAYERS._replace(library="no_such_library"))
    said = refuse(*command, "--config", recipe, "--data", data)
    assert "two_layers needs no_such_library, which is not installed" in said
    assert "make setup HUB=1" in said
    assert not Path("runs").exists()  # no picture was decoded


def test_weights_of_another_architecture(refuse, data, recipe, tmp_path):
    (tmp_path / "other.weights.h5").write_bytes(b"other")
    said = refuse("cv", "--config", recipe, "--data", data, "--weights", "other.weights.h5")
    assert "WEIGHTS other.weights.h5 do not fit" in said


@pytest.mark.filterwarnings("ignore:.input_shape. is undefined or non-square:UserWarning")
def test_imagenet_without_a_network(refuse, data, recipe, offline):
    said = refuse("cv", "--config", recipe, "--data", data, "--weights", "imagenet", "--model", "mobilenet_025")
    assert "The ImageNet weights of MobileNet" in said
    assert "(URL fetch failure" in said
    assert "WEIGHTS=path" in said


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
    assert f"{broken} ({reason})" in said
    assert f"{missing} (No such file or directory)" in said
    assert "--skip-unreadable" in said


@pytest.mark.parametrize(
    ("error", "expected"),
    [(errno.ENOSPC, "The disk is full"), (errno.EACCES, "Cannot write to"), (errno.EROFS, "RUNS=")],
)
def test_a_full_or_read_only_disk(refuse, data, recipe, monkeypatch, error, expected):
    def fail(*values, **options):
        raise OSError(error, os.strerror(error), "runs/cache")

    monkeypatch.setattr("pxr_tf.pictures.gather.open_pictures", fail)
    assert expected in refuse("cv", "--config", recipe, "--data", data)


def test_other_faults_keep_their_traceback(pxr, data, recipe, monkeypatch):
    monkeypatch.setattr("pxr_tf.pictures.gather.open_pictures", lambda *values, **options: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["pxr", "cv", "--config", str(recipe), "--data", data, "--runs", "runs"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_the_installed_command_tells_bad_input_in_one_line(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "pxr_tf.cli", "cv", "--data", "nowhere", "--runs", str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("pxr: DATA ")
    assert not (tmp_path / "runs").exists()


CHEN, NOVOKSHANOV = "--config chen2021 ", "--config novokshanov2022 "
OWN_NETWORKS = [
    (CHEN + "--variant smal_cnn", ["unknown variant 'smal_cnn'", "Did you mean 'small_cnn'?"]),
    (CHEN + "--variant logistic_regression --model xception", ["--model received 'xception'", "'linear'", "backbone"]),
    (CHEN + "--weights imagenet", ["--weights received 'imagenet'", "'scratch' (model.kind) has no weights"]),
    (CHEN + "--model xcepton", ["Unknown backbone 'xcepton'", "Did you mean 'xception'?"]),
    (CHEN + "--model xception --set model.kind=scratch", ["--model received 'xception'", "no backbone. Leave --model"]),
    (CHEN + "--model xception --set model.channels=[1,2]", ["unknown key 'model.channels'", "backbone, weights"]),
    (CHEN + "--set model.network=smal_cnn", ["Unknown network 'smal_cnn'", "Did you mean 'small_cnn'?"]),
    (CHEN + "--set model.channels=[4]", ["model.channels received 1 number; small_cnn takes 2"]),
    (CHEN + "--set model.dropout=[0.1]", ["model.dropout is not a size of small_cnn"]),
    (CHEN + "--set model.kernel_sizes=[31,31] --set image.size=61", ["kernel_sizes [31, 31] leave 1", "62 or more"]),
    (CHEN + "--variant logistic_regression --epochs 3", ["--epochs received '3'", "'linear' has no epochs"]),
    (CHEN + "--set training.class_weights.norml=2", ["names 'norml'", "Did you mean 'normal'?"]),
    (
        NOVOKSHANOV + "--classes bacterial,covid19,normal,viral",
        ["sigmoid", "two classes; here are 4", "CLASSES=normal,ill=bacterial+viral"],
    ),
    (
        NOVOKSHANOV + "--set merge={}",
        ["No image of class pneumonia", "or merge labels into it: CLASSES=normal,pneumonia=bacterial+covid19+viral"],
    ),
]


@pytest.mark.parametrize(("words", "expected"), OWN_NETWORKS, ids=[words for words, _ in OWN_NETWORKS])
def test_faults_of_recipes_with_a_papers_own_network(refuse, data, words, expected):
    said = refuse("cv", "--data", data, *words.split())
    assert all(word in said for word in expected), said
    assert not list(Path().glob("runs/*/*/*/seed-0"))


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--model", "xception", "--model received 'xception', but the learner 'other' (model.kind) has no backbone"),
        ("--weights", "none", "--weights received 'none', but the learner 'other' (model.kind) has no weights"),
        ("--epochs", "1", "--epochs received '1', but the learner 'other' has no epochs"),
    ],
)
@pytest.mark.parametrize("command", ["cv", "train"])
def test_options_that_a_learner_has_no_use_for(refuse, monkeypatch, data, recipe, command, option, value, expected):
    monkeypatch.setitem(LEARNERS, "other", "nowhere.at.all")
    words = ["--config", recipe, "--data", data, "--set", "model.kind=other", option, value]
    assert expected in refuse(command, *words)
    assert not Path("runs").exists()
