"""DICOM, by pydicom: the first frame of a photograph, and its pixels' size. No other tag is read."""

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import pixel_array

from . import deep, jpeg
from .errors import ImageTooLarge, UnreadableImage, cut_short, damaged
from .jpeg_header import marked_rgb, read_header
from .limits import check_codec, check_format
from .raster import Colour, Decoded
from .source import Source, plausible_microns

_MICRONS_A_MM: Final = 1_000.0
_JPEG_8_BITS: Final = frozenset({"1.2.840.10008.1.2.4.50"})
_JPEG_OTHER: Final = frozenset({"1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
_JPEG_LS: Final = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JPEG_2000: Final = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
_MODELS: Final = {"MONOCHROME1": "grey", "MONOCHROME2": "grey", "PALETTE COLOR": "palette", "RGB": "RGB"}
_NEEDED: Final = (
    "Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "PhotometricInterpretation", "PixelData",
)  # fmt: skip


def read(data: bytes, max_pixels: int) -> Decoded:
    """Decode the first frame of a DICOM file.

    Raises
    ------
    ImageError
        What is wrong with it; never with the value of a tag that may be a patient's.
    """
    # A damaged file must not put what it holds into a message.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
    except Exception as error:
        raise damaged("The DICOM file's tags cannot be read") from error
    missing = [name for name in _NEEDED if name not in dataset]
    if missing:
        raise UnreadableImage(
            "The DICOM object holds no picture: send a photograph (VL microscopy or secondary capture).",
            "coding-not-read",
        )
    size = (int(dataset.Columns), int(dataset.Rows))
    frames = int(dataset.get("NumberOfFrames") or 1)
    whole = (int(dataset.get("TotalPixelMatrixColumns") or 0), int(dataset.get("TotalPixelMatrixRows") or 0))
    if whole[0] > size[0] or whole[1] > size[1]:
        raise ImageTooLarge(
            f"The DICOM object is the scan of a whole slide ({whole[0]} x {whole[1]} in tiles): export one "
            "field of it.",
            "whole-slide",
        )
    check_format("DICOM", size, max_pixels)
    count, bits = int(dataset.SamplesPerPixel), int(dataset.BitsStored)
    if int(dataset.BitsAllocated) > 16:
        raise UnreadableImage(
            "The DICOM image has samples of over 16 bits, which have no agreed scale: export it with 8 or 16.",
            "samples-not-read",
        )
    deep.check_bytes(*size, count, int(dataset.BitsAllocated))
    notes = (f"The file holds {frames} frames; only the first was read.",) if frames > 1 else ()
    photometric = str(dataset.PhotometricInterpretation)
    samples = _first_frame(dataset, photometric, count)
    source = Source(
        "DICOM",
        bits,
        _MODELS.get(photometric, "YCbCr"),
        value_range=None,
        microns_per_pixel=_microns(dataset),
    )
    profile = dataset.get("ICCProfile")
    if profile is None and dataset.get("OpticalPathSequence"):
        profile = dataset.OpticalPathSequence[0].get("ICCProfile")
    if photometric == "PALETTE COLOR":
        coloured = apply_color_lut(samples, dataset)
        deeper = coloured.dtype.itemsize > 1 and coloured.max() > 255
        samples, bits = (coloured >> 8 if deeper else coloured).astype(np.uint8), 8
    return deep.of_samples(
        samples,
        bits,
        source,
        Colour(profile or None),
        notes,
        frames=frames,
        inverted=photometric == "MONOCHROME1",
    )


def _first_frame(dataset: Any, photometric: str, count: int) -> npt.NDArray[Any]:
    """Decode the first frame to grey, RGB or indices of a palette."""
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax in _JPEG_8_BITS | _JPEG_OTHER | _JPEG_LS | _JPEG_2000:
        slow = {**dict.fromkeys(_JPEG_2000, "JPEG 2000"), **dict.fromkeys(_JPEG_LS, "JPEG-LS")}
        slow.update(dict.fromkeys(_JPEG_OTHER, "JPEG of 12 bits or lossless"))
        check_codec(slow.get(syntax, ""), (int(dataset.Columns), int(dataset.Rows)))
        try:
            frame = next(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)))
        except (ValueError, StopIteration) as error:
            raise damaged("The DICOM picture's frames cannot be told apart") from error
        if syntax in _JPEG_8_BITS:
            header = read_header(frame)
            jpeg.check(header, 1 << 62)
            is_rgb = photometric == "RGB" and header.components == 3
            return jpeg.strict(marked_rgb(frame) if is_rgb else frame, header.components)
        if syntax in _JPEG_OTHER:
            return deep.by_codec("jpeg", frame, "DICOM picture's")
        samples = deep.by_codec("jpegls" if syntax in _JPEG_LS else "jpeg2k", frame, "DICOM picture's")
        return np.asarray(samples)
    expected = int(dataset.Rows) * int(dataset.Columns) * count * int(dataset.BitsAllocated) // 8
    whole = dataset.file_meta.TransferSyntaxUID.is_compressed or len(dataset.PixelData) >= expected
    if not whole and photometric != "YBR_FULL_422":
        raise cut_short("The DICOM picture has fewer pixels than its size")
    try:
        samples = pixel_array(dataset, index=0, raw=True)
        if photometric.startswith("YBR_FULL"):
            samples = convert_color_space(samples, "YBR_FULL", "RGB")
    except ImportError:  # a decoder that is not installed
        raise
    except Exception as error:
        raise UnreadableImage(
            "The DICOM picture cannot be decoded: it is damaged, or of a coding that is not read. Export it as PNG.",
            "coding-not-read",
        ) from error
    return np.asarray(samples)


def _microns(dataset: Any) -> float | None:
    """Give a pixel's size in micrometres: of the object, or of its shared functional groups."""
    spacing = dataset.get("PixelSpacing")
    if spacing is None and dataset.get("SharedFunctionalGroupsSequence"):
        measures = dataset.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence")
        spacing = measures[0].get("PixelSpacing") if measures else None
    try:
        return plausible_microns(float(spacing[1]) * _MICRONS_A_MM) if spacing else None
    except (TypeError, ValueError, IndexError):
        return None
