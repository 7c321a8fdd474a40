"""What a file says of its picture, and what of it was read."""

from dataclasses import dataclass

MAX_MICRONS_PER_PIXEL = 5.0
"""A resolution coarser than this is a printer's or a screen's, not a microscope's: a cell would be two pixels wide."""
_MICRONS_AN_INCH = 25_400.0


@dataclass(frozen=True)
class Source:
    """Where the pixels come from.

    Attributes
    ----------
    format
        ``JPEG``, ``PNG``, ``TIFF``, ``BMP``, ``WEBP``, ``HEIF``, ``AVIF``, ``JPEG2000`` or ``DICOM``.
    bits
        A sample, as stored.
    colour_model
        ``RGB``, ``grey``, ``palette``, ``CMYK``, ``YCbCr`` or ``channels`` (pages that were put together).
    profile
        Name of the colour profile that was applied, or ``PNG gamma``; None where the file names none.
    frame
        Index of the frame, page or level that was read, from 0.
    orientation
        The EXIF value that was applied; 1 is upright.
    value_range
        Samples that became black and white, where they are not all that the bits can hold.
    microns_per_pixel
        Of the whole image; None where the file does not tell.
    """

    format: str
    bits: int = 8
    colour_model: str = "RGB"
    profile: str | None = None
    frame: int = 0
    orientation: int = 1
    value_range: tuple[int, int] | None = None
    microns_per_pixel: float | None = None


def plausible_microns(microns: float) -> float | None:
    """Give a pixel's size in micrometres where a microscope can have it; None for a printer's resolution."""
    return round(microns, 5) if 0.001 < microns <= MAX_MICRONS_PER_PIXEL else None


def microns_of_dpi(pixels_per_inch: float) -> float | None:
    """Give a pixel's size of a resolution; None for a printer's."""
    return plausible_microns(_MICRONS_AN_INCH / pixels_per_inch) if pixels_per_inch > 0 else None
