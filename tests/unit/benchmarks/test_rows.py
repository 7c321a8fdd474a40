import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from benchmarks.rows import manifest
from training.data.manifest import parse
from training.data.splits import random_folds


def test_a_synthetic_manifest_is_a_valid_one_with_near_duplicates() -> None:
    made = manifest(200)
    assert parse(made.content, "made") == made
    assert Counter(one.label for one in made.records) == {"Benign": 30, "Early": 60, "Pre": 60, "Pro": 50}
    assert len({one.duplicate_group for one in made.records} - {None}) == 10
    assert len(random_folds(made.records)) == 5


def test_each_step_is_timed() -> None:
    command = [sys.executable, "-m", "benchmarks.rows", "2000"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["rows"] == 2000
    assert found["taken_s"].keys() == {"write", "read", "random", "contiguous", "slides"}
    assert min(found["taken_s"].values()) > 0
    assert found["peak_mb"] > 10
