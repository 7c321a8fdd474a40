"""One field in every form in which a microscope, a scanner, a phone, a hospital or a journal may send it."""

import base64
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
import pillow_heif
import pydicom
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
    VLMicroscopicImageStorage,
)

from . import profiles

Field = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Variant:
    """One file.

    Attributes
    ----------
    group, name
        What it is, for the table.
    data
        The file.
    refused
        The ``reason`` by which it is to be refused; empty where it is to be read.
    grey
        Whether it is to be read as the field in grey.
    lossy
        Whether its compression changes what the model sees by more than a rounding.
    """

    group: str
    name: str
    data: bytes
    refused: str = ""
    grey: bool = False
    lossy: bool = False


def _pillow(image: Image.Image | Field, kind: str, mode: str | None = None, **options: Any) -> bytes:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image, mode)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _tiff(samples: npt.NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    writer = {name: options.pop(name) for name in ("byteorder", "bigtiff", "ome", "imagej") if name in options}
    tifffile.imwrite(file, samples, **writer, **options)
    return file.getvalue()


def grey_of(field: Field) -> Field:
    """Give the field in grey."""
    return np.asarray(Image.fromarray(field).convert("L"))


FINE: Final = {"quality": 98, "subsampling": 0}


def variants(field: Field) -> Iterator[Variant]:
    """Give every form of one field, uint8[h, w, 3]."""
    for group in (_jpeg, _png, _tiff_layouts, _tiff_depths, _tiff_pages, _others, _dicom, _foreign, _shapes, _damaged):
        yield from group(field)


def _jpeg(field: Field) -> Iterator[Variant]:
    plain = _pillow(field, "JPEG", **FINE)
    grey = grey_of(field)

    def jpeg(name: str, data: bytes, refused: str = "", *, is_grey: bool = False) -> Variant:
        return Variant("JPEG", name, data, refused, is_grey)

    yield jpeg("baseline", plain)
    yield jpeg("progressive", _pillow(field, "JPEG", progressive=True, **FINE))
    yield jpeg("4:2:0 chroma", _pillow(field, "JPEG", quality=98))
    yield jpeg("restart markers", _pillow(field, "JPEG", restart_marker_blocks=4, **FINE))
    yield jpeg("grey", _pillow(grey, "JPEG", quality=100), is_grey=True)
    yield jpeg("RGB without YCbCr (Adobe marker)", _pillow(field, "JPEG", quality=98, keep_rgb=True))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.rot90(field)
    yield jpeg("turned, EXIF orientation", _pillow(np.ascontiguousarray(turned), "JPEG", exif=exif, **FINE))
    yield jpeg(
        "several pictures (MPO)",
        _pillow(field, "MPO", save_all=True, append_images=[Image.new("RGB", (90, 90))], **FINE),
    )
    yield jpeg(
        "wide RGB profile", _pillow(profiles.in_prophoto(field), "JPEG", icc_profile=profiles.prophoto(), **FINE)
    )
    inks = profiles.in_press(field)
    yield jpeg("CMYK with a profile", _pillow(inks, "JPEG", "CMYK", icc_profile=profiles.press(), **FINE))
    yield jpeg("CMYK without a profile", _pillow(inks, "JPEG", "CMYK", **FINE), "colour-unknown")
    yield jpeg(
        "a profile of another colour model",
        _pillow(field, "JPEG", icc_profile=profiles.press(), **FINE),
        "colour-unknown",
    )
    deep = (field.astype(np.uint16) << 4) | (field >> 4)
    yield jpeg("12 bits", imagecodecs.jpeg8_encode(deep, level=98, bitspersample=12, subsampling="444"))
    yield jpeg("optimised tables", _pillow(field, "JPEG", optimize=True, **FINE))
    yield jpeg("padded before its end", plain[:-2] + b"\0\0\0\0" + plain[-2:])
    yield jpeg("bytes after its end", plain + b"camera's own data" * 20)
    yield jpeg("JPEG-LS", imagecodecs.jpegls_encode(field))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """Put a chunk behind a PNG's header."""
    return png[:33] + _chunk(kind, content) + png[33:]


def _png(field: Field) -> Iterator[Variant]:
    plain = _pillow(field, "PNG")
    grey = grey_of(field)
    height, width = field.shape[:2]

    def png(name: str, data: bytes, refused: str = "", *, is_grey: bool = False) -> Variant:
        return Variant("PNG", name, data, refused, is_grey)

    yield png("8 bits", plain)
    yield png("grey", _pillow(grey, "PNG"), is_grey=True)
    yield png("grey with alpha", _pillow(Image.fromarray(grey).convert("LA"), "PNG"), is_grey=True)
    yield png("alpha, opaque", _pillow(Image.fromarray(field).convert("RGBA"), "PNG"))
    yield png("16 bits", imagecodecs.png_encode((field.astype(np.uint16) << 8) | field))
    yield png("16 bits grey", _pillow(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"), is_grey=True)
    yield png("12 bits in 16, grey", _pillow(Image.fromarray(grey.astype(np.uint16) << 4), "PNG"), is_grey=True)
    yield png("12 bits in 16, colour", imagecodecs.png_encode(field.astype(np.uint16) << 4))
    yield png("palette", _pillow(Image.fromarray(grey).convert("P"), "PNG"), is_grey=True)
    linear = np.where(field / 255 <= 0.04045, field / 255 / 12.92, ((field / 255 + 0.055) / 1.055) ** 2.4)
    told = _pillow((linear * 255 + 0.5).astype(np.uint8), "PNG")
    yield png("gamma 1.0 (gAMA)", with_chunk(told, b"gAMA", struct.pack(">I", 100_000)))
    yield png("usual gamma (gAMA)", with_chunk(plain, b"gAMA", struct.pack(">I", 45_455)))
    yield png(
        "sRGB beside gamma 1.0", with_chunk(with_chunk(plain, b"gAMA", struct.pack(">I", 100_000)), b"sRGB", b"\0")
    )
    yield png("wide RGB profile", _pillow(profiles.in_prophoto(field), "PNG", icc_profile=profiles.prophoto()))
    yield png(
        "grey profile of gamma 1.0",
        _pillow((linear_grey(grey)), "PNG", icc_profile=profiles.grey_gamma(1.0)),
        is_grey=True,
    )
    animated = _pillow(
        Image.fromarray(field), "PNG", save_all=True, append_images=[Image.new("RGB", (width, height), "red")]
    )
    yield png("animation", animated)
    hidden = _pillow(
        Image.new("RGB", (width, height), "black"),
        "PNG",
        save_all=True,
        default_image=True,
        append_images=[Image.fromarray(field), Image.new("RGB", (width, height), "red")],
    )
    yield png("animation with a hidden first picture", hidden)
    clear = Image.fromarray(field).convert("RGBA")
    clear.putalpha(0)
    yield png("fully transparent", _pillow(clear, "PNG"), "transparent")


def linear_grey(grey: Field) -> Field:
    """Give grey in linear light."""
    share = grey / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return (linear * 255 + 0.5).astype(np.uint8)


def _tiff_layouts(field: Field) -> Iterator[Variant]:
    grey = grey_of(field)

    def tiff(name: str, data: bytes, refused: str = "", *, is_grey: bool = False) -> Variant:
        return Variant("TIFF", name, data, refused, is_grey)

    rgb: dict[str, Any] = {"photometric": "rgb"}
    yield tiff("uncompressed", _tiff(field, **rgb))
    for name in ("lzw", "zlib", "packbits", "zstd", "lzma", "lerc", "jpeg2000", "webp"):
        options: dict[str, Any] = {"compression": name}
        if name in ("webp", "jpeg2000"):
            options["compressionargs"] = {"level": 100} if name == "webp" else {"level": 0}
        yield tiff(f"{name.upper()}", _tiff(field, **rgb, **options))
    yield tiff("LZW with predictor", _tiff(field, compression="lzw", predictor=True, **rgb))
    yield tiff("JPEG", _tiff(field, compression="jpeg", compressionargs={"level": 98}, **rgb))
    yield tiff("JPEG, YCbCr tiles with tables", _pillow_jpeg_tiff(field))
    yield tiff("JPEG XL", _tiff(field, compression="jpegxl", **rgb), "coding-not-read")
    yield tiff("tiles", _tiff(field, tile=(64, 64), **rgb))
    yield tiff("strips of one row", _tiff(field, rowsperstrip=1, **rgb))
    yield tiff("planes apart", _tiff(np.ascontiguousarray(field.transpose(2, 0, 1)), planarconfig="separate", **rgb))
    for order in "<>":
        end = {"<": "little", ">": "big"}[order]
        yield tiff(f"{end}-endian", _tiff(field, byteorder=order, **rgb))
        yield tiff(f"BigTIFF, {end}-endian", _tiff(field, byteorder=order, bigtiff=True, **rgb))
    yield tiff("grey", _tiff(grey), is_grey=True)
    yield tiff("white is zero", _tiff(255 - grey, photometric="miniswhite"), is_grey=True)
    yield tiff(
        "grey with alpha",
        _tiff(
            np.dstack([grey, np.full_like(grey, 255)]),
            photometric="minisblack",
            extrasamples=["unassalpha"],
            planarconfig="contig",
        ),
        is_grey=True,
    )
    yield tiff("alpha, opaque", _tiff(np.dstack([field, np.full_like(grey, 255)]), extrasamples=["unassalpha"], **rgb))
    yield tiff("a fourth sample without meaning", _tiff(np.dstack([field, grey]), extrasamples=["unspecified"], **rgb))
    yield tiff(
        "palette",
        _tiff(grey, photometric="palette", colormap=np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))),
        is_grey=True,
    )
    yield tiff(
        "turned, orientation tag", _tiff(np.ascontiguousarray(np.rot90(field)), extratags=[(274, 3, 1, 6, True)], **rgb)
    )
    yield tiff("wide RGB profile", _tiff(profiles.in_prophoto(field), iccprofile=profiles.prophoto(), **rgb))
    yield tiff(
        "CMYK with a profile", _tiff(profiles.in_press(field), photometric="separated", iccprofile=profiles.press())
    )
    yield tiff("CMYK without a profile", _tiff(profiles.in_press(field), photometric="separated"), "colour-unknown")


def _pillow_jpeg_tiff(field: Field) -> bytes:
    return _pillow(field, "TIFF", compression="jpeg", quality=98)


def packed_12_bit(grey: Field) -> bytes:
    """Write a grey TIFF whose samples take 12 bits each, most significant first."""
    deep = grey.astype(np.uint32) << 4
    pairs = (deep[:, 0::2] << 12) | deep[:, 1::2]
    rows = np.stack([pairs >> 16 & 255, pairs >> 8 & 255, pairs & 255], axis=-1).astype(np.uint8).tobytes()
    height, width = grey.shape
    entries = [
        (256, 3, width),
        (257, 3, height),
        (258, 3, 12),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 0),
        (277, 3, 1),
        (278, 3, height),
        (279, 4, len(rows)),
    ]
    start = 8 + 2 + 12 * len(entries) + 4
    body = b"".join(
        struct.pack(">HHI", tag, kind, 1)
        + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", start if tag == 273 else value))
        for tag, kind, value in entries
    )
    return b"MM\x00*" + struct.pack(">IH", 8, len(entries)) + body + struct.pack(">I", 0) + rows


def _tiff_depths(field: Field) -> Iterator[Variant]:
    grey = grey_of(field)
    wide = field.astype(np.uint16)

    def tiff(name: str, data: bytes, refused: str = "", *, is_grey: bool = False) -> Variant:
        return Variant("TIFF, depth", name, data, refused, is_grey)

    rgb: dict[str, Any] = {"photometric": "rgb"}
    yield tiff("16 bits", _tiff(wide * 257, **rgb))
    yield tiff(
        "16 bits, big-endian LZW with predictor",
        _tiff(wide * 257, byteorder=">", compression="lzw", predictor=True, **rgb),
    )
    yield tiff(
        "16 bits, planes apart",
        _tiff(np.ascontiguousarray((wide * 257).transpose(2, 0, 1)), planarconfig="separate", **rgb),
    )
    yield tiff("12 bits in 16", _tiff(wide << 4, **rgb))
    yield tiff("14 bits in 16", _tiff(wide << 6, **rgb))
    yield tiff(
        "16 bits, MaxSampleValue 4095", _tiff(wide << 4, extratags=[(281, 3, 3, (4095, 4095, 4095), True)], **rgb)
    )
    yield tiff("12 bits in 16, grey", _tiff(grey.astype(np.uint16) << 4), is_grey=True)
    yield tiff("12 bits packed, grey", packed_12_bit(grey), is_grey=True)
    yield tiff("signed 16 bits, grey", _tiff((grey.astype(np.int32) * 257 - 32768).astype(np.int16)), is_grey=True)
    yield tiff(
        "16 bits, white is zero", _tiff(65_535 - grey.astype(np.uint16) * 257, photometric="miniswhite"), is_grey=True
    )
    yield tiff("32 bits, floating point", _tiff(field.astype(np.float32) / 255, **rgb), "samples-not-read")
    yield tiff("32 bits, whole numbers", _tiff(grey.astype(np.uint32)), "samples-not-read")


def _pages(*pages: tuple[npt.NDArray[Any], dict[str, Any]], **options: Any) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, **options) as writer:
        for samples, page in pages:
            writer.write(samples, **page)
    return file.getvalue()


def _tiff_pages(field: Field) -> Iterator[Variant]:
    channels = np.ascontiguousarray(field.transpose(2, 0, 1))
    rgb: dict[str, Any] = {"photometric": "rgb", "metadata": None}
    small = np.ascontiguousarray(field[::3, ::3])

    def tiff(name: str, data: bytes, refused: str = "") -> Variant:
        return Variant("TIFF, pages", name, data, refused)

    yield tiff("further pages of the same size", _pages((field, rgb), (255 - field, rgb)))
    yield tiff("a thumbnail first (NewSubfileType 1)", _pages((255 - small, {**rgb, "subfiletype": 1}), (field, rgb)))
    yield tiff("a thumbnail first, not marked", _pages((255 - small, rgb), (field, rgb)))
    aperio = {
        **rgb,
        "tile": (64, 64),
        "compression": "jpeg",
        "compressionargs": {"level": 98},
        "description": "Aperio Image Library\r\n224x224 |AppMag = 40|MPP = 0.2520",
    }
    yield tiff(
        "Aperio SVS, a small one", _pages((field, aperio), (255 - small, rgb), (small, {**rgb, "subfiletype": 1}))
    )
    yield tiff("OME, channels as pages", _tiff(channels, ome=True, metadata={"axes": "CYX"}, photometric="minisblack"))
    yield tiff(
        "OME, 16 bits, compressed channels",
        _tiff(
            channels.astype(np.uint16) << 4,
            ome=True,
            metadata={"axes": "CYX"},
            photometric="minisblack",
            compression="zlib",
        ),
    )
    planes = np.stack([channels, 255 - channels])
    yield tiff("OME, planes of channels", _tiff(planes, ome=True, metadata={"axes": "ZCYX"}, photometric="minisblack"))
    yield tiff("OME, RGB", _tiff(field, ome=True, metadata={"axes": "YXS"}, photometric="rgb"))
    yield tiff("ImageJ composite", _tiff(channels, imagej=True, metadata={"axes": "CYX", "mode": "composite"}))
    yield tiff(
        "ImageJ composite, 12 bits in 16",
        _tiff(channels.astype(np.uint16) << 4, imagej=True, metadata={"axes": "CYX", "mode": "composite"}),
    )
    yield tiff(
        "two channels (fluorescence)",
        _tiff(channels[:2], ome=True, metadata={"axes": "CYX"}, photometric="minisblack"),
        "channels-not-colour",
    )
    yield tiff("reduced copies alone", _pages((field, {**rgb, "subfiletype": 1})))


def _others(field: Field) -> Iterator[Variant]:
    grey = grey_of(field)
    yield Variant("BMP", "24 bits", _pillow(field, "BMP"))
    yield Variant("BMP", "8 bits", _pillow(grey, "BMP"), grey=True)
    yield Variant("BMP", "32 bits", _pillow(Image.fromarray(field).convert("RGBA"), "BMP"))
    yield Variant("WebP", "lossless", _pillow(field, "WEBP", lossless=True))
    yield Variant("WebP", "lossless with alpha", _pillow(Image.fromarray(field).convert("RGBA"), "WEBP", lossless=True))
    yield Variant("WebP", "lossy", _pillow(field, "WEBP", quality=100), lossy=True)
    yield Variant(
        "WebP",
        "wide RGB profile",
        _pillow(profiles.in_prophoto(field), "WEBP", lossless=True, icc_profile=profiles.prophoto()),
    )
    yield Variant("AVIF", "4:4:4", _pillow(field, "AVIF", quality=98, subsampling="4:4:4", speed=8))
    heif = pillow_heif.from_pillow(Image.fromarray(field))
    file = io.BytesIO()
    heif.save(file, quality=98, chroma=444)
    yield Variant("HEIC", "of a phone", file.getvalue())
    yield Variant("JPEG 2000", "JP2, lossless", _pillow(field, "JPEG2000"))
    yield Variant("JPEG 2000", "code stream", _pillow(field, "JPEG2000", no_jp2=True))
    yield Variant(
        "JPEG 2000", "12 bits in 16, grey", imagecodecs.jpeg2k_encode(grey.astype(np.uint16) << 4, level=0), grey=True
    )


def dicom(samples: npt.NDArray[Any], photometric: str, syntax: str = ExplicitVRLittleEndian, **options: Any) -> bytes:
    """Write a DICOM object of drawn samples, of a patient who does not exist."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = options.pop("sop_class", VLMicroscopicImageStorage)
    meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    meta.TransferSyntaxUID = syntax
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    data.PatientName = "Nobody^Drawn"
    data.PatientID = "none-0"
    frames = options.pop("frames", None)
    shape = samples.shape
    data.Rows, data.Columns = shape[:2]
    data.SamplesPerPixel = shape[2] if samples.ndim == 3 else 1
    data.PhotometricInterpretation = photometric
    if data.SamplesPerPixel > 1:
        data.PlanarConfiguration = 0
    bits = 8 * samples.dtype.itemsize
    data.BitsAllocated, data.BitsStored = bits, options.pop("stored", bits)
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    data.PixelSpacing = [0.00025, 0.00025]
    encoded = options.pop("encoded", None)
    for name, value in options.items():
        setattr(data, name, value)
    little = syntax != ExplicitVRBigEndian
    raw = samples.astype(samples.dtype.newbyteorder("<" if little else ">")).tobytes()
    data.PixelData = encapsulate([encoded]) if encoded is not None else raw
    if encoded is not None:
        data["PixelData"].is_undefined_length = True
    if frames:
        data.NumberOfFrames = len(frames)
        data.PixelData = b"".join(np.ascontiguousarray(one).tobytes() for one in frames)
    file = io.BytesIO()
    pydicom.dcmwrite(file, data, enforce_file_format=True)
    return file.getvalue()


def _dicom(field: Field) -> Iterator[Variant]:
    grey = grey_of(field)

    def made(name: str, data: bytes, refused: str = "", *, is_grey: bool = False) -> Variant:
        return Variant("DICOM", name, data, refused, is_grey)

    yield made("VL microscopy, RGB", dicom(field, "RGB"))
    yield made(
        "secondary capture, implicit VR",
        dicom(field, "RGB", ImplicitVRLittleEndian, sop_class=SecondaryCaptureImageStorage),
    )
    yield made("deflated", dicom(field, "RGB", DeflatedExplicitVRLittleEndian))
    yield made("grey", dicom(grey, "MONOCHROME2"), is_grey=True)
    yield made("white is zero", dicom(255 - grey, "MONOCHROME1"), is_grey=True)
    yield made("12 bits stored in 16", dicom(grey.astype(np.uint16) << 4, "MONOCHROME2", stored=12), is_grey=True)
    jpeg = _pillow(field, "JPEG", **FINE)
    yield made("JPEG", dicom(field, "YBR_FULL_422", JPEGBaseline8Bit, encoded=jpeg))
    yield made(
        "JPEG 2000", dicom(field, "YBR_RCT", JPEG2000Lossless, encoded=_pillow(field, "JPEG2000", no_jp2=True, mct=1))
    )
    yield made("JPEG-LS", dicom(field, "RGB", JPEGLSLossless, encoded=imagecodecs.jpegls_encode(field)))
    yield made("run lengths (RLE)", _run_lengths(field))
    yield made("several frames", dicom(field, "RGB", frames=[field, 255 - field]))
    yield made(
        "a whole slide in tiles",
        dicom(field, "RGB", TotalPixelMatrixColumns=90_000, TotalPixelMatrixRows=60_000),
        "whole-slide",
    )
    without = Dataset()
    without.file_meta = FileMetaDataset()
    without.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    without.PatientName = "Nobody^Drawn"
    file = io.BytesIO()
    without.save_as(file, enforce_file_format=False)
    yield made(
        "no picture",
        b"\0" * 128 + b"DICM" + file.getvalue() if not file.getvalue().startswith(b"\0" * 128) else file.getvalue(),
        "coding-not-read",
    )


def _run_lengths(field: Field) -> bytes:
    data = pydicom.dcmread(io.BytesIO(dicom(field, "RGB")))
    data.compress(RLELossless)
    file = io.BytesIO()
    data.save_as(file)
    return file.getvalue()


def _foreign(field: Field) -> Iterator[Variant]:
    png = _pillow(field, "PNG")
    yield Variant("not read", "GIF", _pillow(Image.fromarray(field).quantize(), "GIF"), "format-not-read")
    yield Variant("not read", "JPEG XL", imagecodecs.jpegxl_encode(field), "format-not-read")
    yield Variant("not read", "PDF", _pillow(field, "PDF"), "format-not-read")
    yield Variant("not read", "Photoshop", b"8BPS\0\1" + b"\0" * 200, "format-not-read")
    yield Variant("not read", "Zeiss CZI", b"ZISRAWFILE" + b"\0" * 200, "format-not-read")
    yield Variant("not read", "a web page", b"<!DOCTYPE html><title>Sign in</title>", "web-page")
    yield Variant("not read", "base64 text", base64.b64encode(png), "base64")
    yield Variant("not read", "text", b"Dear laboratory, please find attached ...", "not-an-image")
    yield Variant("not read", "nothing", b"", "empty")


def _shapes(field: Field) -> Iterator[Variant]:
    yield Variant("shape", "64 x 64", _pillow(np.ascontiguousarray(field[:64, :64]), "PNG"), "too-small")
    wide = np.ascontiguousarray(np.tile(field[:80], (1, 6, 1)))
    yield Variant("shape", "one side 16 times the other", _pillow(wide, "PNG"), "no-field-shape")


def text_mode(data: bytes) -> bytes:
    """Change a file as FTP's text mode does."""
    return data.replace(b"\n", b"\r\n")


def read_as_text(data: bytes) -> bytes:
    """Change a file as a program does that decodes it as UTF-8, faults replaced, and encodes it again."""
    return data.decode("utf-8", errors="replace").encode("utf-8")


def _flipped(data: bytes, at: float) -> bytes:
    changed = bytearray(data)
    changed[int(len(data) * at)] ^= 0x10
    return bytes(changed)


def _shortened_strip(field: Field, compression: str) -> bytes:
    """Write a TIFF one of whose strips ends in its middle; the file is whole."""
    data = bytearray(
        _tiff(
            field,
            photometric="rgb",
            compression=compression,
            rowsperstrip=32,
            **({"compressionargs": {"level": 95}} if compression == "jpeg" else {}),
        )
    )
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tag = file.pages[0].tags[279]
        value = tag.value[1] // 2
        size = 4 if tag.dtype == 4 else 2
        offset = tag.valueoffset + size
    data[offset : offset + size] = value.to_bytes(size, "little")
    return bytes(data)


def _noisy(field: Field) -> Field:
    """Add a camera's noise, so that every byte value occurs."""
    noise = np.random.default_rng(0).integers(-12, 13, field.shape)
    dark = np.clip(field.astype(int) + noise, 0, 255)
    dark[:40] //= 8
    return dark.astype(np.uint8)


def _damaged(field: Field) -> Iterator[Variant]:
    noisy = _noisy(field)
    forms: dict[str, Callable[[], bytes]] = {
        "JPEG": lambda: _pillow(noisy, "JPEG", quality=95),
        "PNG": lambda: _pillow(noisy, "PNG"),
        "TIFF": lambda: _tiff(noisy, photometric="rgb", compression="lzw"),
        "BMP": lambda: _pillow(noisy, "BMP"),
        "WebP": lambda: _pillow(noisy, "WEBP", lossless=True),
        "JPEG 2000": lambda: _pillow(noisy, "JPEG2000"),
        "AVIF": lambda: _pillow(noisy, "AVIF", quality=90, speed=9),
        "DICOM": lambda: dicom(noisy, "RGB"),
    }

    def broken(name: str, data: bytes, refused: str) -> Variant:
        return Variant("damaged", name, data, refused)

    files = {kind: make() for kind, make in forms.items()}
    for kind, data in files.items():
        yield broken(
            f"{kind}, cut in half", data[: len(data) // 2], "damaged" if kind in ("JPEG 2000", "AVIF") else "cut-short"
        )
    for kind, data in files.items():
        changed = text_mode(data)
        if kind != "DICOM" and len(changed) > len(data) + 16:
            yield broken(f"{kind}, text-mode transfer", changed, "text-mode-transfer")
    for kind in ("JPEG", "PNG", "TIFF", "WebP"):
        yield broken(f"{kind}, read as UTF-8", read_as_text(files[kind]), "read-as-text")
    jpeg, webp = files["JPEG"], files["WebP"]
    yield broken("JPEG, half, with an end marker", jpeg[: len(jpeg) // 2] + b"\xff\xd9", "cut-short")
    yield broken("PNG, one bit flipped in its pixels", _flipped(files["PNG"], 0.5), "damaged")
    for compression in ("lzw", "zlib", "jpeg", "packbits"):
        yield broken(
            f"TIFF, a short strip of {compression.upper()}",
            _shortened_strip(noisy, compression),
            "cut-short" if compression == "jpeg" else "damaged",
        )
    half = webp[: len(webp) // 2 & ~1]
    mended = b"RIFF" + struct.pack("<I", len(half) - 8) + half[8:16] + struct.pack("<I", len(half) - 20) + half[20:]
    yield broken("WebP, half, with its lengths mended", mended, "damaged")
