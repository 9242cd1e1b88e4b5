"""Several data sets at once, paths that are not data sets, and the counts of the real data."""

import os

import pytest
from messages import MISSING, TWICE, UNREADABLE, any_of, refused
from miniature_sets import write_coronahack, write_covid_chestxray, write_image, write_kermany, write_radiography

from pxr_tf import files
from pxr_tf.data.patients import add_content, drop_duplicates, merge_patients
from pxr_tf.sets.find import LAYOUTS, read_sources


def test_phantoms_are_called_synthetic_in_every_id(tmp_path):
    write_kermany(tmp_path / "k")
    (tmp_path / "k" / "phantom.json").write_text("{}")
    write_radiography(tmp_path / "r", flat=True)
    table, _ = read_sources([tmp_path / "k", tmp_path / "r"])
    phantom = table[table.source == "synthetic-kermany"]
    assert len(phantom) == 8
    assert phantom.image_id.str.startswith("synthetic-kermany/").all()
    assert phantom.patient_id.str.startswith("synthetic-kermany/").all()
    assert len(table) == 11


def test_phantoms_listed_in_a_csv_are_synthetic_too(tmp_path):
    write_image(tmp_path / "a.png")
    (tmp_path / "manifest.csv").write_text("path,label,source\na.png,viral,synthetic-x\n")
    (tmp_path / "phantom.json").write_text("{}")
    assert read_sources([tmp_path / "manifest.csv"])[0].source.tolist() == ["synthetic-x"]
    (tmp_path / "manifest.csv").write_text("path,label,source\na.png,viral,x\n")
    assert read_sources([tmp_path / "manifest.csv"])[0].source.tolist() == ["synthetic-x"]


def test_coronahack_and_kermany_share_patients(tmp_path):
    write_kermany(tmp_path / "k")
    write_image(tmp_path / "k" / "train" / "PNEUMONIA" / "person7_bacteria_1.jpeg")
    table, _ = read_sources([tmp_path / "k", write_coronahack(tmp_path / "c")])
    shared = table[table.patient_id == "kermany/bacteria-person7"]
    assert set(shared.source) == {"kermany", "coronahack"}


def test_a_relative_path_gives_the_same_ids(tmp_path, monkeypatch):
    write_image(tmp_path / "mine" / "covid" / "a.png")
    monkeypatch.chdir(tmp_path / "mine")
    assert read_sources(["."])[0].image_id.tolist() == ["mine/covid/a.png"]


def test_missing_empty_and_unknown_data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.with_name(f"{tmp_path.name}-home")))
    with refused(any_of("data set", "data"), any_of("no", "given")):
        read_sources([])
    with refused("nowhere", MISSING, "folder"):
        read_sources([tmp_path / "nowhere"])
    with refused(str(tmp_path), "empty"):
        read_sources([tmp_path])
    (tmp_path / "set.zip").write_bytes(b"PK")
    with refused("set.zip", "not a zip file", any_of("unpack")):
        read_sources([tmp_path / "set.zip"])
    (tmp_path / "set.tar").write_bytes(b"x")
    with refused("set.tar", "file", "folder", ".zip", ".csv", any_of("unpack")):
        read_sources([tmp_path / "set.tar"])
    (tmp_path / "set.tar").unlink()
    with refused(str(tmp_path), any_of("no image"), "1 .zip file", *LAYOUTS):
        read_sources([tmp_path])


def test_a_pipe_and_an_unknown_user(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "set.csv")
    with refused("set.csv", "file", "folder"):
        read_sources([tmp_path / "set.csv"])
    monkeypatch.chdir(tmp_path)
    with refused("~nosuchuser/x", MISSING):
        read_sources(["~nosuchuser/x"])
    (tmp_path / "manifest.csv").mkdir()
    with refused(any_of("no image"), any_of("folders", "folder"), "manifest.csv"):
        read_sources([tmp_path])


def test_the_error_for_an_unknown_layout_lists_what_was_found_and_the_known_layouts(tmp_path):
    write_image(tmp_path / "images" / "a.png")
    write_image(tmp_path / "masks" / "a.png")
    (tmp_path / "pairs.csv").write_text("a,b\n")
    with refused("folders", "images, masks", "1 .csv file", *LAYOUTS):
        read_sources([tmp_path])


def test_folders_that_link_back_to_themselves_do_not_loop(tmp_path):
    for name in ("again", "once more"):  # two links: each of 40 levels would be searched twice
        (tmp_path / name).symlink_to(tmp_path)
    with refused(any_of("no image"), "folders", "again, once more"):
        read_sources([tmp_path])


def test_masks_alone_have_an_unknown_layout(tmp_path):
    write_image(tmp_path / "masks" / "a.png")
    with refused("layout", any_of("folders", "folder"), "masks"):
        read_sources([tmp_path])


@pytest.mark.parametrize(
    ("inside", "others", "facts"),
    [
        ("", ["masks"], ["masks", any_of("move")]),
        ("set/", ["masks"], ["masks", any_of("move")]),
        ("train/", ["images", "masks"], ["train/images, train/masks", any_of("move")]),
    ],
)
def test_a_folder_that_is_not_a_class_is_named(tmp_path, inside, others, facts):
    for name in ("normal", "viral", *others):
        write_image(tmp_path / inside / name / "a.png")
    with refused("folder per class", *facts):
        read_sources([tmp_path])


def test_the_error_for_a_folder_of_data_sets_lists_them(tmp_path):
    write_kermany(tmp_path / "chest_xray")
    write_covid_chestxray(tmp_path / "covid")
    with refused("chest_xray (kermany)", "covid (covid-chestxray)"):
        read_sources([tmp_path])


def test_a_known_layout_without_an_image(tmp_path):
    for folder in ("train/NORMAL", "train/PNEUMONIA"):
        (tmp_path / folder).mkdir(parents=True)
    with refused("kermany", any_of("no usable image", "no image")):
        read_sources([tmp_path])


def test_a_set_given_twice_names_both_paths(tmp_path):
    write_kermany(tmp_path / "one")
    write_kermany(tmp_path / "two")
    with refused(str(tmp_path / "one"), str(tmp_path / "two"), "8 image ids"):
        read_sources([tmp_path / "one", tmp_path / "two"])


def test_one_folder_given_twice(tmp_path, monkeypatch):
    write_kermany(tmp_path / "one")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    monkeypatch.chdir(tmp_path)
    for other in ("one", "one/", "./one", tmp_path / "one", "link"):
        with refused("DATA", TWICE, "one", str(other)):
            read_sources(["one", other])


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    write_kermany(tmp_path)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pxr_tf.sets.rows.os.scandir", refuse)
    with refused(str(tmp_path), UNREADABLE, "Permission denied"):
        read_sources([tmp_path])


@pytest.fixture(scope="module")
def real_table(real_data):
    return read_sources([real_data / "chest_xray", real_data / "covid-chestxray-dataset"])[0]


@pytest.mark.real
def test_real_counts(real_table):
    counts = real_table.groupby(["label", "official_split"]).agg(
        images=("image_id", "size"), patients=("patient_id", "nunique")
    )
    assert counts.images.to_dict() == {
        ("bacterial", "test"): 242,
        ("bacterial", "train"): 2530,
        ("covid19", ""): 201,
        ("normal", "test"): 234,
        ("normal", "train"): 1341,
        ("viral", "test"): 148,
        ("viral", "train"): 1345,
    }
    assert counts.patients.to_dict() == {
        ("bacterial", "test"): 77,
        ("bacterial", "train"): 1353,
        ("covid19", ""): 117,
        ("normal", "test"): 225,
        ("normal", "train"): 1211,
        ("viral", "test"): 126,
        ("viral", "train"): 1090,
    }
    assert len(real_table) == 6041
    assert real_table.patient_id.nunique() == 4199  # so no patient is in both the official test and training part


@pytest.mark.real
def test_real_duplicates(real_table):
    table = add_content(real_table)
    kept, dropped = drop_duplicates(table)
    assert (len(kept), len(dropped)) == (6009, 32)
    assert merge_patients(table).patient_id.nunique() == 4198  # one pair of copies crosses patient ids


@pytest.mark.real
def test_real_person_numbers_are_reused_between_bacteria_and_virus(real_table):
    patients = real_table.patient_id[real_table.source == "kermany"].unique()
    people = {
        kind: {name.partition("-person")[2] for name in patients if f"/{kind}-" in name}
        for kind in ("bacteria", "virus")
    }
    assert len(people["bacteria"] & people["virus"]) == 979


@pytest.mark.real
def test_real_folders_of_other_things_are_refused(real_data):
    with refused("folders", "images, masks"):
        read_sources([real_data / "lungs"])
    with refused("2 .dcm files", "directly in dicom"):
        read_sources([real_data / "dicom"])


def test_a_file_without_an_ending_is_opened_once(tmp_path, monkeypatch):
    for label in ("normal", "viral"):
        write_image(tmp_path / label / "1.2.840.3")
    opened = []
    original = files.open_regular
    monkeypatch.setattr("pxr_tf.sets.file_kinds.open_regular", lambda path: opened.append(path) or original(path))
    table, _ = read_sources([tmp_path])
    assert sorted(table.path) == sorted(map(str, opened))
