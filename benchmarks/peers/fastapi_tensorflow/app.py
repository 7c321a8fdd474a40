"""The same model file behind FastAPI, on the interpreter that comes with TensorFlow."""

import io
import os
from threading import Lock
from typing import Annotated

import numpy as np
import tensorflow as tf
from fastapi import FastAPI, File
from PIL import Image

LABELS = os.environ["PEER_LABELS"].split(",")

runner = tf.lite.Interpreter(os.environ["PEER_MODEL"], num_threads=1).get_signature_runner("serving_default")
one_at_a_time = Lock()  # the interpreter's tensors are shared by FastAPI's threads
app = FastAPI()


@app.post("/predict")
def predict(file: Annotated[bytes, File()]) -> dict[str, float]:
    """Classify one image."""
    with Image.open(io.BytesIO(file)) as image:
        field = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR), dtype=np.uint8)
    with one_at_a_time:
        probabilities = runner(image=field[np.newaxis])["probabilities"][0]
    return dict(zip(LABELS, map(float, probabilities), strict=True))
