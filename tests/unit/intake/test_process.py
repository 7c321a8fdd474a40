"""What no bound foresaw costs one request: the process that decodes is ended, and the next one is answered."""

import io
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from api.errors import as_api_error
from intake import DecoderUnavailable, ImageTooLarge, UnreadableImage
from intake.picture import _process, read_image
from intake.process import DecodingProcess


@pytest.fixture
def process() -> Iterator[DecodingProcess]:
    """Give a decoding process of its own."""
    one = DecodingProcess()
    yield one
    one.close()


def field(side: int) -> bytes:
    """Write a field of noise as TIFF: about 50 ns of the processor a pixel."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    tifffile.imwrite(file, noise, photometric="rgb", compression="lzw", predictor=True)
    return file.getvalue()


def is_running(pid: int) -> bool:
    """Tell whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_decode_over_the_deadline_is_ended_and_the_next_is_answered(process: DecodingProcess) -> None:
    small = field(100)
    assert process.decode(small, "TIFF", 10**8).width == 100
    ended = process.pid
    assert ended is not None
    process.deadline_s = 0.02
    with pytest.raises(ImageTooLarge, match="more time or memory") as caught:
        process.decode(field(1_500), "TIFF", 10**8)
    assert caught.value.reason == "too-costly"
    assert not is_running(ended)
    process.deadline_s = 30.0
    assert process.decode(small, "TIFF", 10**8).width == 100
    assert process.pid != ended


def test_a_process_that_somebody_else_ended_is_started_again(process: DecodingProcess) -> None:
    process.decode(field(100), "TIFF", 10**8)
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    while is_running(pid) and process.pid == pid:
        try:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            break
        except ChildProcessError:
            break
    assert process.decode(field(100), "TIFF", 10**8).width == 100


def test_it_is_kept_for_the_next_image_and_ends_when_closed(process: DecodingProcess) -> None:
    process.decode(field(100), "TIFF", 10**8)
    pid = process.pid
    process.decode(field(120), "TIFF", 10**8)
    assert process.pid == pid
    assert pid is not None
    process.close()
    assert not is_running(pid)


def test_it_ends_when_its_parent_goes_away(process: DecodingProcess) -> None:
    process.decode(field(100), "TIFF", 10**8)
    child = process._child
    assert child is not None
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(timeout=30) == 0


def test_an_image_that_takes_too_much_memory_is_refused(process: DecodingProcess) -> None:
    # 18,000 x 18,000 of grey is 324 MB, and a header of more would be refused before.
    with pytest.raises(ImageTooLarge):
        process.decode(field_of_zeros(30_000), "TIFF", 10**10)


def field_of_zeros(side: int) -> bytes:
    """Write the header of a large TIFF with one strip."""
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((200, 200), np.uint8))
    data = bytearray(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as opened:
        tags = opened.pages[0].tags
        for number in (256, 257):
            at = tags[number].valueoffset
            data[at : at + 2] = side.to_bytes(2, "little")
    return bytes(data)


def test_a_plain_jpeg_and_png_start_no_process() -> None:
    before = _process.pid
    for kind in ("JPEG", "PNG"):
        file = io.BytesIO()
        Image.new("RGB", (224, 224), "pink").save(file, kind)
        read_image(file.getvalue())
    assert _process.pid == before


def test_what_a_decoder_says_is_a_message_and_not_a_crash(process: DecodingProcess) -> None:
    with pytest.raises(UnreadableImage) as caught:
        process.decode(b"II*\x00" + bytes(100), "TIFF", 10**8)
    assert caught.value.reason in ("cut-short", "damaged")


def test_a_stopwatch_is_not_needed_for_the_deadline(process: DecodingProcess) -> None:
    """The clock is the processor's: an idle child is not ended."""
    process.deadline_s = 0.5
    process.decode(field(100), "TIFF", 10**8)
    pid = process.pid
    time.sleep(0.6)
    process.decode(field(100), "TIFF", 10**8)
    assert process.pid == pid


def test_a_process_that_does_not_start_is_no_fault_of_the_image(
    process: DecodingProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "intake").mkdir()
    (tmp_path / "intake" / "__init__.py").touch()
    (tmp_path / "intake" / "child.py").write_text("import nothing_of_that_name")
    with monkeypatch.context() as broken:
        broken.setattr(sys, "path", [str(tmp_path), *sys.path])
        with pytest.raises(DecoderUnavailable, match=r"does not start \(it ended with code 1\)"):
            process.decode(field(100), "TIFF", 10**8)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", str(tmp_path / "nothing"))
        with pytest.raises(DecoderUnavailable, match=r"does not start \(No such file"):
            process.decode(field(100), "TIFF", 10**8)
    assert process.decode(field(100), "TIFF", 10**8).width == 100
    assert as_api_error(DecoderUnavailable("why")).detail == "why"
