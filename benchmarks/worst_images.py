"""Draws, of each format, an image file that costs the intake nearly all that it accepts.

``python -m benchmarks.worst_images NAME PATH``
"""

import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import imagecodecs
import numpy as np
import pillow_heif
import pydicom
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset

from . import machine

_RGB: Final[dict[str, Any]] = {"photometric": "rgb"}
_TILES: Final = (512, 512)


def field(megapixels: float, mode: str = "RGB", noise: int = 0) -> Image.Image:
    """Enlarge a drawn smear; ``noise`` keeps that many levels from being compressed."""
    side = round((megapixels * 1e6) ** 0.5) // 16 * 16
    with Image.open(machine.ROOT / "samples" / "synthetic_pre_01.png") as sample:
        image = sample.convert("RGB").resize((side, side)).convert(mode)
    if not noise:
        return image
    values = np.asarray(image)
    tile = np.random.default_rng(0).integers(0, noise, (512, 512), dtype=np.uint8)
    tiled = np.tile(tile, (side // 512 + 1, side // 512 + 1))[:side, :side]
    return Image.fromarray(values ^ (tiled if values.ndim == 2 else tiled[..., None]), mode)


def samples(megapixels: float, mode: str = "RGB", noise: int = 0) -> np.ndarray:
    """Give ``field`` as an array."""
    return np.asarray(field(megapixels, mode, noise))


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _tiff(values: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def _scans(side: int, count: int) -> bytes:
    data = _encode(Image.new("L", (side, side), 200), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + b"\xff\xd9"


def _run_lengths(side: int) -> bytes:
    runs = (b"\x64\x07" * (side // 100) + b"\0\0") * side + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(runs), 0, 0, 1078) + header + bytes(range(256)) * 4 + runs


def _heic(megapixels: float) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(field(megapixels)).save(file, quality=70)
    return file.getvalue()


def _dicom(values: np.ndarray, syntax: pydicom.uid.UID, encoded: bytes | None = None) -> bytes:
    data, meta, instance = Dataset(), FileMetaDataset(), pydicom.uid.UID("1.2.3")
    meta.MediaStorageSOPClassUID = pydicom.uid.VLMicroscopicImageStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = syntax
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, instance
    data.Rows, data.Columns, data.SamplesPerPixel = *values.shape[:2], 3
    data.PhotometricInterpretation, data.PlanarConfiguration = "RGB", 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = pydicom.encaps.encapsulate([encoded]) if encoded else values.tobytes()
    if encoded:
        data["PixelData"].is_undefined_length = True
    file = io.BytesIO()
    pydicom.dcmwrite(file, data, enforce_file_format=True)
    return file.getvalue()


def _deep_samples(megapixels: float, factor: int) -> np.ndarray:
    return samples(megapixels).astype(np.uint16) * factor


FILES: Final[dict[str, Callable[[], bytes]]] = {
    "JPEG, baseline, 100 MP": lambda: _encode(field(100), "JPEG", quality=60),
    "JPEG, progressive, 100 MP": lambda: _encode(field(100), "JPEG", quality=60, progressive=True),
    "JPEG, 400 scans, 4 MP": lambda: _scans(1968, 400),
    "JPEG, 12 bits, 24 MP": lambda: bytes(imagecodecs.jpeg8_encode(_deep_samples(23.9, 16), bitspersample=12)),
    "JPEG-LS, 24 MP": lambda: bytes(imagecodecs.jpegls_encode(samples(23.9))),
    "PNG, RGB, 80 MP": lambda: _encode(field(79.9), "PNG", compress_level=1),
    "PNG, RGBA, 80 MP": lambda: _encode(field(79.9, "RGBA"), "PNG", compress_level=1),
    "PNG, 16 bits, 33 MP": lambda: bytes(imagecodecs.png_encode(_deep_samples(33, 257), level=1)),
    "BMP, 1 bit, 80 MP": lambda: _encode(field(79.9).convert("1"), "BMP"),
    "BMP, 24 bits, 8 MP": lambda: _encode(field(8), "BMP"),
    "BMP, run lengths, 16 MP": lambda: _run_lengths(4000),
    "WebP, lossless, 24 MP": lambda: _encode(field(23.9, "RGBA", 2), "WEBP", lossless=True, method=0, quality=0),
    "WebP, lossy, 24 MP": lambda: _encode(field(23.9), "WEBP", quality=90, method=0),
    "AVIF, 32 MP": lambda: _encode(field(31.9), "AVIF", quality=80, speed=10),
    "HEIC, 32 MP": lambda: _heic(31.9),
    "JPEG 2000, lossless, 12 MP": lambda: _encode(field(11.9, noise=4), "JPEG2000"),
    "JPEG 2000, one resolution, 12 MP": lambda: _encode(field(11.9, noise=4), "JPEG2000", num_resolutions=1),
    "TIFF, LZW, 66 MP": lambda: _tiff(samples(66), compression="lzw", predictor=True, **_RGB),
    "TIFF, deflate, 16 bits, 33 MP": lambda: _tiff(_deep_samples(33, 257), compression="zlib", predictor=True, **_RGB),
    "TIFF, JPEG tiles, 62 MP": lambda: _tiff(samples(62), compression="jpeg", tile=(256, 256), **_RGB),
    "TIFF, 39,000 tiles of 16": lambda: _tiff(samples(9.98), tile=(16, 16), compression="zlib", **_RGB),
    "TIFF, strips of one row, 79 MP": lambda: _tiff(samples(79, "L"), rowsperstrip=1, compression="packbits"),
    "TIFF, JPEG 2000, 12 MP": lambda: _tiff(samples(11.9, noise=4), compression="jpeg2000", tile=_TILES, **_RGB),
    "TIFF, WebP, 24 MP": lambda: _tiff(samples(23.9, noise=2), compression="webp", tile=_TILES, **_RGB),
    "TIFF, LZMA, 12 MP": lambda: _tiff(samples(11.9, noise=4), compression="lzma", tile=_TILES, **_RGB),
    "TIFF, LERC, 24 MP": lambda: _tiff(samples(23.9), compression="lerc", tile=_TILES, **_RGB),
    "DICOM, deflated, 40 MP": lambda: _dicom(samples(39.9), pydicom.uid.DeflatedExplicitVRLittleEndian),
    "DICOM, JPEG 2000, 12 MP": lambda: _dicom(
        samples(11.9),
        pydicom.uid.JPEG2000Lossless,
        bytes(imagecodecs.jpeg2k_encode(samples(11.9, noise=4), level=0, codecformat="j2k")),
    ),
}
"""Each just within the limits of ``lambda/intake/limits.py``."""


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(FILES[sys.argv[1]]())
