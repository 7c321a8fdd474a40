"""Fetching an ingested set, beside one ``download_file`` after another.

moto's S3 server runs in a process of its own, fields are ingested into it, and then fetched in three ways in turn, each
time into an empty folder:

- ``download_file``: boto3's own call, image after image, as a script would do it; it compares no checksum. Each image
  takes as long as the last, so that it fetches a share of them, and rates are compared;
- ``pull``: the project's command, interpreter start included; every image's SHA-256 is compared;
- ``pull_one_by_one``: the same where the bucket holds no packs.

Real smears where LEUKOLENS_DATA or ../shared/data has them, else synthetic fields.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from local.fields import data_root

from .budget import Budget
from .figures import bars, embed
from .machine import ROOT, free_port
from .markdown import table, where
from .statistics import Summary, seconds, shuffled, summary

BUCKET, PREFIX = "smears", "all"
INDEX = {"Bucket": BUCKET, "Key": f"{PREFIX}/_packs/index.json"}
FIELDS = 1_280
SHARE = 4  # download_file fetches one in so many
ROUNDS = 3


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure."""
    port = free_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with tempfile.TemporaryDirectory(prefix="leukolens-pull-") as folder:
            client = _client_when_up()
            result = _compare(client, Path(folder), console, budget)
    finally:
        server.kill()
        server.wait()
    console.print(f"pull is {result['times_as_fast']} times as fast")
    return result


def _compare(client: Any, work: Path, console: Console, budget: Budget) -> dict[str, Any]:
    source, kind = smears(work / "drawn", FIELDS)
    uri = f"s3://{BUCKET}/{PREFIX}"
    ingest_s = round(seconds(_run_training, "ingest", sample_fields(source, work / "source", FIELDS), uri), 2)
    console.print(f"ingest: {ingest_s} s")
    index = client.get_object(**INDEX)["Body"].read()
    rates: dict[str, list[float]] = {"download_file": [], "pull_one_by_one": [], "pull": []}

    def pull(into: Path) -> int:
        _run_training("pull", uri, into)
        return len((into / "manifest.jsonl").read_text().splitlines())

    def pull_one_by_one(into: Path) -> int:
        client.delete_object(**INDEX)
        try:
            return pull(into)
        finally:
            client.put_object(**INDEX, Body=index)

    methods: dict[str, Callable[[Path], int]] = {
        "download_file": lambda into: _download_files(client, into),
        "pull_one_by_one": pull_one_by_one,
        "pull": pull,
    }
    for turn in budget.turns("fetching", ROUNDS):
        for name, fetch in shuffled(methods.items(), turn):
            begun_s = time.perf_counter()
            images = fetch(work / f"{name}-{turn}")
            rates[name].append(round(images / (time.perf_counter() - begun_s), 1))
        console.print("images a second: " + ", ".join(f"{name} {per_second[-1]}" for name, per_second in rates.items()))
    records = [json.loads(line) for line in (work / "pull-0" / "manifest.jsonl").read_text().splitlines()]
    summaries: dict[str, Summary] = {name: summary(per_second) for name, per_second in rates.items()}
    return {
        "what": f"{kind}, through moto's S3 server over HTTP on the same machine",
        "images": len(records),
        "size_bytes": sum(record["size_bytes"] for record in records),
        "ingest_s": ingest_s,
        "images_per_s": summaries,
        "times_as_fast": round(summaries["pull"]["median"] / summaries["download_file"]["median"], 1),
    }


def smears(drawn_folder: Path, fields: int) -> tuple[Path, str]:
    """Give a folder of smears and what they are: real ones where this machine has them, else so many drawn ones."""
    if (root := data_root()) is not None:
        return root / "all_smears", "real smears"
    from training.data.synthetic import write_dataset

    write_dataset(drawn_folder, fields // 4, seed=1)
    return drawn_folder, "synthetic fields"


def sample_fields(source: Path, folder: Path, fields: int) -> Path:
    """Copy so many fields of a set, evenly spread over it, with their labels."""
    paths = sorted(path for path in source.glob("*/*") if path.is_file())
    for number in range(min(fields, len(paths))):
        path = paths[number * len(paths) // min(fields, len(paths))]
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.parent.name)
    return folder


def _client_when_up() -> Any:
    for _ in range(120):
        client = boto3.client("s3")
        try:
            client.create_bucket(Bucket=BUCKET)
        except Exception:  # noqa: BLE001 - not up yet, whatever the reason
            time.sleep(0.5)
        else:
            return client
    raise SystemExit("moto does not answer: see whether moto_server starts by hand")


def _run_training(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "training", *map(str, arguments)], cwd=ROOT, check=True, capture_output=True)


def _download_files(client: Any, folder: Path) -> int:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/")
    keys = [entry["Key"] for page in pages for entry in page["Contents"]]
    chosen = [key for key in keys if "/_packs/" not in key and not key.endswith(".jsonl")][::SHARE]
    for key in chosen:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        client.download_file(BUCKET, key, str(folder / key))
    return len(chosen)


_METHODS = {
    "download_file": "`download_file`, one after another, nothing checked",
    "pull_one_by_one": "`pull` from a bucket without packs, every SHA-256 checked",
    "pull": "`pull`, every SHA-256 checked",
}


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    rows = [
        [label, *(f"{results['images_per_s'][method][key]:.0f}" for key in ("median", "low_quartile", "high_quartile"))]
        for method, label in _METHODS.items()
    ]
    return "\n".join(
        [
            "## Fetching the data",
            "",
            where(results),
            "",
            f"{results['images']:,} {results['what']} ({results['size_bytes'] / 1e6:.0f} MB). The project's command,"
            f" with its start-up, is {results['times_as_fast']} times as fast as `download_file` in the same run.",
            "",
            table(["images a second", "median", "p25", "p75"], rows),
            embed("pull", "Images a second that are fetched from a bucket, by three ways"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the rates."""
    rates = {"": [results["images_per_s"][method]["median"] for method in _METHODS]}
    bars("pull", [method.replace("_", " ") for method in _METHODS], rates, "images a second", log=True)
