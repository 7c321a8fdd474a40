"""Draws where the model looked: a class activation map as a PNG of the image's own size."""

import base64
import io
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

SMOOTH_SIDE_PX: Final = 1024
"""Beyond this longer side pixels are repeated: the map has few cells (7 x 7 for a 224 px input), so nobody sees the
steps, and the file stays small enough for an answer (Lambda's limit is 6 MB) at 100 megapixels."""

# "inferno", 256 colours: perceptually uniform, legible without colour vision and in grey (Smith and van der Walt, 2015,
# https://bids.github.io/colormap, CC0). Base64 of uint8[256, 3].
_INFERNO: Final = base64.b64decode(
    "AAAEAQAFAQEGAQEIAgEKAgIMAgIOAwIQBAMSBAMUBQQXBgQZBwUbCAUdCQYfCgciCwckDAgmDQgpDgkrEAktEQowEgoyFAs0FQs3"
    "Fgs5GAw8GQw+GwxBHAxDHgxFHwxIIQxKIwxMJAxPJgxRKAtTKQtVKwtXLQtZLwpbMQpcMgpeNApfNglhOAliOQljOwlkPQllPglm"
    "QApnQgpoRApoRQppRwtqSQtqSgxrTAxrTQ1sTw1sUQ5sUg5tVA9tVQ9tVxBuWRBuWhFuXBJuXRJuXxNuYRNuYhRuZBVuZRVuZxZu"
    "aRZuahdubBhubRhubxlucRluchpudBpudRtudxxteBxteh1tfB1tfR5tfx5sgB9sgiBshCBrhSFrhyFriCJqiiJqjCNpjSNpjyRp"
    "kCVokiVokyZnlSZnlydmmCdmmihlmylknSlknypjoCpjoitioyxhpSxgpi1gqC5fqS5eqy9erTBdrjBcsDFbsTJaszJatDNZtjRY"
    "tzVXuTVWujZVvDdUvThTvzlSwDpRwTpQwztPxDxOxj1Nxz5MyD9LykBKy0FJzEJIzkNHz0RG0EVF0kZE00dD1EhC1UpB10s/2Ew+"
    "2U092k4821A73VE63lI431M34FU24VY14lc041kz5Fox5Vww5l0v514u6GAt6WEr6mMq62Qp62Yo7Gcm7Wkl7mok72wj724h8G8g"
    "8XEf8XMd8nQc83Yb83gZ9HkY9XsX9X0V9n4U9oAT94IS94QQ+IUP+IcO+IkM+YsL+YwK+Y4J+pAI+pIH+pQH+5YG+5cG+5kG+5sG"
    "+50H/J8H/KEI/KMJ/KUK/KYM/KgN/KoP/KwR/K4S/LAU/LIW/LQY+7Ya+7gd+7of+7wh+74j+sAm+sIo+sQq+sYt+ccv+cky+cs1"
    "+M03+M8699E999NA9tVD9tdG9dlJ9dtM9N1P9N9T9OFW8+Na8+Vd8uZh8uhl8upp8ext8e1x8e918fF58vJ98vSC8/WG8/aK9PiO"
    "9fmS9vqW+Pua+fyd+v2h/P+k"
)


def heatmap_png(activation: npt.NDArray[np.float32], width: int, height: int) -> bytes:
    """Draw evidence for one label: black is none (or against), bright is the strongest of this image.

    Parameters
    ----------
    activation
        float32[h, w], the label's class activation map.
    width, height
        Size in pixels of the image that it explains.

    Returns
    -------
    bytes
        A PNG with a palette, at most 1.5 MB even for 100 megapixels.
    """
    evidence = np.maximum(activation, 0.0)
    strongest = float(evidence.max())
    if strongest > 0.0:
        evidence = evidence / strongest
    scale = min(1.0, SMOOTH_SIDE_PX / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smooth = np.asarray(Image.fromarray(evidence).resize(size, Image.Resampling.BICUBIC))
    levels = Image.fromarray((np.clip(smooth, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
    compression = 3
    if size != (width, height):
        compression = 6
        levels = levels.resize((width, height), Image.Resampling.NEAREST)
    levels.putpalette(_INFERNO)
    file = io.BytesIO()
    levels.save(file, "PNG", compress_level=compression)
    return file.getvalue()
