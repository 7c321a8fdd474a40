"""JPEG's markers (ITU-T T.81, annex B): where segments lie, and what a header says before anything is decoded."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .errors import ImageTooLarge, cut_short, damaged

MAX_MARKERS: Final = 4_000
MAX_PROFILE_BYTES: Final = 4_000_000

SOI: Final = b"\xff\xd8"
EOI, SOS, APP0, APP1, APP2, APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_ALONE: Final = frozenset({0x01, 0xD8})
"""Markers without a segment, beside the restarts, which no search finds."""

_RGB: Final = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
"""Adobe's marker with transform 0: components are stored as they are."""

# Its first byte is fixed, which the search leaps to: ``\xff+`` would be tried at every byte.
_NEXT_MARKER: Final = re.compile(rb"\xff\xff*([\x01-\xcf\xd8-\xfe])")
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


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
        return sum(
            whole * h * v // (across * down) + 1 for component, h, v in self.sampling if component in identifiers
        )


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk a JPEG's markers up to the first end of image (ITU-T T.81, B.1.1).

    What lies between one segment's end and the next one's beginning is entropy-coded data after a scan's header, and
    no part of the picture elsewhere.

    Yields
    ------
    tuple of int
        Low byte of the marker; where its two bytes begin; where its segment ends, which may lie beyond the data.
    """
    position = 2
    while match := _NEXT_MARKER.search(data, position):
        marker, position = match[1][0], match.end()
        if marker in _ALONE:
            continue
        begin, length = position - 2, int.from_bytes(data[position : position + 2], "big")
        position += 0 if marker == EOI else length
        yield marker, begin, position
        if marker == EOI:
            return


def marked_rgb(data: bytes) -> bytes:
    """Mark a JPEG of three components as red, green and blue, unless a marker of Adobe's says what they are."""
    for marker, begin, end in segments(data):
        if _is_adobe(marker, data[begin + 4 : end]):
            return data
        if marker == SOS:
            break
    return data[:2] + _RGB + data[2:]


def _is_adobe(marker: int, content: bytes) -> bool:
    return marker == APP14 and content.startswith(b"Adobe") and len(content) >= 12


def read_header(data: bytes) -> Header:
    """Walk a JPEG's markers, entropy-coded data skipped.

    Raises
    ------
    ImageTooLarge
        For more markers than any picture needs.
    UnreadableImage
        For a file without a frame or a scan.
    """
    header, marker = Header(), 0
    profile_parts: list[bytes] = []
    for count, (marker, begin, end) in enumerate(segments(data)):
        if count == MAX_MARKERS:
            raise ImageTooLarge(f"The JPEG has over {MAX_MARKERS} markers: save it again.", "too-costly")
        _note(header, marker, data[begin + 4 : end], profile_parts)
    header.profile = b"".join(profile_parts)
    if not header.sampling or not header.scans:
        raise damaged("The JPEG has no picture data") if marker == EOI else cut_short("The JPEG has no picture data")
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
    elif marker == SOS and content:
        header.scans += 1
        header.block_visits += header.blocks({content[at] for at in range(1, min(len(content), 2 * content[0]), 2)})
    elif marker == APP0 and content.startswith(b"JFIF\0") and len(content) >= 12:
        unit, across = content[7], int.from_bytes(content[8:10], "big")
        header.dots_per_inch = across * {1: 1.0, 2: 2.54}.get(unit, 0.0)
    elif marker == APP1 and content.startswith(b"Exif\0\0") and not header.exif:
        header.exif = content
    elif marker == APP2 and content.startswith(b"ICC_PROFILE\0"):
        if sum(map(len, profile_parts)) + len(content) > MAX_PROFILE_BYTES:
            raise ImageTooLarge("The JPEG's colour profile is larger than any: save it with sRGB.", "too-costly")
        profile_parts.append(content[14:])
    elif marker == APP2 and content.startswith(b"MPF\0"):
        header.pictures = True
    elif _is_adobe(marker, content):
        header.adobe_transform = content[11]
