"""Samples of any depth to 8 bits, by the range that the file states or that its values use."""

from typing import Final

import numpy as np
import numpy.typing as npt

from .errors import UnreadableImage

_DEPTHS: Final = (8, 10, 12, 14)
"""Bits of a camera whose samples lie in 16."""


def check_type(dtype: np.dtype[np.generic], what: str) -> None:
    """Refuse samples that have no agreed scale: floating point, and integers of more than 16 bits."""
    if dtype.kind not in "uib" or dtype.itemsize > 2:
        kind = "floating point" if dtype.kind == "f" else "whole numbers" if dtype.kind in "ui" else "complex numbers"
        raise UnreadableImage(
            f"{what} has samples of {8 * dtype.itemsize} bits ({kind}), which have no agreed scale: save the image "
            "with 8 or 16 bits a channel.",
            "samples-not-read",
        )


def value_range(samples: npt.NDArray[np.generic], bits: int, stated_maximum: int | None) -> tuple[int, int]:
    """Give the samples that are black and white.

    Parameters
    ----------
    samples
        Integers of at most 16 bits.
    bits
        A sample, as the file states: 8, 12, 16 ...
    stated_maximum
        ``MaxSampleValue`` or the like, where the file has it.

    Returns
    -------
    low, high
        What the file states. A 16-bit image whose values all fit in 8, 10, 12 or 14 bits is one of a camera of that
        depth: at full scale it would be nearly black, as no lit field is. Signed values that reach below zero are
        centred on it.
    """
    lowest, highest = int(samples.min()), int(samples.max())
    if lowest < 0:
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    full = (1 << bits) - 1
    if stated_maximum is not None and highest <= stated_maximum < full and stated_maximum > 1:
        return 0, stated_maximum
    if bits == 16:
        return 0, next(((1 << depth) - 1 for depth in _DEPTHS if highest < 1 << depth), full)
    return 0, full


def table(low: int, high: int, *, inverted: bool = False) -> npt.NDArray[np.uint8]:
    """Give the 8-bit value of each sample from ``low`` on: a table of 65,536 entries, to index by ``sample - low``.

    Of 8 bits and more the high eight are kept, as every decoder does.
    """
    steps = np.arange(65_536, dtype=np.int64)
    span = high - low
    bits = span.bit_length()
    whole = bits >= 8 and span == (1 << bits) - 1
    levels = steps >> (bits - 8) if whole else (steps * 255 + span // 2) // max(1, span)
    eight = np.clip(levels, 0, 255).astype(np.uint8)
    return (255 - eight).astype(np.uint8) if inverted else eight


def to_bytes(samples: npt.NDArray[np.generic], low: int, levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Bring samples to 8 bits by a ``table``."""
    if low:
        samples = (samples.astype(np.int32) - low).astype(np.uint16)
    return np.asarray(levels[samples])
