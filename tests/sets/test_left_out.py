"""Whatever is in a data set's folder and is not used is counted by reason, and files are what their bytes say."""

import shutil
from pathlib import Path

import pytest
from messages import MISSING, any_of, assert_says, matching, refused, tells
from miniature_sets import write_coronahack, write_covid_chestxray, write_image, write_kermany

from pxr_tf.sets.any_pictures import list_pictures
from pxr_tf.sets.coronahack import CORONAHACK_TABLE
from pxr_tf.sets.find import read_sources

DICOM = bytes(128) + b"DICM" + bytes(20)


def put(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_rows_that_covid_chestxray_passes_over_are_counted_by_reason(tmp_path):
    notes = read_sources([write_covid_chestxray(tmp_path)])[1]
    assert_says(
        notes[0], "3 of 6 rows", "1 by view (L: 1)", "1 by modality (CT: 1)", "1 by finding (Pneumonia/Viral/SARS: 1)"
    )
    assert len(notes) == 1  # the files of these rows are not counted again


def test_rows_that_coronahack_passes_over_are_counted(tmp_path):
    assert tells(read_sources([write_coronahack(tmp_path)])[1], "1 of 6 rows", "label", "Stress-Smoking: 1")


def write_own_table(root):
    write_image(root / "a.png")
    (root / "manifest.csv").write_text("path,label,patient_id\na.png,viral,1\n")
    return root


@pytest.mark.parametrize(
    ("write", "place"),
    [
        (write_covid_chestxray, "images"),
        (write_coronahack, "Coronahack-Chest-XRay-Dataset/Coronahack-Chest-XRay-Dataset/train"),
        (write_own_table, "."),
    ],
)
def test_images_that_no_row_lists_are_counted(tmp_path, write, place):
    table, _ = read_sources([write(tmp_path)])
    for name in ("x.png", "y.jfif", "1.2.840"):
        write_image(tmp_path / place / name)
    again, notes = read_sources([tmp_path])
    assert again.equals(table)
    assert tells(notes, "3 images", any_of("no row"), "1.2.840, x.png, y.jfif")


def test_images_beside_a_csv_that_is_named_itself_are_counted(tmp_path):
    write_own_table(tmp_path)
    write_image(tmp_path / "b.png")
    assert tells(read_sources([tmp_path / "manifest.csv"])[1], "1 image", any_of("no row"), "b.png")


def test_images_without_a_usual_ending_are_what_their_bytes_say(tmp_path):
    for number, name in enumerate(("a.jfif", "a.jpe", "a.JFIF", "b", "1.2.840.3", "1.2.840.4", "c.png")):
        write_image(tmp_path / "normal" / name, number)
    (tmp_path / "normal" / "loop").symlink_to("loop")
    (tmp_path / "normal" / "gone").symlink_to("nowhere")
    for name in ("1.2.840.5", "y.DCM", "y.dicom", "y.dic"):
        put(tmp_path / "normal" / name, DICOM)
    put(tmp_path / "normal" / "DICOMDIR", DICOM)
    for name in ("README", "x.heic", "x.nii.gz", "x.jpeg.part", "x.txt", "Thumbs.db", ".DS_Store"):
        put(tmp_path / "normal" / name)
    put(tmp_path / "README.md")
    table, notes = read_sources([tmp_path])
    assert len(table) == 11
    (note,) = (note for note in notes if any_of("JPEG, PNG or DICOM").search(note))
    assert_says(note, "1 .heic", "1 .nii.gz", "1 .part", "1 .txt", "3 without an ending")
    assert ".md" not in note and ".db" not in note
    assert len(list_pictures([str(tmp_path)])[0]) == 11


@pytest.mark.parametrize("write", [write_covid_chestxray, write_coronahack, write_own_table])
def test_dicom_files_in_a_folder_that_is_not_read_are_counted_as_images_in_every_layout(tmp_path, write):
    write(tmp_path)
    put(tmp_path / "more" / "a.dcm")
    put(tmp_path / "more" / "1.2.3", DICOM)
    assert tells(read_sources([tmp_path])[1], "2 images", "more")


def test_a_folder_per_class_may_hold_dicom_files_alone(tmp_path):
    put(tmp_path / "normal" / "a.dcm", DICOM)
    put(tmp_path / "viral" / "1.2.3", DICOM)
    assert list(read_sources([tmp_path])[0].label) == ["normal", "viral"]


def test_files_of_a_folder_without_layout_are_counted(tmp_path):
    write_image(tmp_path / "films" / "a.png")
    put(tmp_path / "films" / "b.heic")
    put(tmp_path / "films" / "notes.txt")
    (note,) = list_pictures([str(tmp_path / "films")])[1]
    assert_says(note, "1 .heic", "films")
    assert ".txt" not in note


def test_a_link_that_leads_to_itself_is_neither_a_folder_nor_an_end(tmp_path):
    write_image(tmp_path / "normal" / "a.png")
    for name in ("normal/b.png", "normal/c", "viral", "loop.csv"):
        (tmp_path / name).symlink_to(Path(name).name)
    assert read_sources([tmp_path])[0].image_id.str.endswith(("a.png", "b.png")).tolist() == [True, True]
    assert len(list_pictures([str(tmp_path)])[0]) == 2


def test_line_breaks_in_names_stay_on_one_line(tmp_path):
    name = "bad\nname\r\u2028"
    write_image(tmp_path / name / "normal" / "a.png")
    put(tmp_path / name / "normal" / "x\n.he\nic")
    put(tmp_path / name / "vi\nral" / "x\n.heic")
    _, notes = read_sources([tmp_path / name])
    assert len(notes) == 3
    for note in [*notes, *list_pictures([str(tmp_path / name)])[1]]:
        assert len(note.splitlines()) == 1
    assert tells(notes, "bad\\nname", "1 .he\\nic") and tells(notes, "vi\\nral")
    shutil.rmtree(tmp_path / name / "normal")
    with refused("bad\\nname") as caught:
        read_sources([tmp_path / name])
    assert len(str(caught.value).splitlines()) == 1


IDS = "path,label,patient_id,source\n"


def notes_of_ids(folder: Path, *ids: tuple[str, str]) -> list[str]:
    """Return the notes on images with these (patient, source)."""
    for number in range(len(ids)):
        write_image(folder / f"{number}.png")
    lines = [f"{number}.png,viral,{patient},{source}" for number, (patient, source) in enumerate(ids)]
    (folder / "manifest.csv").write_text(IDS + "\n".join(lines) + "\n")
    return read_sources([folder])[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [("P1", "p1"), ("p1", "p01"), ("7", "007"), ("p 1", "p1"), ("P-1", "p_1"), ("12", "12.0"), ("A b", "ab")],
)
def test_two_spellings_of_one_patient_are_noticed(tmp_path, one, other):
    (note,) = notes_of_ids(tmp_path, (one, "s"), (other, "s"), (one, "s"), ("unlike", "s"))
    assert_says(note, "2 patient ids", any_of("spelling"), repr(one), repr(other))


@pytest.mark.parametrize(("one", "other"), [("p1", "p2"), ("1 1", "11"), ("1-1", "11"), ("a", "b"), ("10", "1")])
def test_two_patients_are_not_taken_for_spellings(tmp_path, one, other):
    assert notes_of_ids(tmp_path, (one, "s"), (other, "s")) == []


def test_one_id_in_two_sources_is_noticed(tmp_path):
    (note,) = notes_of_ids(tmp_path, ("1", "north"), ("1", "south"), ("2", "north"), ("2", "south"), ("3", "south"))
    assert_says(note, "2 patient ids", any_of("source"), "north, south", "'1', '2'")


def test_one_id_in_two_data_sets_is_noticed_but_not_kermanys_own(tmp_path):
    for name in ("a", "b"):
        write_image(tmp_path / name / "x.png")
        (tmp_path / name / "manifest.csv").write_text("path,label,patient_id\nx.png,viral,7\n")
    (note,) = read_sources([tmp_path / "a", tmp_path / "b"])[1]
    assert_says(note, "1 patient id", "a, b", "'7'")
    kermany, coronahack = write_kermany(tmp_path / "k"), write_coronahack(tmp_path / "c")
    write_image(kermany / "train" / "PNEUMONIA" / "person7_bacteria_1.jpeg")
    assert not tells(read_sources([kermany, coronahack])[1], any_of("more than one source"))


def write_table(root: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    write_image(root / "images" / "a.jpg")
    (root / name).write_bytes(text.encode(encoding))


COHEN = "patientid,finding,view,filename\n1,COVID-19,PA,a.jpg\n"


@pytest.mark.parametrize(
    ("name", "text", "encoding", "facts"),
    [
        ("metadata.csv", COHEN.replace("filename", "imagename"), "utf-8", ["filename", "imagename", MISSING]),
        ("metadata.csv", COHEN.replace("finding", "Befünd"), "latin-1", ["finding", MISSING]),
        ("metadata.csv", COHEN.replace("id,finding", ",x"), "utf-8", [matching("lacks patientid, finding")]),
        ("metadata.csv", COHEN.replace(",", ";"), "utf-8", [any_of("semicolon"), any_of("commas")]),
        ("metadata.csv", COHEN.replace(",", "\t"), "utf-8-sig", [any_of("tab"), any_of("commas")]),
        ("metadata.csv", COHEN, "utf-16", ["UTF-8", "metadata.csv"]),
        ("metadata (1).csv", COHEN, "utf-8", [any_of("rename"), "metadata.csv"]),
        (CORONAHACK_TABLE, "X_ray_image_name;Label\na.jpg;Normal\n", "utf-8", [any_of("semicolon"), CORONAHACK_TABLE]),
        ("manifest.csv", "path;label\nimages/a.jpg;viral\n", "utf-8", [any_of("semicolon"), "path, label"]),
        ("labels.csv", "path,label\nimages/a.jpg,viral\n", "utf-8", ["labels.csv", "DATA="]),
        ("notes.rtf", "nothing", "utf-8", ["metadata.csv", any_of("missing")]),
    ],
)
def test_a_table_that_nearly_fits_says_what_is_wrong(tmp_path, name, text, encoding, facts):
    write_table(tmp_path, name, text, encoding)
    with refused(*facts):
        read_sources([tmp_path])


@pytest.mark.parametrize("wrapped", ["", "set", "set/set"])
def test_images_too_deep_or_not_deep_enough_are_located(tmp_path, wrapped):
    for name in ("Train/COVID-19/images", "Train/COVID-19/lung masks", "Train/Normal/images"):
        write_image(tmp_path / wrapped / name / "a.png")
    with refused("Train/COVID-19/images, Train/Normal/images", "{train,val,test}/{class}/") as caught:
        read_sources([tmp_path])
    assert "lung masks" not in str(caught.value)
    write_image(tmp_path / "flat" / "a.png")
    with refused("flat", any_of("directly")):
        read_sources([tmp_path / "flat"])


def test_other_near_misses(tmp_path):
    write_covid_chestxray(tmp_path / "c")
    with refused("metadata.csv", any_of("above")):
        read_sources([tmp_path / "c" / "images"])
    put(tmp_path / "z" / "chest_xray.zip.part")
    with refused("chest_xray.zip.part", any_of("unpack")):
        read_sources([tmp_path / "z"])
    (tmp_path / "m.csv").write_text("path,label\nimages\\a.png,viral\n")
    with refused(any_of("backslash"), "/"):
        read_sources([tmp_path / "m.csv"])


@pytest.mark.parametrize(("columns", "near"), [("weight,doctor,notes", None), ("weight,patient", "'patient_id'")])
def test_only_near_columns_are_suggested(tmp_path, columns, near):
    (tmp_path / "m.csv").write_text(f"path,label,{columns}\n")
    with refused(columns.split(",")[0], "path, label") as caught:
        read_sources([tmp_path / "m.csv"])
    assert ("Did you mean" in str(caught.value)) == bool(near)
    assert (near or "") in str(caught.value)


@pytest.mark.parametrize(("names", "remedies"), [(["a.zip"], "U"), (["a.zip", "b.gif"], "UC"), (["b.gif"], "C")])
def test_the_remedy_fits_the_kind_of_file_that_is_left_out(tmp_path, names, remedies):
    write_image(tmp_path / "x.png")
    for name in names:
        put(tmp_path / name)
    note = " ".join(list_pictures([str(tmp_path)])[1])
    assert ("Unpack a zip" in note, "Convert pictures" in note) == ("U" in remedies, "C" in remedies)
