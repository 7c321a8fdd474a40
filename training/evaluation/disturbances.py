"""The disturbances that the robustness table answers for: of ``training.data.corruptions``, each by one amount."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from training.data.corruptions import add_noise, blur, jpeg, lighten, restain, shrink

Field = NDArray[np.uint8]

JPEG_QUALITY = 30
BLUR_PX = 1.5
BRIGHTER, DARKER = 1.15, 0.85
STAIN = 0.2
SHARE_OF_SIDE = 0.5
NOISE_LEVELS = 8

DISTURBANCES: dict[str, Callable[[Field], Field]] = {
    "none": lambda field: field,
    "jpeg_30": partial(jpeg, quality=JPEG_QUALITY),
    "blur": partial(blur, radius_px=BLUR_PX),
    "brighter": partial(lighten, factor=BRIGHTER),
    "darker": partial(lighten, factor=DARKER),
    "stain_bluer": partial(restain, nuclear=STAIN, counter=-STAIN),
    "stain_pinker": partial(restain, nuclear=-STAIN, counter=STAIN),
    "half_resolution": partial(shrink, share=SHARE_OF_SIDE),
    "noise": partial(add_noise, deviation=NOISE_LEVELS),
}
TOLD = {
    "none": "undisturbed",
    "jpeg_30": f"JPEG of quality {JPEG_QUALITY}",
    "blur": f"Gaussian blur of {BLUR_PX} px",
    "brighter": f"{BRIGHTER - 1:.0%} brighter",
    "darker": f"{1 - DARKER:.0%} darker",
    "stain_bluer": f"nuclear stain {STAIN:.0%} stronger, counterstain {STAIN:.0%} weaker",
    "stain_pinker": f"nuclear stain {STAIN:.0%} weaker, counterstain {STAIN:.0%} stronger",
    "half_resolution": "half the resolution",
    "noise": f"sensor noise of {NOISE_LEVELS} levels of 255, which training never varies",
}
"""Each disturbance in words."""
