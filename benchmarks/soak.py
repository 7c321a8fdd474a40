"""``python -m benchmarks.soak``: one hostile request in a hundred for half an hour, and what the other 99 notice.

Exit code 1 where somebody else waited over 3 s, memory grew, or an answer was a 5xx other than a 503 with Retry-After.
Not a part of ``python -m benchmarks``, which has an hour for all.
"""

import argparse
import io
import json
import random
import socket
import statistics
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PIL import Image

from . import machine
from .local_service import HOST, LONGEST_S, TIMEOUT_S, early_and_late, growth_fault, serving, url_of

MINUTES = 30.0
CLIENTS = 4
HOSTILE_EVERY = 100
ANSWER = Path("benchmarks") / "results" / "soak.json"


@dataclass
class Observations:
    """What the clients noticed."""

    statuses: Counter[str] = field(default_factory=Counter)
    hostile: Counter[str] = field(default_factory=Counter)
    times_s: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def main() -> int:
    """Run it; gives 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long (default: %(default)s)")
    minutes = parser.parse_args().minutes
    with serving() as (server, port):
        observations = _soak(server, port, minutes * 60)
    result = summarise(observations, minutes)
    (machine.ROOT / ANSWER).write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return int(bool(result["faults"]))


def summarise(observations: Observations, minutes: float) -> dict[str, object]:
    """Say what was seen, and what of it did not hold."""
    early, late = early_and_late(observations.memory_mb)
    growth = growth_fault(early, late)
    faults = list(observations.faults)
    checks = {
        "no_answer_but_those_allowed": not observations.faults,
        "others_within_3_s": max(observations.times_s) <= LONGEST_S,
        "memory_flat": not growth,
    }
    if not checks["others_within_3_s"]:
        faults.append(f"the longest request of others took {max(observations.times_s):.2f} s")
    if growth:
        faults.append(growth)
    return {
        "minutes": minutes,
        "statuses": dict(observations.statuses),
        "hostile": dict(observations.hostile),
        "median_s": round(statistics.median(observations.times_s), 4),
        "longest_s": round(max(observations.times_s), 3),
        "memory_mb": {
            "early": round(early, 1),
            "late": round(late, 1),
            "highest": round(max(observations.memory_mb), 1),
        },
        "held": checks,
        "faults": faults,
    }


def hostile_requests() -> list[tuple[str, dict[str, str], bytes]]:
    """Give what attackers send: path, headers, body."""
    sample = (machine.ROOT / "samples" / "synthetic_pre_01.png").read_bytes()
    form = b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n"
    png, json_type = {"content-type": "image/png"}, {"content-type": "application/json"}
    return [
        ("/v1/predictions", {"content-type": "image/jpeg"}, _many_scans(800)),
        ("/v1/predictions", png, _bomb(9_000, 9_000)),
        ("/v1/predictions", png, _bomb(60_000, 1_500)),
        ("/v1/predictions", {"content-type": "image/tiff"}, _one_pixel_tiles(300)),
        ("/v1/predictions", png, sample[: len(sample) // 2]),
        ("/v1/predictions", {"content-type": "multipart/form-data; boundary=b"}, form * 40_000),
        ("/v1/predictions", png, random.Random(7).randbytes(1_000_000)),
        ("/v1/feedback", {"content-type": "text/plain"}, b'{"request_id": "a", "label": "any"}'),
        ("/v1/feedback", json_type, b'{"request_id": "a", "label": "any", "consent": "on"}'),
        ("/v1/reports", json_type, b"[" * 100_000),
        ("/v1/health", {"host": "elsewhere.example"}, b""),
    ]


def _soak(pid: int, port: int, seconds: float) -> Observations:
    observations, until_s = Observations(), time.monotonic() + seconds
    sample = (machine.ROOT / "samples" / "synthetic_pre_01.png").read_bytes()
    attacks = hostile_requests()

    def client(number: int) -> None:
        sent = number * (HOSTILE_EVERY // CLIENTS)
        with httpx.Client(base_url=url_of(port), timeout=TIMEOUT_S, trust_env=False) as http:
            while time.monotonic() < until_s:
                sent += 1
                if sent % HOSTILE_EVERY:
                    _send(http, observations, "/v1/predictions", {"content-type": "image/png"}, sample, hostile=False)
                elif (turn := sent // HOSTILE_EVERY % (len(attacks) + 1)) == len(attacks):
                    _trickle(port)
                else:
                    _send(http, observations, *attacks[turn], hostile=True)

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        while any(not future.done() for future in clients):
            observations.memory_mb.append(machine.resident_mb(pid))
            time.sleep(1)
        for future in clients:
            future.result()
    return observations


def _send(
    http: httpx.Client, observations: Observations, path: str, headers: dict[str, str], body: bytes, *, hostile: bool
) -> None:
    started_s = time.perf_counter()
    try:
        answer = http.post(path, content=body, headers=headers)
        # Of a killed decode alone: whoever sent nothing hostile is answered.
        is_excused = hostile and answer.status_code == 503 and "retry-after" in answer.headers
        status = str(answer.status_code)
    except httpx.TransportError as error:
        status, is_excused = type(error).__name__, hostile
    took_s = time.perf_counter() - started_s
    with observations.lock:
        (observations.hostile if hostile else observations.statuses)[status] += 1
        if not hostile:
            observations.times_s.append(took_s)
        if not (is_excused or status.startswith("4" if hostile else "2")) and not (hostile and status == "200"):
            observations.faults.append(f"{path} {headers.get('content-type')}: {status}")


def _trickle(port: int) -> None:
    """Begin a request, and leave it so for a moment."""
    with socket.create_connection((HOST, port)) as connection:
        connection.sendall(b"POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\nx")
        time.sleep(1)


def _many_scans(scans: int) -> bytes:
    """Make a progressive JPEG whose last scan comes again and again; each costs a pass over all pixels."""
    file = io.BytesIO()
    Image.effect_noise((128, 128), 80).save(file, "JPEG", progressive=True, quality=30)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def _bomb(width: int, height: int) -> bytes:
    """Make a small PNG of many transparent pixels."""
    packer = zlib.compressobj(9)
    rows = b"".join([*(packer.compress(bytes(1 + 4 * width)) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _one_pixel_tiles(side_px: int) -> bytes:
    """Make a TIFF of one tile a pixel."""
    count = side_px * side_px
    tags = [(256, 3, 1, side_px), (257, 3, 1, side_px), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    table = 8 + 2 + 12 * 10 + 4
    tags += [(322, 3, 1, 1), (323, 3, 1, 1), (324, 4, count, table), (325, 4, count, table + 4 * count)]
    pixels = table + 8 * count
    # A short value stands in the first half of its field, which little-endian bytes of a long do as well.
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    offsets = b"".join(struct.pack("<I", pixels + number) for number in range(count))
    counts = struct.pack("<I", 1) * count
    return b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 10) + entries + bytes(4) + offsets + counts + bytes(count)


if __name__ == "__main__":
    sys.exit(main())
