"""PNG: its checksums, its chunks, and its pixels."""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from .errors import ImageTooLarge, cut_short, damaged
from .limits import check_format
from .raster import Colour, Decoded, finish
from .source import Source, plausible_microns

MAX_CHUNKS: Final = 20_000
MAX_UNPACKED_BYTES: Final = 4_000_000
"""Of a profile or a text: a scanner's profile by tables is larger than the megabyte that Pillow allows."""
CHEAP_PIXELS: Final = 3_000_000
"""What is decoded in the calling process: at most about 0.1 s."""
_SIGNATURE_BYTES: Final = 8
_COLOUR_MODELS: Final = {0: "grey", 2: "RGB", 3: "palette", 4: "grey", 6: "RGB"}
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_METRE: Final = 1


@dataclass
class Header:
    """What the chunks of a PNG say."""

    width: int = 0
    height: int = 0
    bits: int = 0
    colour_type: int = 0
    interlaced: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None
    is_srgb: bool = False
    is_profiled: bool = False
    pixels_per_metre: int = 0
    animated: bool = False


def read_size(data: bytes) -> tuple[int, int]:
    """Read width and height where the format puts them, however little follows.

    Raises
    ------
    UnreadableImage
        Where the file ends before.
    """
    if len(data) < _SIGNATURE_BYTES + 16:
        raise cut_short("The PNG ends in its header")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def read_header(data: bytes) -> Header:
    """Walk a PNG's chunks and hold each to its checksum (Pillow leaves those of the pixels unread).

    Raises
    ------
    UnreadableImage
        For a wrong checksum, or a file that ends before its last chunk.
    ImageTooLarge
        For more chunks than any picture needs.
    """
    header = Header()
    position = _SIGNATURE_BYTES
    view = memoryview(data)
    for _ in range(MAX_CHUNKS):
        if position + 12 > len(data):
            raise cut_short("The PNG ends before its last chunk")
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            raise cut_short("The PNG ends before its last chunk")
        if zlib.crc32(view[position + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            name = kind.decode("ascii", errors="replace")
            raise damaged(f"The checksum of the PNG's chunk {name} does not fit")
        _note(header, kind, data[position + 8 : position + 8 + min(length, 64)])
        if kind == b"IEND":
            return header
        position = end + 4
    raise ImageTooLarge(f"The PNG has over {MAX_CHUNKS} chunks: save it again.", "too-costly")


def _note(header: Header, kind: bytes, content: bytes) -> None:
    if kind == b"IHDR" and len(content) >= 13:
        header.width, header.height, header.bits, header.colour_type, _, _, interlace = struct.unpack_from(
            ">IIBBBBB", content
        )
        header.interlaced = interlace == 1
    elif kind == b"gAMA" and len(content) == 4:
        header.gamma = int.from_bytes(content, "big") / 100_000 or None
    elif kind == b"cHRM" and len(content) == 32:
        values = tuple(value / 100_000 for value in struct.unpack(">8I", content))
        header.chromaticities = values if all(values) else None
    elif kind == b"sRGB":
        header.is_srgb = True
    elif kind == b"iCCP":
        header.is_profiled = True
    elif kind == b"pHYs" and len(content) == 9 and content[8] == _METRE:
        header.pixels_per_metre = int.from_bytes(content[:4], "big")
    elif kind == b"acTL":
        header.animated = True


def is_cheap(header: Header) -> bool:
    """Tell whether decoding is so little work that no process apart is needed for it."""
    return (
        header.width * header.height <= CHEAP_PIXELS
        and header.bits <= 8
        and not header.animated
        and not header.is_profiled
    )


def check_size(data: bytes, max_pixels: int) -> None:
    """Refuse a size that a PNG may not have, before the rest of it is looked at."""
    check_format("PNG", read_size(data), max_pixels)


def read(data: bytes, header: Header) -> Decoded:
    """Decode a PNG; its chunks have been read and checked."""
    from PIL import PngImagePlugin

    PngImagePlugin.MAX_TEXT_CHUNK = MAX_UNPACKED_BYTES
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    frames, frame, notes = int(getattr(image, "n_frames", 1)), 0, []
    if image.info.get("default_image"):
        image.seek(1)
        frame = 1
        notes.append("The file is an animation whose first picture is hidden from viewers; the one after it was read.")
    elif frames > 1:
        notes.append(f"The file holds {frames} frames; only the first was read.")
    microns = plausible_microns(1e6 / header.pixels_per_metre) if header.pixels_per_metre else None
    source = Source(
        "PNG",
        header.bits,
        _COLOUR_MODELS.get(header.colour_type, "RGB"),
        frame=frame,
        orientation=_orientation(image),
        microns_per_pixel=microns,
    )
    profile = image.info.get("icc_profile")
    untold = profile or header.is_srgb
    colour = Colour(profile, None if untold else header.gamma, None if untold else header.chromaticities)
    if header.bits == 16:
        return _deep(data, header, image, source, colour, frames, tuple(notes))
    image.load()
    clear = image.has_transparency_data

    def band(top: int, bottom: int) -> Image.Image:
        part = image.crop((0, top, image.width, bottom))
        if clear:
            return part if part.mode in ("LA", "RGBA") else part.convert("RGBA")
        return part.convert("L") if part.mode in ("1", "L", "I;16", "I") else part.convert("RGB")

    return finish(image.size, band, colour, source, frames=frames, notes=tuple(notes))


def _deep(
    data: bytes,
    header: Header,
    image: Image.Image,
    source: Source,
    colour: Colour,
    frames: int,
    notes: tuple[str, ...],
) -> Decoded:
    """Decode 16 bits a sample, which Pillow would cut to 8 where there is more than one sample a pixel."""
    from . import deep

    deep.check_bytes(*image.size, _SAMPLES.get(header.colour_type, 4), 16)
    if image.mode.startswith("I;16") and not image.has_transparency_data:
        samples = np.asarray(image)
    else:
        samples = deep.by_codec("png", data, "PNG")
    return deep.of_samples(samples, 16, source, colour, notes, frames=frames)


def _orientation(image: Image.Image) -> int:
    try:
        value = int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block must not lose a readable image
        return 1
    return value if 1 <= value <= 8 else 1
