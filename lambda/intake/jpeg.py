"""JPEG: what its markers say, what its decoding will cost, and a decoding that hears libjpeg's warnings."""

import re
import struct
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from .errors import ImageTooLarge, UnreadableImage, cut_short, damaged
from .limits import MAX_DECODED_BYTES, check_codec, check_format
from .raster import Colour, Decoded, factor_of, finish
from .source import Source, microns_of_dpi

MAX_SCANS: Final = 500
"""libjpeg-turbo's own advice (its ``libjpeg.txt`` and the option ``-maxscans``)."""
MAX_BLOCK_VISITS: Final = 25_000_000
"""Each scan passes over every block of its components, at 35 to 85 ns where it says nothing (measured on an idle and
on a busy core): 1 to 2 s. A usual
progressive file of 100 megapixels visits 16 million."""
MAX_COEFFICIENT_BYTES: Final = 320_000_000
"""A progressive picture of 100 megapixels with chroma at half the scale; without, of 83 megapixels."""
MAX_MARKERS: Final = 4_000
MAX_PROFILE_BYTES: Final = 4_000_000
CHEAP_BLOCK_VISITS: Final = 2_000_000
CHEAP_BYTES: Final = 5_000_000
"""What is decoded in the calling process: at most about 0.2 s."""

# Its first byte is fixed, which the search leaps to: ``\xff+`` would be tried at every byte.
_NEXT_MARKER: Final = re.compile(rb"\xff\xff*([\x01-\xcf\xd8-\xfe])")
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_HUFFMAN_OF_8_BITS: Final = frozenset({0xC0, 0xC1, 0xC2})
_CODINGS: Final = {0xC3: "lossless JPEG", 0xF7: "JPEG-LS"}
_SOS, _EOI, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
_ORIENTATION_TAG: Final = 0x0112
# Warnings of libjpeg that leave every pixel as it is.
_HARMLESS: Final = (
    "Unknown Adobe color transform code",
    "Invalid SOS parameters for sequential JPEG",
    "Inconsistent progression sequence",
)


@dataclass
class Header:
    """What the markers of a JPEG say.

    Attributes
    ----------
    coding
        Low byte of the frame's marker: 0xC0 baseline, 0xC2 progressive, 0xC3 lossless, 0xF7 JPEG-LS ...
    sampling
        (identifier, horizontal, vertical) of each component.
    block_visits
        Blocks that all scans pass over together.
    """

    coding: int = 0
    bits: int = 8
    width: int = 0
    height: int = 0
    sampling: list[tuple[int, int, int]] = field(default_factory=list)
    scans: int = 0
    block_visits: int = 0
    adobe_transform: int | None = None
    dots_per_inch: float = 0.0
    exif: bytes = b""
    profile: bytes = b""
    pictures: bool = False

    @property
    def components(self) -> int:
        """How many components a pixel has."""
        return len(self.sampling)

    def blocks(self, identifiers: set[int]) -> int:
        """Count the 8 x 8 blocks of some components."""
        across = max((h for _, h, _ in self.sampling), default=1)
        down = max((v for _, _, v in self.sampling), default=1)
        whole = (self.width + 7) // 8 * ((self.height + 7) // 8)
        return sum(whole * h * v // (across * down) + 1 for one, h, v in self.sampling if one in identifiers)


def read_header(data: bytes) -> Header:
    """Walk a JPEG's markers, entropy-coded data skipped.

    Raises
    ------
    ImageTooLarge
        For more markers than any picture needs.
    UnreadableImage
        For a file without a frame or a scan.
    """
    header = Header()
    profile_parts: list[bytes] = []
    position = 2
    for _ in range(MAX_MARKERS):
        found = _NEXT_MARKER.search(data, position)
        if found is None:
            break  # no end marker: the decoder warns where pixels are missing
        marker, position = found[1][0], found.end()
        if marker == _EOI:
            break
        if marker in (0x01, 0xD8):
            continue
        if position + 2 > len(data):
            break
        length = int.from_bytes(data[position : position + 2], "big")
        _note(header, marker, data[position + 2 : position + length], profile_parts)
        position += length
    else:
        raise ImageTooLarge(f"The JPEG has over {MAX_MARKERS} markers: save it again.", "too-costly")
    header.profile = b"".join(profile_parts)
    if not header.sampling or not header.scans:
        raise cut_short("The JPEG has no picture data") if found is None else damaged("The JPEG has no picture data")
    return header


def _note(header: Header, marker: int, content: bytes, profile_parts: list[bytes]) -> None:
    if (marker in _FRAMES or marker == 0xF7) and not header.sampling:
        header.coding = marker
        if len(content) < 6 + 3 * (content[5] if len(content) > 5 else 256):
            raise cut_short("The JPEG's frame header has no end")
        header.bits, header.height, header.width, count = struct.unpack_from(">BHHB", content)
        header.sampling = [
            (content[at], content[at + 1] >> 4 or 1, content[at + 1] & 15 or 1) for at in range(6, 6 + 3 * count, 3)
        ]
    elif marker == _SOS and content:
        header.scans += 1
        header.block_visits += header.blocks({content[at] for at in range(1, min(len(content), 2 * content[0]), 2)})
    elif marker == _APP0 and content.startswith(b"JFIF\0") and len(content) >= 12:
        unit, across = content[7], int.from_bytes(content[8:10], "big")
        header.dots_per_inch = across * {1: 1.0, 2: 2.54}.get(unit, 0.0)
    elif marker == _APP1 and content.startswith(b"Exif\0\0") and not header.exif:
        header.exif = content
    elif marker == _APP2 and content.startswith(b"ICC_PROFILE\0"):
        if sum(map(len, profile_parts)) + len(content) > MAX_PROFILE_BYTES:
            raise ImageTooLarge("The JPEG's colour profile is larger than any: save it with sRGB.", "too-costly")
        profile_parts.append(content[14:])
    elif marker == _APP2 and content.startswith(b"MPF\0"):
        header.pictures = True
    elif marker == _APP14 and content.startswith(b"Adobe") and len(content) >= 12:
        header.adobe_transform = content[11]


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
    coefficients_bytes = 128 * header.blocks({one for one, _, _ in header.sampling})
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
    made = finish(
        image.size,
        lambda top, bottom: image.crop((0, top, image.width, bottom)),
        Colour(header.profile or None),
        source,
    )
    turned = orientation in (5, 6, 7, 8)
    return Decoded(made.pixels, *(size[::-1] if turned else size), frames, made.source, (*notes, *made.notes))


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
    kept, position = [b"\xff\xd8"], 2
    while found := _NEXT_MARKER.search(data, position):
        marker, position = found[1][0], found.end()
        if marker in (_SOS, _EOI):
            return b"".join([*kept, data[position - 2 :]])
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        end = position + int.from_bytes(data[position : position + 2], "big")
        segment = data[position - 2 : end]
        if marker == _APP0 and segment[4:9] == b"JFIF\0":
            segment = segment[:9] + b"\x01\x01" + segment[11:]
        kept.append(segment)
        position = end
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
