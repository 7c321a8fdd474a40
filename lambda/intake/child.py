"""``python -m intake.child``: decodes images for its parent, and is ended by the system where one takes too long.

A request is a line of JSON and the file's bytes; an answer is a line of JSON and the pixels. The alarm's default action
ends the process even within a decoder's C code, so that nothing has to look after it.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import warnings
from dataclasses import asdict
from typing import Any, BinaryIO, Final

from .decode import decode, in_callers_terms
from .errors import DecoderMissing
from .process import GREETING
from .raster import working_at

MEMORY_BYTES: Final = 900_000_000
"""Of data, address space included: beyond, an allocation fails and the image is refused."""
WALL_FACTOR: Final = 8
"""Seconds on the clock for each of the processor, on a machine that has much else to do."""


def main() -> None:
    """Answer requests until standard input closes."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # A decoder that prints must not speak for us, nor tell a log what a file holds.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    warnings.simplefilter("ignore")
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    answers.write(GREETING)
    answers.flush()
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["bytes"])
        if len(data) < request["bytes"]:
            return  # the parent went away
        _answer(answers, data, request)


def _answer(answers: BinaryIO, data: bytes, request: dict[str, Any]) -> None:
    seconds = float(request["seconds"])
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * WALL_FACTOR)
    pixels: Any = b""
    try:
        with working_at(request["working_side_px"]):
            decoded = decode(data, request["kind"], request["max_pixels"])
        facts = asdict(decoded)
        pixels = facts.pop("pixels")
        answer: dict[str, Any] = {"decoded": facts, "shape": list(pixels.shape), "bytes": pixels.nbytes}
    except Exception as error:  # noqa: BLE001 - decoders raise nearly every type on damaged bytes
        named = in_callers_terms(error, data, request["kind"])
        if isinstance(named, DecoderMissing):
            answer = {"missing": [named.format, named.package], "bytes": 0}
        else:
            answer = {"error": type(named).__name__, "reason": named.reason, "message": str(named), "bytes": 0}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.write(memoryview(pixels).cast("B") if answer["bytes"] else b"")
    answers.flush()


if __name__ == "__main__":
    main()
