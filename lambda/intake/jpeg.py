"""JPEG: what its decoding will cost, and a decoding that hears libjpeg's warnings."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from .errors import ImageTooLarge, UnreadableImage, cut_short, damaged
from .jpeg_header import APP0, EOI, SOI, SOS, Header, segments
from .limits import MAX_DECODED_BYTES, check_codec, check_format
from .raster import Colour, Decoded, factor_of, finish
from .source import Source, microns_of_dpi

MAX_SCANS: Final = 500
"""libjpeg-turbo's own advice (its ``libjpeg.txt`` and the option ``-maxscans``)."""
MAX_BLOCK_VISITS: Final = 25_000_000
"""Each scan passes over every block of its components, at 35 to 85 ns where it says nothing (measured on an idle and
on a busy core): 1 to 2 s. A usual progressive file of 100 megapixels visits 16 million."""
MAX_COEFFICIENT_BYTES: Final = 320_000_000
"""A progressive picture of 100 megapixels with chroma at half the scale; without, of 83 megapixels."""
CHEAP_BLOCK_VISITS: Final = 2_000_000
CHEAP_BYTES: Final = 5_000_000
"""What is decoded in the calling process: at most about 0.2 s."""

_HUFFMAN_OF_8_BITS: Final = frozenset({0xC0, 0xC1, 0xC2})
_CODINGS: Final = {0xC3: "lossless JPEG", 0xF7: "JPEG-LS"}
_ORIENTATION_TAG: Final = 0x0112
# Warnings of libjpeg that leave every pixel as it is.
_HARMLESS: Final = (
    "Unknown Adobe color transform code",
    "Invalid SOS parameters for sequential JPEG",
    "Inconsistent progression sequence",
)


def check(header: Header, max_pixels: int) -> None:
    """Refuse, before decoding, what takes more work or memory than a picture needs."""
    check_format("JPEG", (header.width, header.height), max_pixels)
    if header.scans > MAX_SCANS or header.block_visits > MAX_BLOCK_VISITS:
        raise ImageTooLarge(
            f"The JPEG has {header.scans} scans over {header.width} x {header.height} pixels, more work than a picture "
            "needs: save it again, not progressive.",
            "too-costly",
        )
    # Several scans: libjpeg holds the coefficients of the whole picture, 16 bits each.
    coefficients_bytes = 128 * header.blocks({component for component, _, _ in header.sampling})
    if header.scans > 1 and coefficients_bytes > MAX_COEFFICIENT_BYTES:
        raise ImageTooLarge(
            f"A progressive JPEG of {header.width} x {header.height} takes too much memory: save it as baseline JPEG.",
            "too-many-pixels",
        )


def is_cheap(header: Header, data: bytes) -> bool:
    """Tell whether decoding is so little work that no process apart is needed for it."""
    return (
        header.coding in _HUFFMAN_OF_8_BITS
        and header.bits == 8
        and header.components in (1, 3)
        and header.block_visits <= CHEAP_BLOCK_VISITS
        and len(data) <= CHEAP_BYTES
        and not header.profile
    )


def read(data: bytes, header: Header) -> Decoded:
    """Decode a JPEG; its markers have been read and checked.

    Raises
    ------
    UnreadableImage
        Where libjpeg warns of missing or corrupt data, and for codings that are not read.
    """
    size = (header.width, header.height)
    orientation = _orientation(header.exif)
    notes: tuple[str, ...] = ()
    frames = 1
    if header.pictures:
        frames = _pictures(data)
        if frames > 1:
            notes = (f"The file holds {frames} pictures; only the first was read.",)
    model = {1: "grey", 3: "YCbCr", 4: "CMYK"}.get(header.components, "")
    source = Source(
        "JPEG", header.bits, model, orientation=orientation, microns_per_pixel=microns_of_dpi(header.dots_per_inch)
    )
    if header.coding not in _HUFFMAN_OF_8_BITS or header.bits != 8:
        return _rare(data, header, source, notes)
    pixels = strict(data, header.components, factor_of(size), inverted=header.adobe_transform is not None)
    plain = header.components == 3 and not header.profile and orientation == 1
    if plain and factor_of((pixels.shape[1], pixels.shape[0])) == 1:
        return Decoded(pixels, *size, frames, source, notes)
    image = Image.fromarray(pixels) if header.components != 4 else Image.fromarray(pixels, "CMYK")
    decoded = finish(
        image.size,
        lambda top, bottom: image.crop((0, top, image.width, bottom)),
        Colour(header.profile or None),
        source,
    )
    turned = orientation in (5, 6, 7, 8)
    return Decoded(decoded.pixels, *(size[::-1] if turned else size), frames, decoded.source, (*notes, *decoded.notes))


def strict(data: bytes, components: int, factor: int = 1, *, inverted: bool = False) -> npt.NDArray[np.uint8]:
    """Decode an 8-bit JPEG, at reduced scale where ``factor`` allows it, and refuse what libjpeg warns of.

    Parameters
    ----------
    inverted
        CMYK in Adobe's manner, 255 for no ink: where the Adobe marker is.

    Returns
    -------
    uint8[h, w] or uint8[h, w, 3 or 4]
        Grey, RGB, or CMYK with 255 for full ink.
    """
    if components not in (1, 3, 4):
        raise UnreadableImage(
            f"A JPEG of {components} components is neither grey, colour nor CMYK: save it as RGB.", "coding-not-read"
        )
    space = {1: "GRAY", 3: "RGB", 4: "CMYK"}[components]
    scale = next(step for step in (8, 4, 2, 1) if step <= factor)
    try:
        pixels = _decoded(data, space, scale)
    except ValueError as error:
        plain = _with_plain_header(data)
        if plain != data:
            return strict(plain, components, factor, inverted=inverted)
        if not _leaves_pixels_alone(str(error), data):
            raise _named(str(error)) from error
        pixels = _decoded(data, space, scale, strict=False)
    if components == 1:
        return np.asarray(pixels[..., 0])
    return np.asarray(255 - pixels if components == 4 and inverted else pixels)


def _decoded(data: bytes, space: str, scale: int, *, strict: bool = True) -> npt.NDArray[np.uint8]:
    import simplejpeg

    least: dict[str, int] = {}
    if scale > 1:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
        least = {"min_height": -(-height // scale), "min_width": -(-width // scale), "min_factor": scale}
    pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(data, space, strict=strict, **least)
    return pixels


def _with_plain_header(data: bytes) -> bytes:
    """Leave out what lies between a header's segments, and name a revision of JFIF that libjpeg knows.

    Neither touches a pixel, and libjpeg's first warning would hide a later one that does.
    """
    kept = [SOI]
    for marker, begin, end in segments(data):
        if marker in (SOS, EOI):
            return b"".join([*kept, data[begin:]])
        segment = data[begin:end]
        if marker == APP0 and segment[4:9] == b"JFIF\0":
            segment = segment[:9] + b"\x01\x01" + segment[11:]
        kept.append(segment)
    return data


def _leaves_pixels_alone(warning: str, data: bytes) -> bool:
    """Tell whether a warning is of form alone, or of zeros that a camera puts before the end marker."""
    if warning.startswith(_HARMLESS):
        return True
    end = data.rfind(b"\xff\xd9")
    return "extraneous bytes before marker 0xd9" in warning and data[end - 2 : end] in (b"\0\0", b"\xff\xff")


def _named(warning: str) -> UnreadableImage:
    if "remature end" in warning:
        return cut_short("The JPEG ends before its last pixels")
    if "Unsupported" in warning or "not supported" in warning or "not implemented" in warning:
        return UnreadableImage("The JPEG's coding is not read: save it as baseline JPEG or PNG.", "coding-not-read")
    return damaged("The JPEG's data are corrupt")


def _rare(data: bytes, header: Header, source: Source, notes: tuple[str, ...]) -> Decoded:
    """Decode what libjpeg-turbo's 8-bit interface does not: 12 bits, lossless, JPEG-LS, arithmetic coding."""
    from . import deep

    check_codec("JPEG-LS" if header.coding == 0xF7 else "JPEG of 12 bits or lossless", (header.width, header.height))
    named = _CODINGS.get(header.coding, f"JPEG of {header.bits} bits")
    if header.width * header.height * header.components * (2 if header.bits > 8 else 1) > MAX_DECODED_BYTES:
        raise ImageTooLarge(f"A {named} of this size takes too much memory: save it as PNG.", "too-many-pixels")
    samples = deep.by_codec("jpegls" if header.coding == 0xF7 else "jpeg", data, named)
    return deep.of_samples(samples, header.bits, source, Colour(header.profile or None), notes)


def _orientation(exif: bytes) -> int:
    """Read the EXIF orientation; 1 (upright) where there is none or it is damaged."""
    if not exif:
        return 1
    try:
        block = Image.Exif()
        block.load(exif)
        value = int(block.get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block must not lose a readable image
        return 1
    return value if 1 <= value <= 8 else 1


def _pictures(data: bytes) -> int:
    import io

    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001 - a damaged index of further pictures must not lose the first
        return 1
