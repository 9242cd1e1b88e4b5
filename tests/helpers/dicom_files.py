"""DICOM files of one frame that hold a given picture, in every transfer syntax that can be written here."""

import base64
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom", reason='the extra dicom is not installed: pip install "pxr_tf[dicom]"')
gdcm = pytest.importorskip("gdcm", reason='the extra dicom is not installed: pip install "pxr_tf[dicom]"')

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
JPEG, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
# No library of the tests writes High-Throughput JPEG 2000. OpenJPH 0.26 wrote these frames of `SLOPE` and of 16 * SLOPE
# + 7, a 12-bit picture, reversibly and in RPCL order.
HTJ2K = {f"1.2.840.10008.1.2.4.{number}" for number in (201, 202, 203)}
SLOPE = np.mgrid[:32, :240:5].sum(0).astype(np.uint8)
_FRAMES = {
    8: "/0//UQApQAAAAAAwAAAAIAAAAAAAAAAAAAAAMAAAACAAAAAAAAAAAAABBwEB/1AACAACAAAAAv9SAAwAAgABAAUEBEAB/1wAEyBIUFBQUFBQ"
    "UFBQUFBQSEhI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAOIAAf+TwCZz8QEBdADAEsATQBIA+wBHdACk+AACNAD+AGMAwBNA"
    "E0ASgFrsgIt0ABD8BndUAPuAT3QAwBUwBUwBMIwBV/jcMAJ1AAhAUeSWSey2AAI68APUAMAWhAFoQBWARET2HfaY8PPwBAOHp8J5AGAEMBb3"
    "/wA8fv9+f7LyOwAB49vgOP3/DKgj1gDALcgFtQCuAAAAQI0aH7zVWIPfj0D8/X+0vohHp6enp0J9AP9DJwAA0Pf/eksAEe3XXXXXXXXXUiFY"
    "AHMB/z//f/96S4wuIViAegD/2Q==",
    16: "/0//UQApQAAAAAAwAAAAIAAAAAAAAAAAAAAAMAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQ"
    "kJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAUEAAf+TwAAqACX/PdMBQjQAwAASwAATwAASALMBB3QATAL5AII0"
    "APwncwDAABPAABVQAATAskXsgot0ACJFAvAAAEDnVgALsgIexADAABVwAAV8AAFU2LA5IFiD3DICdQCQEAgEVHT34BCWIQHsuAAB+LDkzdhB"
    "79UAwAAWtAABb0AAFeBmZmZmB4bv3Yfb4yb88+BAFDpxgnkABzyOGg3DMAzDMIwbw4u7/wAg4eEIHv2EIHssY98AH/Djv9/gjz/9/wyoo9YA"
    "wAAungABdZAAC0gej8fj8Xg8Hs/X+Br/QX/7Gr8G/3u/Jzzx/X+DS+iEenp6enECfgD/f4d/end3d3d3d3d3d3f/fvf/eksALE9++T375Pfv"
    "k9++T375PZZhWQB6Af9/f/9//3//ekuMHC5hWYB7AP/Z",
}
BY_PYDICOM = {f"1.2.840.10008.1.2.4.{number}" for number in (80, 81, 90, 91)} | {RLE}


def data_set(values: np.ndarray, **tags) -> "pydicom.Dataset":
    """Return a data set, explicit VR little endian, with values [h, w] or RGB [h, w, 3], and other tags."""
    signed, kind = values.dtype.kind == "i", "RGB" if values.ndim == 3 else "MONOCHROME2"
    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(EXPLICIT)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = pydicom.uid.UID(COMPUTED_RADIOGRAPHY)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["pxr"])
    ds.StudyInstanceUID = ds.SeriesInstanceUID = "1.2.3"
    ds.Rows, ds.Columns = values.shape[:2]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = (3, kind) if values.ndim == 3 else (1, kind)
    if values.ndim == 3:
        ds.PlanarConfiguration = 0
    bits = 8 * values.dtype.itemsize
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits, bits - 1, int(signed)
    ds.PixelData = values.tobytes() + bytes(values.nbytes % 2)
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"
    for name, value in tags.items():
        setattr(ds, name, value)
    ds.HighBit = ds.BitsStored - 1
    return ds


def to_bytes(ds: "pydicom.Dataset", syntax: str = EXPLICIT) -> bytes:
    """Return a data set that `data_set` made as a file in a transfer syntax; one of `HTJ2K` for two pictures alone."""
    uid = pydicom.uid.UID(syntax)
    if syntax in BY_PYDICOM:
        more = {"j2k_cr": [4]} if syntax.endswith("91") else {"jls_error": 2} if syntax.endswith("81") else {}
        ds.compress(uid, generate_instance_uid=False, **more)
    elif syntax in HTJ2K:
        ds.PixelData = pydicom.encaps.encapsulate([base64.b64decode(_FRAMES[ds.BitsAllocated])])
        ds["PixelData"].is_undefined_length = True
    elif uid.is_compressed:
        return _by_gdcm(to_bytes(ds), syntax)
    ds.file_meta.TransferSyntaxUID = uid
    if syntax == BIG and ds.BitsAllocated == 16:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    file = io.BytesIO()
    pydicom.dcmwrite(file, ds, little_endian=syntax != BIG, implicit_vr=syntax == IMPLICIT, enforce_file_format=True)
    return file.getvalue()


def encode(values: np.ndarray, syntax: str = EXPLICIT, **tags) -> bytes:
    """Return a picture as the bytes of a DICOM file."""
    return to_bytes(data_set(values, **tags), syntax)


def _by_gdcm(data: bytes, syntax: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "a"), Path(folder, "b")
        before.write_bytes(data)
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(before))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change(), f"gdcm cannot write {syntax}"
        writer.SetFileName(str(after))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return after.read_bytes()
