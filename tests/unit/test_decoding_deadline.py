"""A file that takes too long to decode costs its sender one answer: served locally, in a batch, on the page."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from settings import Settings

from api.app import Application
from api.batch import run
from api.service import Service
from frontend import pictures
from intake import ImageTooLarge
from intake.picture import _process
from local.server import application
from tests.serving import running

SAMPLE = (Path(__file__).resolve().parents[2] / "samples" / "synthetic_pre_01.png").read_bytes()
WAIT_S = 60.0  # whatever else the machine does


def field(side: int) -> bytes:
    """Write a field of noise as TIFF, which is never decoded where it is asked for."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "TIFF", compression="tiff_lzw")
    return file.getvalue()


SLOW = field(900)


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Have the process that decodes for the whole program give up at once."""
    _process.close()
    with monkeypatch.context() as changed:
        changed.setattr(_process, "deadline_s", 0.01)
        yield changed
    _process.close()


def test_locally_one_request_is_refused_and_the_server_goes_on(
    lenient_model: Path, tmp_path: Path, hurry: pytest.MonkeyPatch
) -> None:
    headers = {"content-type": "image/tiff"}
    with running(application(Application(Settings(model_dir=lenient_model)), tmp_path)) as url:
        predictions = f"{url}/v1/predictions"
        refused = httpx.post(predictions, content=SLOW, headers=headers, timeout=WAIT_S)
        assert (refused.status_code, refused.json()["reason"]) == (413, "too-costly")
        assert "retry-after" not in refused.headers
        assert httpx.get(f"{url}/v1/health", timeout=WAIT_S).status_code == 200
        hurry.undo()
        assert httpx.post(predictions, content=field(120), headers=headers, timeout=WAIT_S).status_code == 200


def test_in_a_batch_its_neighbours_have_their_lines(
    lenient_model: Path, tmp_path: Path, hurry: pytest.MonkeyPatch
) -> None:
    for name, data in {"a.png": SAMPLE, "b.tif": SLOW, "c.png": SAMPLE}.items():
        (tmp_path / name).write_bytes(data)
    where = {"bucket": tmp_path.as_uri(), "results_bucket": tmp_path.as_uri(), "results_prefix": "results"}
    event = {"BatchInput": where, "Items": [{"Key": key} for key in ("a.png", "b.tif", "c.png")]}
    result = run(Service(Settings(model_dir=lenient_model)), event)
    lines = [json.loads(line) for line in (tmp_path / result.results_key).read_text("utf-8").splitlines()]
    assert [bool(line.get("prediction")) for line in lines] == [True, False, True]
    assert lines[1]["problem"]["reason"] == "too-costly"


def test_on_the_page_the_next_picture_is_shown(hurry: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageTooLarge) as caught:
        pictures.preview(SLOW)
    assert caught.value.reason == "too-costly"
    hurry.undo()
    assert pictures.preview(field(120))
