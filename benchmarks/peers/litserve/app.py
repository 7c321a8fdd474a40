"""The same model file behind LitServe."""

import io
import os
import sys

import litserve
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from fastapi import Request
from PIL import Image

LABELS = os.environ["PEER_LABELS"].split(",")


class SmearAPI(litserve.LitAPI):
    """Decodes, predicts and encodes one image."""

    def setup(self, device: str) -> None:
        """Load the model in the worker."""
        interpreter = Interpreter(os.environ["PEER_MODEL"], num_threads=1)
        self.runner = interpreter.get_signature_runner("serving_default")

    def decode_request(self, request: Request) -> np.ndarray:
        """Read the image of the form."""
        with Image.open(io.BytesIO(request["file"].file.read())) as image:
            return np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR), dtype=np.uint8)

    def predict(self, field: np.ndarray) -> np.ndarray:
        """Run the model."""
        probabilities: np.ndarray = self.runner(image=field[np.newaxis])["probabilities"][0]
        return probabilities

    def encode_response(self, probabilities: np.ndarray) -> dict[str, float]:
        """Name the probabilities."""
        return dict(zip(LABELS, map(float, probabilities), strict=True))


if __name__ == "__main__":
    server = litserve.LitServer(SmearAPI(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
