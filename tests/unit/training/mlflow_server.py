"""An MLflow server of this process, by real HTTP, which lacks what a test says."""

import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

Answer = Callable[[Request], Response | None]


@dataclass
class Server:
    """One that runs.

    Attributes
    ----------
    uri
        Its address.
    answers
        Asked in turn before MLflow is: the first response that one gives is the server's.
    """

    uri: str
    answers: list[Answer] = field(default_factory=list)

    def lacks(self, part: str, status: int = 404) -> None:
        """Let it answer as a server does that has no such endpoint, or fails at it."""
        self.answers.append(lambda request: Response("", status) if part in request.path else None)


@contextmanager
def running(folder: Path, port: int = 0) -> Iterator[Server]:
    """Serve the store ``served.db`` of a folder, and artifacts below it; at a free port unless one is given."""
    places = {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/served.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, value)
        from mlflow.server import app, handlers
        from mlflow.tracking._model_registry import utils as registry
        from mlflow.tracking._tracking_service import utils as tracking

        for store in ("_tracking_store", "_model_registry_store", "_artifact_repo"):  # those of a server before
            patch.setattr(handlers, store, None)

        def serve(environ: dict[str, object], start_response: object) -> object:
            request = Request(environ)  # type: ignore[arg-type]
            for answer in server.answers:
                if (response := answer(request)) is not None:
                    return response(environ, start_response)  # type: ignore[arg-type]
            return app(environ, start_response)

        listening = make_server("127.0.0.1", port, serve, threaded=True)  # type: ignore[arg-type]
        server = Server(f"http://127.0.0.1:{listening.port}")
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        # MLflow's server names its own store in this process when it is first asked; here that is a client's, too.
        with pytest.MonkeyPatch.context() as asked:
            for module, name in ((tracking, "_tracking_uri"), (registry, "_registry_uri")):
                asked.setattr(module, name, None)
                asked.setenv(f"MLFLOW{name.upper()}", "")
            for part in ("experiments", "registered-models"):
                urllib.request.urlopen(f"{server.uri}/api/2.0/mlflow/{part}/search?max_results=1").close()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
            listening.server_close()
