"""The heat map of an answer over the picture that it explains."""

import base64
import io

from PIL import Image, ImageOps

OPACITY = 0.75  # of the strongest evidence: the cell under it stays visible


def overlay(image: bytes, heatmap_png: str) -> bytes:
    """Lay a heat map over its image: the weaker the evidence, the clearer.

    Parameters
    ----------
    image
        The file that was sent.
    heatmap_png
        Base64 PNG, as ``Prediction.explanation`` holds it: colours that rise in lightness from black (no evidence).

    Returns
    -------
    bytes
        PNG, RGB, of the image's size as oriented.
    """
    with Image.open(io.BytesIO(image)) as opened:
        picture = as_shown(ImageOps.exif_transpose(opened))
    layer = evidence(heatmap_png)
    picture.paste(layer, mask=layer.getchannel("A").point(lambda level: level * OPACITY))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def evidence(heatmap_png: str, longest_px: int | None = None) -> Image.Image:
    """Make a heat map into a layer to lay over its picture: the weaker the evidence, the clearer.

    Parameters
    ----------
    heatmap_png
        As for ``overlay``.
    longest_px
        Of the longer side, where the map's own size is not needed.

    Returns
    -------
    Image.Image
        RGBA: the map's colours, as opaque as they are light.
    """
    with Image.open(io.BytesIO(base64.b64decode(heatmap_png))) as opened:
        if longest_px is not None:
            opened.thumbnail((2 * longest_px, 2 * longest_px))  # while a pixel is one byte of a palette
        layer = opened.convert("RGB")
    if longest_px is not None:
        layer.thumbnail((longest_px, longest_px))
    layer.putalpha(layer.convert("L"))
    return layer


def as_shown(image: Image.Image) -> Image.Image:
    """Bring any mode to RGB as the API reads it: 16 bits keep their high byte, transparency lies on white."""
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white
