"""Fetching an ingested set, beside one ``download_file`` after another.

moto's S3 server runs in a process of its own, the whole set is ingested into it, and then fetched in three ways, one
after the other, each time into an empty folder:

- ``download_file``: boto3's own call, image after image, as a script would do it; it compares no checksum;
- ``pull``: the project's command, interpreter start included; every image's SHA-256 is compared;
- ``pull_one_by_one``: the same where the bucket holds no packs.

Real smears where LEUKOLENS_DATA or ../shared/data has them, else as many synthetic fields as the public set has.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from .budget import Budget
from .machine import ROOT

PORT = 5711
BUCKET, PREFIX = "smears", "all"
INDEX = {"Bucket": BUCKET, "Key": f"{PREFIX}/_packs/index.json"}
PUBLIC_SET = 3256
REPEATS = 5
_ENVIRONMENT = {
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure."""
    os.environ |= _ENVIRONMENT
    moto = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(PORT)]
    server = subprocess.Popen(moto, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with tempfile.TemporaryDirectory(prefix="leukolens-pull-") as folder:
            client = _client_when_up()
            result = _compare(client, Path(folder), console, budget)
    finally:
        server.kill()
        server.wait()
    console.print(f"pull is {result['pull_times_as_fast']} times as fast, run by run")
    return result


def _compare(client: Any, work: Path, console: Console, budget: Budget) -> dict[str, Any]:
    source, kind = smears(work / "drawn")
    uri = f"s3://{BUCKET}/{PREFIX}"
    taken_s: dict[str, list[float]] = {"pull": [], "pull_one_by_one": [], "download_file": []}
    ingest_s = _seconds(_training, "ingest", source, uri)
    console.print(f"ingest: {ingest_s} s")
    index = client.get_object(**INDEX)["Body"].read()
    for run in budget.turns("fetching", REPEATS):
        taken_s["pull"].append(_seconds(_training, "pull", uri, work / f"pull-{run}"))
        client.delete_object(**INDEX)
        taken_s["pull_one_by_one"].append(_seconds(_training, "pull", uri, work / f"single-{run}"))
        client.put_object(**INDEX, Body=index)
        taken_s["download_file"].append(_seconds(_download_files, client, work / f"files-{run}"))
        console.print(", ".join(f"{name} {times[-1]} s" for name, times in taken_s.items()))
    records = [json.loads(line) for line in (work / "pull-0" / "manifest.jsonl").read_text().splitlines()]
    return {
        "what": f"{kind}, through moto's S3 server over HTTP on the same machine",
        "images": len(records),
        "size_bytes": sum(record["size_bytes"] for record in records),
        "ingest_s": ingest_s,
        "taken_s": taken_s,
        "pull_times_as_fast": _ratios(taken_s["download_file"], taken_s["pull"]),
        "pull_one_by_one_times_as_fast": _ratios(taken_s["download_file"], taken_s["pull_one_by_one"]),
    }


def smears(drawn: Path) -> tuple[Path, str]:
    """Give a folder of smears and what they are: real ones where this machine has them, else drawn ones."""
    for candidate in (os.environ.get("LEUKOLENS_DATA"), ROOT.parent / "shared" / "data"):
        if candidate and (Path(candidate) / "all_smears").is_dir():
            return Path(candidate) / "all_smears", "real smears"
    from training.synthetic import write_dataset

    write_dataset(drawn, PUBLIC_SET // 4, seed=1)
    return drawn, "synthetic fields"


def _client_when_up() -> Any:
    for _ in range(120):
        client = boto3.client("s3")
        try:
            client.create_bucket(Bucket=BUCKET)
        except Exception:  # noqa: BLE001 - not up yet, whatever the reason
            time.sleep(0.5)
        else:
            return client
    raise SystemExit(f"moto does not answer on port {PORT}: is something else there?")


def _training(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "training", *map(str, arguments)], cwd=ROOT, check=True, capture_output=True)


def _download_files(client: Any, folder: Path) -> None:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/")
    for key in [entry["Key"] for page in pages for entry in page["Contents"]]:
        if "/_packs/" not in key:
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            client.download_file(BUCKET, key, str(folder / key))


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    work(*arguments)
    return round(time.perf_counter() - start, 2)


def _ratios(slow_s: list[float], fast_s: list[float]) -> list[float]:
    return [round(slow / fast, 1) for slow, fast in zip(slow_s, fast_s, strict=True)]
