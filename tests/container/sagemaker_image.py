"""What AWS's image does with a job: fetch the code that its hyperparameters name, and run that code's program."""

import json
import os
import sys
import tarfile
from pathlib import Path

import boto3

ROOT = Path("/opt/ml")

if __name__ == "__main__":
    # SageMaker keeps this folder in S3, and puts it back before the job starts again.
    (ROOT / "checkpoints").symlink_to(ROOT / "input" / "data" / "checkpoints")
    asked = json.loads((ROOT / "input" / "config" / "hyperparameters.json").read_text())
    bucket, key = asked["sagemaker_submit_directory"].removeprefix("s3://").split("/", 1)
    boto3.client("s3").download_file(bucket, key, "/tmp/code.tar.gz")
    with tarfile.open("/tmp/code.tar.gz") as archive:
        archive.extractall(ROOT / "code", filter="data")
    os.chdir(ROOT / "code")
    os.environ["PYTHONPATH"] = f"{ROOT / 'code'}:{os.environ['PYTHONPATH']}"
    os.execv(sys.executable, [sys.executable, asked["sagemaker_program"]])
