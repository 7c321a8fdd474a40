"""Decoded samples of any depth and layout to a picture; what TIFF, DICOM and 16-bit PNG share."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from .errors import ImageTooLarge, UnreadableImage
from .limits import MAX_DECODED_BYTES
from .raster import Colour, Decoded, finish
from .samples import check_type, table, to_bytes, value_range
from .source import Source

_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def by_codec(codec: str, data: bytes, what: str) -> npt.NDArray[Any]:
    """Decode by one of imagecodecs' decoders.

    Parameters
    ----------
    codec
        ``jpeg``, ``jpegls``, ``jpeg2k``, ``png`` ...
    what
        Name of the format, for the message.

    Raises
    ------
    UnreadableImage
        Where the codec does not take the data.
    """
    import imagecodecs

    try:
        samples: npt.NDArray[Any] = getattr(imagecodecs, f"{codec}_decode")(data)
    except (RuntimeError, ValueError) as error:
        raise UnreadableImage(
            f"The {what} data cannot be decoded: they are damaged, or of a coding that is not read. Save it as PNG.",
            "damaged",
        ) from error
    return samples


def check_bytes(width: int, height: int, samples: int, bits: int) -> None:
    """Refuse an image that would be too large in the depth of its file."""
    if width * height * samples * (1 if bits <= 8 else 2) > MAX_DECODED_BYTES:
        raise ImageTooLarge(
            f"The image is {width} x {height} with {samples} samples of {bits} bits, more memory than one image may "
            "take: send a part of it, or save it with 8 bits.",
            "too-many-pixels",
        )


def of_samples(
    samples: npt.NDArray[Any],
    bits: int,
    source: Source,
    colour: Colour,
    notes: tuple[str, ...] = (),
    *,
    frames: int = 1,
    stated_maximum: int | None = None,
    inverted: bool = False,
    mode: str | None = None,
) -> Decoded:
    """Make a picture of samples of any depth.

    Parameters
    ----------
    samples
        uint8, uint16 or their signed kin, [h, w] or [h, w, 1 to 4].
    bits
        A sample, as the file states.
    stated_maximum
        The file's ``MaxSampleValue``, where it has one.
    inverted
        Where zero is white.
    mode
        Pillow's name of the colour model where the number of samples does not tell: ``CMYK``.

    Raises
    ------
    UnreadableImage
        For samples of more than 16 bits.
    """
    check_type(samples.dtype, "The image")
    if samples.dtype.kind == "b":
        samples = samples.view(np.uint8)
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    count = samples.shape[2]
    mode = mode or _MODES.get(count)
    if samples.ndim != 3 or mode is None:
        raise UnreadableImage(
            f"{count} samples a pixel are neither grey nor colour: save the image as RGB.", "channels-not-colour"
        )
    alpha = mode in ("LA", "RGBA")
    coloured = samples[..., : count - 1] if alpha else samples
    low, high = value_range(coloured, bits, stated_maximum)
    if (low, high) != (0, (1 << bits) - 1):
        source = replace(source, value_range=(low, high))
        notes = (*notes, f"Samples from {low} to {high} became black to white.")
    levels = table(low, high, inverted=inverted)
    alpha_levels = table(0, (1 << bits) - 1)
    plain = bits == 8 and low == 0 and high == 255 and not inverted and samples.dtype == np.uint8

    def band(top: int, bottom: int) -> Image.Image:
        rows = samples[top:bottom]
        if plain:
            eight = np.ascontiguousarray(rows)
        elif alpha:
            eight = np.concatenate(
                [to_bytes(rows[..., :-1], low, levels), to_bytes(rows[..., -1:], 0, alpha_levels)], axis=2
            )
        else:
            eight = to_bytes(rows, low, levels)
        return Image.fromarray(eight[..., 0] if mode == "L" else eight, mode)

    return finish((samples.shape[1], samples.shape[0]), band, colour, source, frames=frames, notes=notes)
