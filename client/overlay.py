"""The heat map of an answer over the picture that it explains."""

import base64
import io

from PIL import Image

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
        PNG, RGB, as the service reads it: oriented, in its own colours, a large image at reduced scale.

    Raises
    ------
    intake.ImageError
        For a file that the service would not read.
    """
    from intake import read_image  # numpy, which no other command needs

    picture = Image.fromarray(read_image(image).pixels)
    layer = evidence(heatmap_png)
    if layer.size != picture.size:
        layer = layer.resize(picture.size)
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
