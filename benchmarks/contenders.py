"""The contenders: each function loads one way to answer, and gives a call that answers once.

Imports stay inside, so that a process pays for its own contender alone.
"""

import os
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from api.storage import Objects

Call = Callable[[], object]
ROOT = Path(__file__).resolve().parent.parent
MATRIX_SIDE = 1024  # 4 MB a matrix, larger than a core's own cache; short enough to run undisturbed


def jpeg(size_px: tuple[int, int] | None = None) -> bytes:
    """Give a synthetic field as a camera would: JPEG, 224 x 224 pixels unless told."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(ROOT / "samples" / "synthetic_pre_01.png") as sample:
        field = sample.convert("RGB")
    (field.resize(size_px) if size_px else field).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def litert_invoke(model: str = "") -> Call:
    """Run LiteRT alone on a model file, the shipped one unless told: the floor of every other time."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model or str(ROOT / "models" / "default" / "model.tflite"))
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner("serving_default")
    image = runner.get_input_details()["image"]["index"]
    probabilities = runner.get_output_details()["probabilities"]["index"]
    field = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)

    def call() -> object:
        interpreter.set_tensor(image, field)
        interpreter.invoke()
        return interpreter.get_tensor(probabilities)

    return call


def handler(query: str = "", data: bytes | None = None) -> Call:
    """Run the whole Lambda handler: an API Gateway event with a JPEG in, JSON out."""
    import handler as function
    from local.context import LambdaContext
    from local.event import http_event

    event = http_event("POST", "/v1/predictions", query, {"content-type": "image/jpeg"}, data or jpeg())
    return lambda: _demand_success(function.handler(event, LambdaContext()))


def handler_explain() -> Call:
    """Run the handler, with the heat map."""
    return handler("explain=true")


def outside_the_model() -> Call:
    """Run the handler with the model's first answer given again and again: all that a request does beside it."""
    import inference

    call = handler()
    run = inference.Classifier.run
    first_outputs: list[inference.Outputs] = []

    def run_once(self: inference.Classifier, image: "NDArray[np.uint8]") -> inference.Outputs:
        if not first_outputs:
            first_outputs.append(run(self, image))
        return first_outputs[0]

    inference.Classifier.run = run_once  # type: ignore[method-assign]
    return call


def matrix_product() -> Call:
    """Multiply two large float32 matrices: as fast as this core can add and multiply."""
    import numpy as np

    left, right = np.random.default_rng(0).random((2, MATRIX_SIDE, MATRIX_SIDE), dtype=np.float32)
    return lambda: left @ right


def int8_matrix_product() -> Call:
    """Multiply two large int8 matrices by LiteRT: as fast as this core can do that."""
    import numpy as np
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    left, right = np.random.default_rng(0).uniform(-1, 1, (2, MATRIX_SIDE, MATRIX_SIDE)).astype(np.float32)
    product = tf.function(lambda matrix: matrix @ right, [tf.TensorSpec(left.shape, tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([product.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: [[left]]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    matrix = np.random.default_rng(1).integers(-128, 128, left.shape, dtype=np.int8)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], matrix)
    invoke: Call = interpreter.invoke
    return invoke


def classify(path: str) -> Call:
    """Classify an image file, without HTTP and so without its limit on size."""
    import inference

    model = inference.load(Path(os.environ["LEUKOLENS_MODEL_DIR"]))
    data = Path(path).read_bytes()
    return lambda: model.predict(data)


def batch(images: str) -> Call:
    """Classify stored images by the batch entry."""
    import handler as function
    from api import batch as module
    from api.storage import Folder
    from local.context import LambdaContext

    folder = Path(tempfile.mkdtemp())
    data = jpeg()
    keys = [f"field-{number:05d}.jpg" for number in range(int(images))]
    for key in keys:
        (folder / key).write_bytes(data)

    def open_folder(address: str) -> "Objects":
        return Folder(folder)

    module.open_objects = open_folder  # type: ignore[attr-defined]
    event = {"BatchInput": {"bucket": "in", "results_bucket": "out"}, "Items": [{"Key": key} for key in keys]}
    return lambda: function.batch(event, LambdaContext())


def handler_24_megapixels() -> Call:
    """Run the handler on a JPEG of 6000 x 4000 pixels."""
    # Drawn by another process, so that this one's memory is that of answering.
    program = "import sys; from benchmarks.contenders import jpeg; sys.stdout.buffer.write(jpeg((6000, 4000)))"
    completed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    return handler(data=completed.stdout)


def local_http() -> Call:
    """Ask the local server over real HTTP; server and client share the core."""
    import httpx

    from benchmarks.machine import free_port
    from local.children import Child, answers

    port = str(free_port())
    # Ends with this process, however that ends.
    server = Child("api", ["local", "serve", "--port", port], Path(tempfile.mkdtemp()), dict(os.environ))
    http = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)
    data = jpeg()

    server.wait_until(lambda: answers(f"http://127.0.0.1:{port}/v1/health"), 60)
    headers = {"content-type": "image/jpeg"}
    return lambda: http.post("/v1/predictions", content=data, headers=headers).raise_for_status()


def handler_on_tensorflow() -> Call:
    """Run the same handler, its model by TensorFlow's own interpreter instead of LiteRT's."""
    import tensorflow as tf

    stand_in = types.ModuleType("ai_edge_litert.interpreter")
    stand_in.Interpreter = tf.lite.Interpreter  # type: ignore[attr-defined]
    sys.modules["ai_edge_litert"] = types.ModuleType("ai_edge_litert")
    sys.modules["ai_edge_litert.interpreter"] = stand_in
    return handler()


def keras_vgg16() -> Call:
    """Take the path that this project grew from: PIL, scaling in numpy, Keras VGG16 ``model.predict``.

    Weights are random, which changes no time; the head is the original's, 512-256-128-64-16-8-4.
    """
    import io

    import keras
    import numpy as np
    from PIL import Image

    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3), pooling="avg")
    head = [keras.layers.Dense(units, activation="relu") for units in (256, 128, 64, 16, 8)]
    model = keras.Sequential([base, *head, keras.layers.Dense(4, activation="softmax")])
    data = jpeg()

    def call() -> object:
        with Image.open(io.BytesIO(data)) as image:
            field = np.asarray(image.convert("RGB").resize((224, 224)), dtype=np.float32) / 255.0
        return model.predict(field[np.newaxis], verbose=0)

    return call


def _demand_success(answer: dict[str, Any]) -> dict[str, Any]:
    if answer["statusCode"] != 200:
        raise RuntimeError(f"the handler answered {answer['statusCode']}: {answer['body'][:500]}")
    return answer
