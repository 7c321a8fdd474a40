"""TIFF, by tifffile: which of its pages is the field, what its samples mean, and whether every strip is whole."""

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tifffile

from . import deep
from .channels import stacked
from .errors import UnreadableImage, cut_short, damaged
from .formats import check_line_ends, tiff_frames
from .raster import Colour, Decoded
from .source import Source
from .tiff_page import COLOUR_MODELS, JPEG, bits_of, check_page, decode_page, microns

MAX_PAGES_READ: Final = 64
"""Directories among which the field is looked for; a slide scanner writes about ten."""
MAX_SERIES_PAGES: Final = 1_000

_REDUCED, _MASK = 1, 4
_UNASSOCIATED, _ASSOCIATED, _COREL = 2, 1, 999
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE, _CMYK, _YCBCR = 0, 1, 3, 5, 6
_OLD_JPEG = 6
_BY_LIBTIFF: Final = frozenset({_OLD_JPEG})


def read(data: bytes, max_pixels: int) -> Decoded:
    """Decode the field in a TIFF.

    Parameters
    ----------
    data
        The file: classic TIFF or BigTIFF of either byte order, plain, OME, ImageJ or a scanner's.
    max_pixels
        Limit on width x height.

    Returns
    -------
    Decoded
        The largest page that is neither a reduced copy nor a mask; of channels in pages of their own, the whole.

    Raises
    ------
    ImageError
        What is wrong with it.
    """
    check_line_ends(data)
    frames = tiff_frames(data)
    with tifffile.TiffFile(io.BytesIO(data), _multifile=False) as file:
        if frames <= MAX_SERIES_PAGES and (file.is_ome or file.is_imagej):
            channels = stacked(file, max_pixels)
            if channels is not None:
                return channels
        chosen = _choose(file)
        page, index = chosen.page, chosen.index
        check_page(page, max_pixels, len(data))
        notes = tuple(chosen.notes(frames))
        return _decode(file, page, index, data, frames, notes)


@dataclass(frozen=True)
class _Choice:
    page: Any
    index: int
    sizes: tuple[tuple[int, int], ...]
    skipped: int

    def notes(self, frames: int) -> list[str]:
        """Say which page was read of how many."""
        if frames == 1:
            return []
        if self.skipped or len(set(self.sizes)) > 1:
            return [f"The file holds {frames} pages; the largest, page {self.index + 1}, was read."]
        return [f"The file holds {frames} frames; only the first was read."]


def _choose(file: tifffile.TiffFile) -> _Choice:
    """Find the field: the first of the largest pages that are no reduced copy and no mask."""
    pages: list[tuple[int, Any]] = []
    for index in range(MAX_PAGES_READ):
        try:
            page: Any = file.pages[index]
        except IndexError:
            break
        if isinstance(page, tifffile.TiffFrame):
            page = page.aspage()
        pages.append((index, page))
    whole = [(index, page) for index, page in pages if not page.subfiletype & (_REDUCED | _MASK)] or pages
    if not whole:
        raise cut_short("The TIFF has no picture")
    index, page = max(whole, key=lambda choice: (choice[1].imagewidth * choice[1].imagelength, -choice[0]))
    sizes = tuple((choice.imagewidth, choice.imagelength) for _, choice in pages)
    return _Choice(page, index, sizes, len(pages) - len(whole))


def _decode(
    file: tifffile.TiffFile, page: Any, index: int, data: bytes, frames: int, notes: tuple[str, ...]
) -> Decoded:
    photometric = int(page.photometric)
    orientation = int(page.tags.valueof(274, 1) or 1)
    source = Source(
        "TIFF",
        bits_of(page),
        COLOUR_MODELS[photometric],
        frame=index,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        microns_per_pixel=microns(file, page),
    )
    colour = Colour(page.tags.valueof(34675) or None)
    subsampled = photometric == _YCBCR and int(page.compression) not in JPEG | {33003, 33005, 34712, 50001}
    if subsampled or int(page.compression) in _BY_LIBTIFF:
        return deep.of_samples(_by_libtiff(data, index), 8, source, colour, notes, frames=frames)
    samples = decode_page(page)
    if photometric == _PALETTE:
        samples = _coloured(page, samples)
        return deep.of_samples(samples, 8, source, colour, notes, frames=frames)
    mode = None
    count = samples.shape[2]
    if photometric == _CMYK:
        if count < 4:
            raise damaged("A CMYK image has four samples a pixel, and this has fewer")
        samples, mode = samples[..., :4], "CMYK"
    else:
        samples, notes = _with_alpha(page, samples, photometric, notes)
    maximum = _stated_maximum(page)
    return deep.of_samples(
        samples,
        bits_of(page),
        source,
        colour,
        notes,
        frames=frames,
        stated_maximum=maximum,
        inverted=photometric == _WHITE_IS_ZERO,
        mode=mode,
    )


def _by_libtiff(data: bytes, index: int) -> npt.NDArray[Any]:
    """Decode by libtiff's own conversion to RGBA: uncompressed YCbCr, and JPEG of before 1995."""
    import imagecodecs

    try:
        samples: npt.NDArray[Any] = imagecodecs.tiff_decode(data, index, asrgb=True)[..., :3]
    except (RuntimeError, ValueError) as error:
        raise UnreadableImage(
            "The TIFF's YCbCr samples cannot be decoded: save it as RGB.", "coding-not-read"
        ) from error
    return samples


def _coloured(page: Any, samples: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    palette = page.colormap
    if palette is None or palette.shape[0] != 3:
        raise damaged("The TIFF's palette is missing")
    high = palette >> 8 if palette.max() > 255 else palette
    indices = np.minimum(samples[..., 0], palette.shape[1] - 1)
    return np.asarray(high.T.astype(np.uint8)[indices])


def _with_alpha(
    page: Any, samples: npt.NDArray[Any], photometric: int, notes: tuple[str, ...]
) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Keep colour and, where the file says so, alpha; leave out other extra samples, and say so."""
    own = 1 if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) else 3
    count = samples.shape[2]
    if count < own:
        raise damaged("The TIFF has fewer samples a pixel than its colour model")
    if count == own:
        return samples, notes
    extra = [int(sample) for sample in (page.extrasamples or ())]
    kind = extra[0] if extra else 0
    if kind not in (_ASSOCIATED, _UNASSOCIATED, _COREL):
        return samples[..., :own], (
            *notes,
            f"{count - own} further samples a pixel, of no stated meaning, were left out.",
        )
    samples = samples[..., : own + 1]
    if kind == _ASSOCIATED:
        full = (1 << bits_of(page)) - 1
        alpha = samples[..., -1:].astype(np.float32)
        colour = samples[..., :-1] * (full / np.maximum(alpha, 1.0))
        samples = np.concatenate([np.minimum(colour, full).astype(samples.dtype), samples[..., -1:]], axis=2)
    return samples, notes


def _stated_maximum(page: Any) -> int | None:
    value = page.tags.valueof(281)
    value = max(value) if isinstance(value, tuple) else value
    return int(value) if isinstance(value, int) else None
