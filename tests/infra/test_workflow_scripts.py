"""The workflows' own scripts, each run on a fresh clone: progress and results apart, and its job's role enforced.

Every call that a script makes of AWS is noted where boto3 makes it, and held against the policies of the role that the
job becomes. Installing 2.5 GB for a test is left out: a stand-in lays out the same files and says as much as the real
installers may, and this checkout's packages run. The CDK's CLI stands in, too: what it asks in a role's name is
enforced by ``make rehearse``. What only GitHub or AWS can run is listed, so that nothing is left out unseen.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from inference.card import model_digest
from infra.config import Delivery
from infra.environments import load_environment
from infra.image import REPOSITORY
from infra.rehearsal.account import ID, REGION, Account, Request, allows
from infra.stack import Output
from tests.infra.fresh_clone import (
    BASES,
    COMPARE,
    ROOT,
    WORKFLOWS,
    asked_by,
    environment_of,
    make_clone,
    run_step,
    script,
    serving,
    steps,
)
from tests.infra.roles import hold
from tests.infra.synthesis import IMAGE

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


def test_every_step_runs_here_or_is_listed_with_the_reason():
    named = {step["name"] for _, _, step in steps()}
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
    putting = {step["name"] for _, _, step in steps() if "GITHUB_OUTPUT" in step["run"] or "id" in step}
    assert putting
    assert not putting & set(ELSEWHERE)


@pytest.fixture(scope="module")
def taker(synthesise):
    """Give prod's account, which takes images from dev's."""
    prod = load_environment("prod").model_copy(update={"delivery": TAKER})
    return Account(synthesise(prod, IMAGE, IMAGE), "Prod")


def _promote(clone, registry, builder, *names):
    """Put a model into the models bucket, and name it in environments' files, as promotion does."""
    bucket, file = builder.output("Storage", Output.MODELS_BUCKET_NAME), b"TFL3"
    card = json.dumps({"sha256": hashlib.sha256(file).hexdigest()}).encode()
    s3 = boto3.client("s3", endpoint_url=registry, region_name=REGION)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, body in {"model.tflite": file, "model.json": card}.items():
        s3.put_object(Bucket=bucket, Key=f"models/1.1.0/{name}", Body=body)
    sha256 = model_digest(hashlib.sha256(file).hexdigest(), card)
    for name in names:
        with (clone / "environments" / f"{name}.toml").open("a") as settings:
            settings.write(f'\n[model]\nuri = "s3://{bucket}/models/1.1.0"\nsha256 = "{sha256}"\n')


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
    clone = make_clone(tmp_path_factory.mktemp("published"))
    with pytest.MonkeyPatch.context() as patched, serving() as registry:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "test")
        boto3.client("ecr", endpoint_url=registry, region_name=REGION).create_repository(
            repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE"
        )
        _promote(clone, registry, builder, "dev", "prod")
        outputs, progress = run_step(clone, registry, script("Publish"), GITHUB_SHA=COMMIT)
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
    found, _ = run_step(clone, registry, script("Resolve"), IMAGE=published["image"])
    assert found == {"image": published["image"], "page": published["page"], "commit": COMMIT}
    digests = _digests(published)
    for signed in (digests, digests[:1], []):
        _look_for_signatures(clone, registry, published, signed)
    images = {"IMAGE": published["image"], "PAGE": published["page"]}
    run_step(clone, registry, script("Deploy"), TARGET="dev", COMMAND="release", **images)
    noted, _ = run_step(clone, registry, script("Note where the images ran"), TARGET="prod", **images)
    assert noted == {}
    ecr = boto3.client("ecr", endpoint_url=registry, region_name=REGION)
    for name in ("image", "page"):
        where = [{"imageDigest": published[f"{name}_digest"]}]
        (described,) = ecr.describe_images(repositoryName=REPOSITORY, imageIds=where)["imageDetails"]
        assert any(tag.startswith("prod-") for tag in described["imageTags"]), name
    for step in ("Publish", "Resolve", "Note where the images ran"):
        assert environment_of(step) == "dev"
    repository = builder.arn("AWS::ECR::Repository", "Images")
    asked = [*asked_by(clone, builder), *(Request(action, repository) for action in ENGINE_PUSHES), *BECOMES]
    assert {"ecr:DescribeRepositories", "s3:GetObject", "kms:Decrypt"} <= {one.action for one in asked}
    hold("deploy (builds)", builder.statements("Leukolens-Dev-Delivery/Deploy"), asked)


def test_another_account_deploys_what_is_signed_and_holds_its_model_and_nothing_else(builder, taker, published):
    release, clone, registry, published = published, published.clone, published.registry, published.outputs
    release.begin()
    images = {"IMAGE": published["image"], "PAGE": published["page"]}
    _look_for_signatures(clone, registry, published, _digests(published))
    for command in ("release", "rollback"):
        run_step(clone, registry, script("Deploy"), TARGET="prod", COMMAND=command, **images)
    deployed = [line for line in (clone.parent / "cdk.log").read_text().splitlines() if line.startswith("deploy")]
    assert len(deployed) == 2
    for line in deployed:
        assert f"--context image={published['image']} --context page={published['page']}" in line
        assert "--require-approval never" in line
    assert ["--context shift=none" in line for line in deployed] == [False, True]
    # Staging's file names no model, and so the shipped one: nothing is deployed.
    for command in ("release", "rollback"):
        _, told = run_step(clone, registry, script("Deploy"), code=1, TARGET="staging", COMMAND=command, **images)
        assert "staging is to serve" in told
    assert len((clone.parent / "cdk.log").read_text().splitlines()) == len(deployed)
    assert environment_of("Deploy") == environment_of(SIGNED) == "${{ inputs.environment }}"
    asked = asked_by(clone, builder, own=False)
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


def _digests(published):
    return [published[f"{name}_digest"].removeprefix("sha256:") for name in ("image", "page")]


def _look_for_signatures(clone, registry, published, signed):
    """Run the step that looks for signatures, where these digests are signed: it passes with all of them alone."""
    digests = _digests(published)
    (clone.parent / "signed").write_text("\n".join(signed) + "\n")
    run_step(
        clone,
        registry,
        script(SIGNED),
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
