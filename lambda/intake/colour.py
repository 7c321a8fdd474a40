"""Colour as the file says: profiles, gamma, alpha. Everything becomes sRGB on white."""

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from .errors import UnreadableImage

_MODES: Final = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}
_TO_XYZ: Final = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""Of linear sRGB (IEC 61966-2-1)."""
_SRGB_WHITE_AND_PRIMARIES: Final = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
USUAL_GAMMA: Final = 1 / 2.2


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Bring an image without alpha to sRGB by its profile.

    Parameters
    ----------
    image
        ``RGB``, ``L``, ``CMYK`` or ``LAB``.
    profile
        An ICC profile; None where the file has none.

    Returns
    -------
    image, name
        ``RGB``, and the profile's name; None without one.

    Raises
    ------
    UnreadableImage
        For CMYK without a profile (the same numbers are another colour on each press), and for a profile that cannot
        be applied.
    """
    if not profile:
        if image.mode == "CMYK":
            raise UnreadableImage(
                "CMYK without a colour profile has no known colours: convert the image to RGB in the program that made "
                "it, or embed the profile.",
                "colour-unknown",
            )
        if image.mode == "LAB":
            raise UnreadableImage("Lab colour is not read: convert the image to RGB.", "colour-unknown")
        return image.convert("RGB"), None
    return _applied(image, profile)


def _applied(image: Image.Image, profile: bytes) -> tuple[Image.Image, str | None]:
    from PIL import ImageCms  # 5 ms that an image without a profile does not need

    refusal = UnreadableImage(
        "The image's colour profile cannot be applied: convert the image to sRGB in the program that made it.",
        "colour-unknown",
    )
    try:
        opened: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(opened.profile.xcolor_space, "")
        name = (opened.profile.profile_description or "unnamed").strip("\0 \n")[:80]
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise refusal from error
    if mode == "RGB" and image.mode == "L":
        image = image.convert("RGB")
    if mode == "L" and image.mode == "RGB":
        return image, None  # a grey profile beside colour says nothing of it
    if mode != image.mode:
        raise refusal
    try:
        intent = ImageCms.Intent.PERCEPTUAL
        transform = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB", intent)
        return transform.apply(image), name
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise refusal from error


def on_white(colour: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """Lay an image on white, a slide's background.

    Raises
    ------
    UnreadableImage
        Where no pixel is to be seen.
    """
    if alpha is None:
        return colour
    low, high = alpha.getextrema()
    if high == 0:
        raise UnreadableImage(
            "Every pixel of the image is fully transparent: save it without its alpha channel.", "transparent"
        )
    if low == 255:
        return colour
    white = Image.new("RGB", colour.size, "white")
    white.paste(colour, mask=alpha)
    return white


def by_gamma(
    pixels: npt.NDArray[np.uint8], gamma: float | None, chromaticities: tuple[float, ...] | None
) -> npt.NDArray[np.uint8] | None:
    """Bring pixels to sRGB by a PNG's ``gAMA`` and ``cHRM``.

    Parameters
    ----------
    pixels
        uint8[h, w, 3].
    gamma
        The file's exponent, such as 0.45455; None is sRGB's.
    chromaticities
        White, red, green and blue, x and y each; None is sRGB's.

    Returns
    -------
    uint8[h, w, 3] or None
        None where they are sRGB's own, to the precision of the format.
    """
    usual_gamma = gamma is None or abs(gamma - USUAL_GAMMA) < 0.01
    usual_colours = chromaticities is None or np.allclose(chromaticities, _SRGB_WHITE_AND_PRIMARIES, atol=0.005)
    if usual_gamma and usual_colours:
        return None
    levels = np.arange(256) / 255.0
    linear = _srgb_to_linear(levels) if usual_gamma or gamma is None else levels ** (1.0 / gamma)
    if usual_colours or chromaticities is None:
        return _linear_to_srgb(linear)[pixels]
    matrix = (np.linalg.inv(_TO_XYZ) @ _matrix(chromaticities)).astype(np.float32)
    encode = _linear_to_srgb(np.linspace(0, 1, 4096))
    bands = []
    for part in np.array_split(pixels, max(1, pixels.shape[0] // 256)):
        mixed = np.clip(linear.astype(np.float32)[part] @ matrix.T, 0.0, 1.0)
        bands.append(encode[(mixed * 4095 + 0.5).astype(np.uint16)])
    return np.concatenate(bands)


def _matrix(chromaticities: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Give linear RGB to XYZ for chromaticities, adapted from their white to sRGB's by scaling (both are near D65)."""
    white, *primaries = (
        np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
    )
    columns = np.stack(primaries, axis=1)
    own = columns * np.linalg.solve(columns, white)
    usual_white: npt.NDArray[np.float64] = _TO_XYZ.sum(axis=1)
    adapted: npt.NDArray[np.float64] = own * (usual_white / white)[:, None]
    return adapted


def _srgb_to_linear(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    encoded = np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 1e-9) ** (1 / 2.4) - 0.055)
    return (np.clip(encoded, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
