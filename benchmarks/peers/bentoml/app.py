"""The same model file behind BentoML."""

import os

import bentoml
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

LABELS = os.environ["PEER_LABELS"].split(",")


@bentoml.service(workers=1)
class Smears:
    """Classifies one image."""

    def __init__(self) -> None:
        interpreter = Interpreter(os.environ["PEER_MODEL"], num_threads=1)
        self.runner = interpreter.get_signature_runner("serving_default")

    @bentoml.api
    def predict(self, file: Image.Image) -> dict[str, float]:
        """Give the probability of each label."""
        field = np.asarray(file.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR), dtype=np.uint8)
        probabilities = self.runner(image=field[np.newaxis])["probabilities"][0]
        return dict(zip(LABELS, map(float, probabilities), strict=True))
