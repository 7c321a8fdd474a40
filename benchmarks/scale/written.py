"""What the batch entry point writes for one image, through the service's own code."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import machine
from benchmarks.answering_model import write_answering

SAMPLES = machine.ROOT / "samples"
_CALL = """
import json, sys
import handler
json.dump(handler.batch(json.load(sys.stdin), None), open(sys.argv[1], "w"))
"""


def bytes_per_image() -> dict[str, int]:
    """Classify the samples in one call; gives the bytes of ``log`` and of ``line`` in the results, for each."""
    images = sorted(path.name for path in SAMPLES.glob("*.png"))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as model:
        buckets = {"bucket": SAMPLES.as_uri(), "results_bucket": Path(folder).as_uri(), "results_prefix": "lines"}
        event = {"BatchInput": buckets, "Items": [{"Key": name} for name in images]}
        completed = subprocess.run(
            [sys.executable, "-c", _CALL, f"{folder}/answer.json"],
            input=json.dumps(event),
            capture_output=True,
            text=True,
            check=True,
            # As deployed: nothing of Powertools turned off, the service's name, stamps of the usual length.
            env={name: value for name, value in os.environ.items() if not name.startswith("POWERTOOLS_")}
            | {"POWERTOOLS_SERVICE_NAME": "leukolens-prod-batch", "TZ": "UTC"}
            # A field of a smear gets numbers, and so longer lines than a drawn one, which the shipped card turns away.
            | {"LEUKOLENS_MODEL_DIR": str(write_answering(Path(model)))},
        )
        answer = json.loads(Path(folder, "answer.json").read_text())
        lines = Path(folder, answer["results_key"]).stat().st_size
    return {"log": round(len(completed.stdout.encode()) / len(images)), "line": round(lines / len(images))}
