"""The same model behind FastAPI and OpenVINO, which reads the TFLite file itself."""

import io
import os
from typing import Annotated

import numpy as np
import openvino
from fastapi import FastAPI, File
from PIL import Image

LABELS = os.environ["PEER_LABELS"].split(",")

compiled = openvino.Core().compile_model(
    os.environ["PEER_MODEL"], "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
)
probabilities_of = next(output for output in compiled.outputs if list(output.shape) == [1, len(LABELS)])
app = FastAPI()


@app.post("/predict")
def predict(file: Annotated[bytes, File()]) -> dict[str, float]:
    """Classify one image."""
    with Image.open(io.BytesIO(file)) as image:
        field = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR), dtype=np.uint8)
    probabilities = compiled([field[np.newaxis]])[probabilities_of][0]
    return dict(zip(LABELS, map(float, probabilities), strict=True))
