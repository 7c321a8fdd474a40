"""The command ``doctor``: whether this machine, the MLflow server and AWS have what a training needs.

::

    python -m training doctor
    python -m training doctor --env dev --instance-type ml.g5.xlarge

Nothing is made or changed, and nobody is waited for longer than some seconds. Without ``--env`` no account is needed.
"""

import argparse
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import boto3
import psutil  # type: ignore[import-untyped]
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from terminal import Table, add_format, open_console
from training.sagemaker_jobs.deployment import read_environment
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.preflight import quotas_of
from training.serving.preconditions import FREE_BYTES
from training.tracking.settings import prepare_environment, tracking_uri, without_password

PYTHONS = ((3, 11), (3, 14))
"""From the first on, and below the second (pyproject.toml)."""
NEEDED = ("keras", "ai-edge-litert", "mlflow", "scikit-learn")
TENSORFLOWS = ("tensorflow-cpu", "tensorflow")
MEMORY_BYTES = 4_000_000_000
"""What a sweep of nine VGG16 heads takes (docs/training.md)."""
PATIENCE_S = 4
"""For each answer of a server; ``doctor`` waits for no more than a few of them."""
QUICK = Config(connect_timeout=PATIENCE_S, read_timeout=PATIENCE_S, retries={"total_max_attempts": 1})
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes
    ----------
    what, found
        What was looked at, and what there is.
    advice
        What to do next, where something is missing.
    missing
        Whether a training needs it.
    """

    what: str
    found: str
    advice: str = ""
    missing: bool = False


def look(env: str | None, instance_type: str | None) -> Iterator[Finding]:
    """Look at everything, one after the other."""
    yield from _software()
    yield from _machine()
    yield from _tracking(tracking_uri())
    yield from _aws(env, instance_type)


def _software() -> Iterator[Finding]:
    low, high = PYTHONS
    fits = low <= sys.version_info[:2] < high
    advice = "" if fits else f"use Python {low[0]}.{low[1]} to {high[0]}.{high[1] - 1}: make setup PYTHON=python3.12"
    yield Finding("python", platform.python_version(), advice, not fits)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield Finding("leukolens", f"{project['version']} ({_commit()})")
    versions = {name: _installed(name) for name in (*TENSORFLOWS, *NEEDED)}
    tensorflow = next((versions[name] for name in TENSORFLOWS if versions[name]), None)
    for name, installed in {"tensorflow": tensorflow, **{name: versions[name] for name in NEEDED}}.items():
        yield Finding(
            name, installed or "not installed", "" if installed else "install everything: make setup", installed is None
        )


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    return _output_of(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]) or "no git checkout"


def _output_of(command: list[str]) -> str:
    """Give what a program says, or nothing where there is none or it does not answer in time."""
    try:
        # Our own arguments; the program is where the user's PATH has it.
        completed = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return completed.stdout.strip() if completed.returncode == 0 else ""


def _machine() -> Iterator[Finding]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("cores", f"{usable} of {os.cpu_count()}")
    gpus = [line.partition(" (UUID")[0] for line in _output_of(["nvidia-smi", "-L"]).splitlines()]
    yield Finding("GPU", "; ".join(gpus) or "none: the processor trains")
    yield _enough("memory", psutil.virtual_memory().available, MEMORY_BYTES, "end other programs")
    runs = Path("runs").absolute()
    existing_folder = next(path for path in (runs, *runs.parents) if path.exists())
    yield _enough(
        f"disk at {existing_folder}",
        shutil.disk_usage(existing_folder).free,
        FREE_BYTES,
        "make room, or work in another folder",
    )
    if not os.access(existing_folder, os.W_OK):
        yield Finding(
            f"folder {existing_folder}", "nothing can be written", "work in a folder of your own", missing=True
        )


def _enough(resource: str, free: int, needed: int, advice: str) -> Finding:
    if free >= needed:
        return Finding(resource, f"{free / 1e9:.1f} GB free")
    return Finding(resource, f"{free / 1e9:.1f} GB free", f"{needed / 1e9:.1f} GB are needed: {advice}", missing=True)


def _tracking(uri: str) -> Iterator[Finding]:
    shown_uri = without_password(uri)
    if uri.startswith("sqlite:///"):
        yield _store(Path(uri[len("sqlite:///") :]))
    elif uri.startswith(("http://", "https://")):
        yield from _server(uri.rstrip("/"), shown_uri)
    else:
        yield Finding("MLflow", shown_uri, "asked with AWS's credentials when a run begins")


def _store(path: Path) -> Finding:
    if not path.exists():
        return Finding("MLflow", f"{path}: made by the first run")
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE_S) as store:
            (runs,) = store.execute("select count(*) from runs").fetchone()
    except sqlite3.Error as error:
        advice = "move it away: the next run makes a new one, and sync sends what lies in runs/tracking"
        return Finding("MLflow", f"{path}: no store of MLflow's ({error})", advice, missing=True)
    return Finding("MLflow", f"{path}: {runs} runs")


def _server(uri: str, shown_uri: str) -> Iterator[Finding]:
    prepare_environment(uri)

    def ask(path: str) -> requests.Response:
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        return requests.get(
            f"{uri}{path}",
            timeout=PATIENCE_S,
            auth=(user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None,
            headers={"Authorization": f"Bearer {token}"} if token and not user else None,
        )

    try:
        runs_reply = ask("/api/2.0/mlflow/experiments/search?max_results=1")
        version_reply = ask("/version")
        registry_reply = ask("/api/2.0/mlflow/registered-models/search?max_results=1")
    except requests.RequestException as error:
        advice = "runs go on and wait in runs/tracking for `python -m training sync`; check MLFLOW_TRACKING_URI"
        yield Finding("MLflow", f"{shown_uri} does not answer ({type(error).__name__})", advice, missing=True)
        return
    if runs_reply.status_code in (401, 403):
        advice = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        yield Finding("MLflow", f"{shown_uri} lets nobody in ({runs_reply.status_code})", advice, missing=True)
        return
    if runs_reply.status_code != requests.codes.ok:
        advice = "no MLflow server answers there: check MLFLOW_TRACKING_URI"
        yield Finding("MLflow", f"{shown_uri} answers {runs_reply.status_code}", advice, missing=True)
        return
    server_version = (
        version_reply.text.strip()
        if version_reply.status_code == requests.codes.ok and len(version_reply.text) < 20
        else "unknown"
    )
    yield Finding("MLflow", f"{shown_uri}, version {server_version}")
    client_version = _installed("mlflow") or server_version
    if server_version != "unknown" and server_version.split(".")[0] != client_version.split(".")[0]:
        advice = "runs are sent all the same, and what the server does not take is named; best is one of that version"
        yield Finding("MLflow's version", f"{server_version} there, {client_version} here", advice)
    if registry_reply.status_code == requests.codes.ok:
        yield Finding("model registry", "there")
    else:
        yield Finding(
            "model registry", "none on this server", "models are logged and not registered; promote by folder"
        )


def _aws(env: str | None, instance_type: str | None) -> Iterator[Finding]:
    if env is None:
        yield Finding("AWS", "not asked", "name an environment to ask for its account: doctor --env dev")
        return
    try:
        environment = read_environment(env)
    except LaunchError as error:
        yield Finding("environment", env, str(error), missing=True)
        return
    session, region = boto3.Session(region_name=environment.region), environment.region
    sign_in = "sign in (aws sso login) or set AWS_PROFILE"
    identity, failure = _ask_aws(lambda: session.client("sts", config=QUICK).get_caller_identity())
    if failure:
        yield Finding("AWS", f"{region}: {failure}", sign_in, missing=True)
        return
    yield Finding("AWS", f"{identity['Arn']} in {region}")
    if environment.account and identity["Account"] != environment.account:
        yield Finding("account", identity["Account"], f"{env} is {environment.account}: set AWS_PROFILE", missing=True)
    quota_name = f"{instance_type or environment.training.instance_type} for training job usage"
    quotas, failure = _ask_aws(lambda: quotas_of(session.client("service-quotas", config=QUICK)))
    if failure:
        yield Finding(
            "quota", f"{quota_name}: {failure}", "the launcher asks again; servicequotas:ListServiceQuotas lets one"
        )
    elif not (quota := quotas.get(quota_name, {}).get("Value", 0)):
        advice = f"ask AWS for more: Service Quotas, Amazon SageMaker, {quota_name!r}, {region}; or --instance-type"
        yield Finding("quota", f"{quota_name}: {quota:g}", advice, missing=True)
    else:
        yield Finding("quota", f"{quota_name}: {quota:g} at a time")


def _ask_aws(ask: Callable[[], Any]) -> tuple[Any, str]:
    """Give an answer of AWS, or why there is none."""
    try:
        return ask(), ""
    except ClientError as error:
        return None, str(error.response.get("Error", {}).get("Code", "refused"))
    except BotoCoreError as error:
        return None, str(error)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``doctor`` command."""
    parser = subparsers.add_parser("doctor", help="look whether machine, MLflow server and AWS have what is needed")
    parser.add_argument("--env", help="environment whose account is asked, such as dev (none: AWS is not asked)")
    parser.add_argument("--instance-type", metavar="TYPE", help="whose quota is looked up (the environment's)")
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``doctor`` command; gives the exit code: 1 where something is missing that a training needs."""
    table, missing = Table(("what", "state", "found", "what to do")), 0
    for finding in look(options.env, options.instance_type):
        missing += finding.missing
        table.add(
            finding.what,
            "missing" if finding.missing else "ok",
            finding.found,
            finding.advice,
            style="red" if finding.missing else "",
        )
    table.write(open_console(), options.format)
    if missing:
        sys.stderr.write(f"doctor: {missing} missing, each with what to do\n")
    return int(missing > 0)
