"""A decoder that is not installed is the service's fault: no image is called damaged for it."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import inference
from api.errors import as_api_error
from intake import DecoderMissing, read_image
from intake.process import DecodingProcess


def written(kind: str) -> bytes:
    """Write a plain picture in a format."""
    file = io.BytesIO()
    Image.new("RGB", (96, 96), (180, 120, 170)).save(file, kind)
    return file.getvalue()


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Leave out tifffile, as an install without it does; gives its name."""
    (tmp_path / "tifffile.py").write_text("raise ModuleNotFoundError('No module named tifffile', name='tifffile')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "tifffile"


@pytest.fixture
def process() -> Iterator[DecodingProcess]:
    """Give a decoding process of its own, which looks for packages where this test says."""
    one = DecodingProcess()
    yield one
    one.close()


def test_a_missing_decoder_is_named_and_the_image_is_not_blamed(without: str, process: DecodingProcess) -> None:
    with pytest.raises(DecoderMissing, match=f"{without}.*not installed") as caught:
        process.decode(written("TIFF"), "TIFF", 10**8)
    assert not isinstance(caught.value, inference.ImageError)


def test_so_it_is_for_what_is_decoded_without_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    with pytest.raises(DecoderMissing, match=r"JPEG.*simplejpeg.*not installed"):
        read_image(written("JPEG"))


def test_the_api_answers_500_and_names_the_package() -> None:
    problem = as_api_error(DecoderMissing("TIFF", "tifffile"))
    assert problem.status == 500
    assert "tifffile" in problem.detail
