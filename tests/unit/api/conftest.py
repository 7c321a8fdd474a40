import io
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from settings import Settings

from api.app import Application
from api.observe import logger

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def application(lenient_model: Path) -> Application:
    """Give the API with default settings and a model that answers for the samples."""
    return Application(Settings(model_dir=lenient_model))


@pytest.fixture(scope="session")
def sample() -> bytes:
    """Give a synthetic field, 224 x 224 PNG."""
    return (ROOT / "samples" / "synthetic_pre_01.png").read_bytes()


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Give a function that tells all that was written to standard output, log lines and metrics alike."""
    # The local server, which other tests run in this process, turns metrics off.
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    stream = io.StringIO()
    for log_handler in logger.handlers:
        if isinstance(log_handler, logging.StreamHandler):
            monkeypatch.setattr(log_handler, "stream", stream)
    return lambda: stream.getvalue() + capsys.readouterr().out
