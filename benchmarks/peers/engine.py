"""The bare model in a peer's own environment: ``engine.py ENGINE MODEL``; answers as often as each line asks for.

Tells milliseconds, and those of the processor, as JSON, one line for each line of standard input. What a server takes
beyond this is the server's.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

FIELD = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)


class _Interpreter(Protocol):
    def get_signature_runner(self, name: str) -> Callable[..., object]: ...


def litert(model: str) -> Callable[[], object]:
    """Load a TFLite file into LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    return _signature(Interpreter(model, num_threads=1))


def tensorflow(model: str) -> Callable[[], object]:
    """Load a TFLite file into the interpreter that comes with TensorFlow."""
    import tensorflow as tf

    return _signature(tf.lite.Interpreter(model, num_threads=1))


def onnxruntime(model: str) -> Callable[[], object]:
    """Load an ONNX file into ONNX Runtime."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: FIELD})


def openvino(model: str) -> Callable[[], object]:
    """Load a TFLite file into OpenVINO, at full precision."""
    import openvino as ov

    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"})
    return lambda: compiled([FIELD])


def _signature(interpreter: _Interpreter) -> Callable[[], object]:
    runner = interpreter.get_signature_runner("serving_default")
    return lambda: runner(image=FIELD)


if __name__ == "__main__":
    engines = {"litert": litert, "tensorflow": tensorflow, "onnxruntime": onnxruntime, "openvino": openvino}
    call = engines[sys.argv[1]](sys.argv[2])
    for line in sys.stdin:
        times_ms, processor_ms = [], []
        for _ in range(int(line)):
            start_s, start_processor_s = time.perf_counter(), time.process_time()
            call()
            times_ms.append((time.perf_counter() - start_s) * 1000)
            processor_ms.append((time.process_time() - start_processor_s) * 1000)
        print(json.dumps([times_ms, processor_ms]), flush=True)
