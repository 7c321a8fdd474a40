"""Installs, starts and asks each server under test, and measures what it costs."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from .answering_model import labels, write_answering
from .environments import PEERS, environment, onnx_model, pinned
from .machine import CORE, MODEL_DIR, ROOT, pin, processor_ms, resident_mb

READY_S = 120.0
STOP_S = 5.0
TIMEOUT_S = 300.0
TFLITE = MODEL_DIR / "model.tflite"
OURS = "leukolens"
# The lock of the Lambda image, and the HTTP server that stands in for API Gateway.
_LOCK, _SERVER = ROOT / "lambda" / "requirements.txt", ("uvicorn==0.54.0", "starlette==1.10.0")
_REPORTED_PACKAGES = ("ai-edge-litert", "aws-lambda-powertools", "numpy", "pillow", "pydantic", "starlette", "uvicorn")


@dataclass(frozen=True)
class Peer:
    """One way to serve the model.

    Attributes
    ----------
    name
        Of its folder in benchmarks/peers/, too.
    what
        In words.
    arguments
        Of its environment's Python; ``{port}`` is put in.
    path
        Of the route that takes a form with the image in ``file``.
    same_model
        Whether its answers can be compared with ours.
    engine
        That runs the model, of benchmarks/peers/engine.py; empty where the model is another.
    variables
        Of its environment.
    """

    name: str
    what: str
    arguments: tuple[str, ...]
    path: str = "/predict"
    same_model: bool = True
    engine: str = "litert"
    variables: tuple[tuple[str, str], ...] = ()

    def install(self) -> Path:
        """Make its environment."""
        if self.name == OURS:
            return environment(self.name, _LOCK, *_SERVER)
        return environment(self.name, PEERS / self.name / "requirements.txt")

    def versions(self) -> dict[str, str]:
        """Give what it is made of, by name: all that a peer pins; of our own lock, what serves."""
        if self.name == OURS:
            return {name: version for name, version in pinned(_LOCK, *_SERVER).items() if name in _REPORTED_PACKAGES}
        return pinned(PEERS / self.name / "requirements.txt")

    def model(self) -> Path:
        """Give the model file in its format."""
        return onnx_model(TFLITE) if "onnx" in self.name else TFLITE


ROSTER = (
    Peer(OURS, "this project, local server", ("-m", "local", "serve", "--port", "{port}"), "/v1/predictions"),
    Peer(
        "fastapi_onnx",
        "FastAPI, ONNX Runtime",
        ("-m", "uvicorn", "app:app", "--port", "{port}", "--log-level", "warning", "--no-access-log"),
        engine="onnxruntime",
    ),
    Peer(
        "fastapi_openvino",
        "FastAPI, OpenVINO",
        ("-m", "uvicorn", "app:app", "--port", "{port}", "--log-level", "warning", "--no-access-log"),
        engine="openvino",
    ),
    Peer(
        "fastapi_tensorflow",
        "FastAPI, TensorFlow's own interpreter",
        ("-m", "uvicorn", "app:app", "--port", "{port}", "--log-level", "warning", "--no-access-log"),
        engine="tensorflow",
    ),
    Peer("litserve", "LitServe, LiteRT", ("app.py", "{port}")),
    Peer(
        "bentoml",
        "BentoML, LiteRT",
        ("-m", "bentoml", "serve", "app:Smears", "--host", "127.0.0.1", "--port", "{port}"),
        variables=(("BENTOML_DO_NOT_TRACK", "True"),),
    ),
    Peer("flask_vgg16", "Flask, Keras VGG16", ("app.py", "{port}"), same_model=False, engine=""),
)


class Server:
    """A peer that answers."""

    def __init__(self, peer: Peer, port: int, process: "subprocess.Popen[bytes]", image: bytes) -> None:
        self.peer = peer
        self._process = process
        self._image = image
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S, limits=limits, trust_env=False)
        self.cold_start_ms = 0.0

    def ask(self) -> dict[str, float]:
        """Classify the image; gives the probability of each label."""
        answer = self.http.post(self.peer.path, files={"file": ("field.jpg", self._image, "image/jpeg")})
        body: dict[str, float] = answer.raise_for_status().json()
        return body.get("probabilities", body)  # type: ignore[return-value]

    def wait(self, started_s: float) -> None:
        """Ask until the first answer comes, and remember how long that took from the start of the process."""
        while True:
            try:
                self.ask()
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                if self._process.poll() is not None or time.monotonic() - started_s > READY_S:
                    raise RuntimeError(f"{self.peer.name} does not answer: {error}") from error
                time.sleep(0.02)
            else:
                self.cold_start_ms = (time.monotonic() - started_s) * 1000
                return

    def latencies_ms(self, calls: int) -> list[float]:
        """Time requests that are sent one at a time."""
        times_ms = []
        for _ in range(calls):
            start_s = time.perf_counter()
            self.ask()
            times_ms.append((time.perf_counter() - start_s) * 1000)
        return times_ms

    def throughput(self, clients: int, calls: int) -> float:
        """Ask from so many clients at once; gives answers a second."""
        with ThreadPoolExecutor(clients) as pool:
            start_s = time.perf_counter()
            list(pool.map(lambda _: self.ask(), range(calls)))
            return calls / (time.perf_counter() - start_s)

    def processor_ms(self) -> float:
        """Give the processor time so far of the process and all that it started."""
        return sum(processor_ms(pid) for pid in _process_tree(self._process.pid))

    def memory_mb(self) -> float:
        """Give the memory of the process and all that it started."""
        return round(sum(resident_mb(pid) for pid in _process_tree(self._process.pid)), 1)


@contextlib.contextmanager
def running(peer: Peer, folder: Path, port: int, image: bytes) -> Iterator[Server]:
    """Run a peer on the measured core until the ``with`` ends.

    Raises
    ------
    RuntimeError
        When it does not come up; the message holds the end of its log.
    """
    is_ours = peer.name == OURS
    command = [str(folder / "bin" / "python"), *(argument.format(port=port) for argument in peer.arguments)]
    variables = {
        "PEER_MODEL": str(peer.model()),
        "PEER_LABELS": ",".join(labels()),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'lambda'}" if is_ours else "",
        **dict(peer.variables),
    }
    with tempfile.TemporaryDirectory() as answering, tempfile.TemporaryFile() as log:
        if is_ours:
            variables["LEUKOLENS_MODEL_DIR"] = str(write_answering(Path(answering)))
        started_s = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=ROOT if is_ours else PEERS / peer.name,
            env=one_thread() | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: pin(CORE),
        )
        server = Server(peer, port, process, image)
        try:
            server.wait(started_s)
            yield server
        except RuntimeError as error:
            log.seek(0)
            raise RuntimeError(f"{error}\n{log.read().decode('utf-8', 'replace')[-1000:]}") from error
        finally:
            server.http.close()
            _terminate(process)


def one_thread() -> dict[str, str]:
    """Give the environment of a process that has one core, and so one thread."""
    return os.environ | dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")


def _terminate(process: "subprocess.Popen[bytes]") -> None:
    """End a server and what it started; some start workers in sessions of their own, so each is ended by its id."""
    pids = _process_tree(process.pid)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _process_tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    pids = [pid]
    with contextlib.suppress(FileNotFoundError):
        for child in children.read_text().split():
            pids += _process_tree(int(child))
    return pids
