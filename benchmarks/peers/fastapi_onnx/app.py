"""The same model behind FastAPI and ONNX Runtime."""

import io
import os
from typing import Annotated

import numpy as np
import onnxruntime
from fastapi import FastAPI, File
from PIL import Image

LABELS = os.environ["PEER_LABELS"].split(",")

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["PEER_MODEL"], options, providers=["CPUExecutionProvider"])
image_name = session.get_inputs()[0].name
# The converter renames outputs; the probabilities are the one of shape [1, labels].
probabilities_name = next(output.name for output in session.get_outputs() if output.shape == [1, len(LABELS)])
app = FastAPI()


@app.post("/predict")
def predict(file: Annotated[bytes, File()]) -> dict[str, float]:
    """Classify one image."""
    with Image.open(io.BytesIO(file)) as image:
        field = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR), dtype=np.uint8)
    probabilities = session.run([probabilities_name], {image_name: field[np.newaxis]})[0][0]
    return dict(zip(LABELS, map(float, probabilities), strict=True))
