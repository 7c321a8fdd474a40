"""Pictures for the browser: small copies, and the heat map as a layer of its own."""

import base64
import io
from threading import Lock

from PIL import Image

from client.overlay import evidence
from intake import read_image

PREVIEW_PX = 640
LARGE_PX = 2560
"""Of a picture to look into, where its file is none that a browser shows."""
THUMBNAIL_PX = 200
HEAT_PX = 320
"""Of a heat map's longer side: the model has few cells to a side, and the browser smooths what it enlarges."""
_DECODING = Lock()
"""One picture at a time: a field of 100 megapixels takes 300 MB until it is small."""


def preview(data: bytes, side_px: int = PREVIEW_PX) -> bytes:
    """Make a small JPEG of an image that the API has accepted.

    Parameters
    ----------
    data : bytes
        The image file. It is read as the API reads it: in bounds, and in a process apart where it is much work.
    side_px : int
        Of its longer side, at most.

    Returns
    -------
    bytes
        JPEG, RGB, at most ``side_px`` a side, upright.
    """
    with _DECODING:
        small = Image.fromarray(read_image(data, working_side_px=side_px).pixels)
    small.thumbnail((side_px, side_px))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def thumbnail(preview_jpeg: bytes) -> bytes:
    """Make a gallery's JPEG, at most ``THUMBNAIL_PX`` a side, of a preview."""
    with Image.open(io.BytesIO(preview_jpeg)) as image:
        image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def heat_layer(heatmap_png: str) -> bytes:
    """Make a heat map into a layer over the picture: the weaker the evidence, the clearer.

    Parameters
    ----------
    heatmap_png : str
        Base64 PNG as the API sends it, in colours that rise in lightness from black (no evidence).

    Returns
    -------
    bytes
        WebP, RGBA, at most ``HEAT_PX`` a side: smaller than a PNG, and a session may hold hundreds.
    """
    with _DECODING:
        layer = evidence(heatmap_png, HEAT_PX)
    buffer = io.BytesIO()
    layer.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


def data_uri(content: bytes, media_type: str) -> str:
    """Write a picture as a ``data:`` address, so that it needs no request of its own."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
