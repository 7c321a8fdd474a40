"""The path that this project grew from: Flask, PIL and Keras VGG16 ``model.predict``; weights are random."""

import io
import os
import sys

import keras
import numpy as np
import waitress
from flask import Flask, request
from PIL import Image

LABELS = os.environ["PEER_LABELS"].split(",")

base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3), pooling="avg")
head = [keras.layers.Dense(units, activation="relu") for units in (256, 128, 64, 16, 8)]
model = keras.Sequential([base, *head, keras.layers.Dense(4, activation="softmax")])
app = Flask(__name__)


@app.post("/predict")
def predict() -> dict[str, float]:
    """Classify one image."""
    with Image.open(io.BytesIO(request.files["file"].read())) as image:
        field = np.asarray(image.convert("RGB").resize((224, 224)), dtype=np.float32) / 255.0
    probabilities = model.predict(field[np.newaxis], verbose=0)[0]
    return dict(zip(LABELS, map(float, probabilities), strict=True))


if __name__ == "__main__":
    waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=4)
