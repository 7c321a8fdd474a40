"""Tells an image's type from its first bytes: neither a file name nor a header is believed."""

import struct
from dataclasses import dataclass
from typing import Final

from .errors import EmptyImage, ImageError, NotAnImage, UnreadableImage

ACCEPTED: Final = "JPEG, PNG, TIFF, BMP, WebP, HEIC, AVIF, JPEG 2000 or DICOM"
MAX_FRAMES_COUNTED: Final = 10_000
"""A TIFF's directories may overlap, so a small file can chain very many; no slide scan holds more."""


@dataclass(frozen=True)
class Format:
    """An image type that is read.

    Attributes
    ----------
    media_type
        As a request names it.
    suffixes
        Names of its files, in small letters.
    """

    media_type: str
    suffixes: tuple[str, ...]


FORMATS: Final = {
    "JPEG": Format("image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif")),
    "PNG": Format("image/png", (".png",)),
    "TIFF": Format("image/tiff", (".tif", ".tiff", ".svs")),
    "BMP": Format("image/bmp", (".bmp",)),
    "WEBP": Format("image/webp", (".webp",)),
    "HEIF": Format("image/heic", (".heic", ".heif")),
    "AVIF": Format("image/avif", (".avif",)),
    "JPEG2000": Format("image/jp2", (".jp2", ".j2k", ".jpf")),
    "DICOM": Format("application/dicom", (".dcm",)),
}
"""What is read, by the names that ``sniff`` gives: the one place for media types and suffixes."""
SUFFIXES: Final = frozenset(suffix for known in FORMATS.values() for suffix in known.suffixes)
"""Names of image files that are looked for in folders and offered for upload."""

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
)
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})

_SAVE_AS_PNG: Final = "open it in the program that made it and save the field as PNG or TIFF"
_OTHERS: Final = (
    *((b"P%d" % number + blank, "Netpbm (PBM, PGM, PPM)") for number in range(1, 7) for blank in (b"\n", b" ", b"\r")),
    (b"P7\n", "Netpbm (PAM)"),
    (b"gimp xcf", "GIMP's own format"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"v/1\x01", "OpenEXR"),
    (b"SIMPLE  =", "FITS"),
    (b"DDS ", "DirectDraw Surface"),
    (b"qoif", "QOI"),
    (b"\x01\xda", "SGI's format"),
    (b"\x0a\x05\x01", "PCX"),
    (b"\x00\x00\x01\x00", "A Windows icon"),
    (b"/* XPM */", "XPM"),
    (b"#define ", "XBM"),
)
_NOT_READ: Final = (
    (b"GIF8", "GIF has 256 colours, too few for a stain: " + _SAVE_AS_PNG),
    (b"\xff\x0a", "JPEG XL is not read: convert it with `djxl field.jxl field.png`"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL is not read: convert it with `djxl field.jxl field.png`"),
    (b"II\xbc\x01", "JPEG XR is not read: " + _SAVE_AS_PNG),
    (b"%PDF", "A PDF is a document: extract its picture with `pdfimages -all file.pdf field`"),
    (b"8BPS", "Photoshop's own format is not read: " + _SAVE_AS_PNG),
    (b"ZISRAWFILE", "Zeiss CZI is not read: export the field in ZEN as TIFF or PNG"),
    (b"\xda\xce\xbe\x0a", "Nikon ND2 is not read: export the field in NIS-Elements as TIFF"),
    (b"\x49\x49\x55\x00", "A camera's raw file is not read: " + _SAVE_AS_PNG),
    (b"IIRO", "A camera's raw file is not read: " + _SAVE_AS_PNG),
    (b"FUJIFILMCCD-RAW", "A camera's raw file is not read: " + _SAVE_AS_PNG),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "An OLE file (Zeiss ZVI, Olympus OIB) is not read: " + _SAVE_AS_PNG),
    *((signature, f"{name} is not read: {_SAVE_AS_PNG}") for signature, name in _OTHERS),
    (b"PK\x03\x04", "A ZIP archive is not read: unpack it and send its images"),
)
_MARKUP: Final = (b"<!doctype html", b"<html", b"<?xml", b"<svg")
_BASE64: Final = (b"/9j/", b"iVBORw0KGgo", b"SUkqA", b"TU0AK", b"data:image/")
_TEXT_MODE: Final = (b"\x89PNG\n", b"\x89PNG\r\r\n", b"\x00\x00\x00\x0cjP  \n", b"\x00\x00\x00\x0cjP  \r\r\n")
_AS_TEXT: Final = (
    b"\xef\xbf\xbd",  # U+FFFD, in place of a byte that is no UTF-8
    b"\xc3\xbf\xc3\x98\xc3\xbf",  # a JPEG's first bytes, taken for Latin-1
    b"\xc2\x89PNG",
    b"\xef\xbb\xbf\xc3\xbf",
)
_MANY: Final = 16


def sniff(data: bytes) -> str:
    r"""Name the image type that the bytes begin like.

    Parameters
    ----------
    data
        The file.

    Returns
    -------
    str
        ``JPEG``, ``PNG``, ``TIFF``, ``BMP``, ``WEBP``, ``HEIF``, ``AVIF``, ``JPEG2000`` or ``DICOM``.

    Raises
    ------
    EmptyImage
        Without a byte.
    NotAnImage
        For any other beginning; says what it is where that can be told.
    UnreadableImage
        For an image that was changed on its way.

    Examples
    --------
    >>> sniff(b"BM\x46\x00")
    'BMP'
    """
    if not data:
        raise EmptyImage(f"The image is empty: send the bytes of a {ACCEPTED} file.", "empty")
    if data[128:132] == b"DICM":  # ahead of TIFF, whose header may stand in the 128 bytes before (DICOM PS3.10, 7.1)
        return "DICOM"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(_box_bytes(data), 64), 4))}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    raise _refused(data)


def _box_bytes(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


def _refused(data: bytes) -> ImageError:
    """Say what the bytes are instead of an image that is read."""
    for signature, advice in _NOT_READ:
        if data.startswith(signature):
            return NotAnImage(f"{advice}. Read here: {ACCEPTED}.", "format-not-read")
    beginning = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    if beginning[:20].lower().startswith(_MARKUP):
        return NotAnImage("This is a web page or markup, not an image: save the image itself.", "web-page")
    if beginning.startswith(_BASE64):
        return NotAnImage("This is base64 text: send the bytes that it stands for.", "base64")
    if data.startswith(_TEXT_MODE):
        return UnreadableImage(TEXT_MODE, "text-mode-transfer")
    if data.startswith(_AS_TEXT) or _is_as_text(data):
        return UnreadableImage(AS_TEXT, "read-as-text")
    return NotAnImage(f"The bytes are not those of an image type read here: send a {ACCEPTED} file.", "not-an-image")


TEXT_MODE: Final = (
    "The file's line ends were changed on the way, which breaks an image: transfer it again "
    "in binary mode (FTP: `bin`)."
)
AS_TEXT: Final = (
    "A program on the way took the image for text (UTF-8) and replaced its bytes: send the bytes unchanged, "
    "as `--data-binary` or `rb` do."
)


def check_line_ends(data: bytes) -> None:
    """Refuse a file that can be decoded although its line ends were changed: its pixels are shifted."""
    feeds = data.count(b"\n")
    if feeds >= _MANY and data.count(b"\r\n") == feeds:
        raise UnreadableImage(TEXT_MODE, "text-mode-transfer")


def changed_on_the_way(data: bytes) -> UnreadableImage | None:
    """Tell whether a file that no decoder accepts was changed by a transfer as text; None where nothing says so.

    Compressed bytes are as good as random, so that one in 256 is a line feed and one in 256 of those follows a
    carriage return: many line feeds that all do, or thousands of bytes that are valid UTF-8, have no other cause.
    """
    try:
        check_line_ends(data)
    except UnreadableImage as changed:
        return changed
    if _is_as_text(data) or (len(data) > 256 and _is_text(data)):
        return UnreadableImage(AS_TEXT, "read-as-text")
    return None


def _is_as_text(data: bytes) -> bool:
    """Tell whether bytes were replaced; a WebP whose length had such a byte has no beginning of its own any more."""
    return data.count(b"\xef\xbf\xbd") >= _MANY or (data[:4] == b"RIFF" and b"WEBP" in data[9:20])


def _is_text(data: bytes) -> bool:
    try:
        text = data[: len(data) - 3].decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        # Cut within a character at the end alone.
        return error.start >= len(data) - 8 and not data.isascii()
    return len(text) < len(data) - _MANY


def tiff_frames(data: bytes) -> int:
    """Count a TIFF's image directories without reading what is in them.

    Pillow's own count parses every directory, which a hostile file makes arbitrarily slow.

    Parameters
    ----------
    data
        The file, classic TIFF or BigTIFF.

    Returns
    -------
    int
        At least 1; the count stops at a broken or repeated link and at ``MAX_FRAMES_COUNTED``.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\x00", b"\x00+")
    link, count, entry_bytes = (order + "Q", order + "Q", 20) if big else (order + "L", order + "H", 12)
    position = 8 if big else 4
    seen: set[int] = set()
    try:
        while len(seen) < MAX_FRAMES_COUNTED:
            (offset,) = struct.unpack_from(link, data, position)
            if offset == 0 or offset in seen:
                break
            (entries,) = struct.unpack_from(count, data, offset)
            seen.add(offset)
            position = offset + struct.calcsize(count) + entries * entry_bytes
    except (struct.error, OverflowError):
        pass  # a link out of the file ends the chain; whether the first frame is whole, its decoder says
    return max(1, len(seen))
