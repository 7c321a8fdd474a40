"""What a workflow's job may become, and which job."""

import json
from fnmatch import fnmatchcase

import pytest
from pydantic import ValidationError

from infra.config import Delivery
from infra.environments import NAMES, load_environment
from infra.image import Published


@pytest.fixture(scope="module")
def template(synthesise):
    settings = Delivery(
        repository="owner/name",
        owner_id=11,
        repository_id=22,
        creates_provider=True,
        builds_image=True,
        pull_accounts=["123456789012"],
    )
    return synthesise(load_environment("dev").model_copy(update={"delivery": settings}))["Delivery"]


@pytest.fixture(scope="module")
def roles(template):
    return {role["RoleName"]: role for role in template.properties("AWS::IAM::Role")}


@pytest.mark.parametrize(
    ("role", "subjects"),
    [
        ("deploy", ["repo:owner/name:environment:dev", "repo:owner@11/name@22:environment:dev"]),
        ("diff", ["repo:owner/name:pull_request", "repo:owner@11/name@22:pull_request"]),
    ],
)
def test_a_role_trusts_one_kind_of_job_of_one_repository_by_both_forms_of_its_name(roles, role, subjects):
    (statement,) = roles[f"leukolens-dev-{role}-eu-central-1"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": subjects,
        }
    }


@pytest.mark.parametrize("numbers", [{"owner_id": 11}, {"repository_id": 22}])
def test_one_number_without_the_other_is_refused(numbers):
    with pytest.raises(ValidationError, match="give both or neither"):
        Delivery(repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=[], **numbers)


@pytest.mark.parametrize("extra", [{}, {"owner_id": 11, "repository_id": 22}])
def test_a_repository_may_be_written_as_its_token_has_it(extra):
    written = {"repository": "owner@11/na.me_2@22", "creates_provider": True, "builds_image": True, "pull_accounts": []}
    settings = Delivery.model_validate(written | extra)
    assert (settings.repository, settings.owner_id, settings.repository_id) == ("owner/na.me_2", 11, 22)
    assert settings.subjects("pull_request") == [
        "repo:owner/na.me_2:pull_request",
        "repo:owner@11/na.me_2@22:pull_request",
    ]


@pytest.mark.parametrize(
    ("repository", "extra"),
    [("owner@11/name@22", {"owner_id": 12}), ("owner@11/name", {}), ("owner/name@22", {}), ("owner@x/name@y", {})],
)
def test_a_repository_with_half_or_other_numbers_is_refused(repository, extra):
    written = {"repository": repository, "creates_provider": True, "builds_image": True, "pull_accounts": []}
    with pytest.raises(ValidationError, match="repository"):
        Delivery.model_validate(written | extra)


def test_a_repository_without_numbers_is_trusted_by_its_name():
    settings = Delivery(repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=[])
    assert settings.subjects("environment:dev") == ["repo:owner/name:environment:dev"]


def _statements(template, role):
    (policy,) = [p["Properties"] for name, p in template.resources("AWS::IAM::Policy").items() if name.startswith(role)]
    return policy["PolicyDocument"]["Statement"]


def test_a_pull_request_reads_templates_and_becomes_nobody(template):
    """The bootstrap's lookup role has ReadOnlyAccess, which reads the secrets of Cognito's clients."""
    (statement,) = _statements(template, "Diff")
    assert set(statement["Action"]) == {"cloudformation:DescribeStacks", "cloudformation:GetTemplate"}
    assert "stack/Leukolens-Dev-*" in json.dumps(statement["Resource"])


def test_a_deploy_becomes_the_bootstraps_roles_and_nothing_else(template):
    (assumed,) = [s for s in _statements(template, "Deploy") if s["Action"] == "sts:AssumeRole"]
    kinds = assumed["Condition"]["StringEquals"]["iam:ResourceTag/aws-cdk:bootstrap-role"]
    assert kinds == ["deploy", "file-publishing", "image-publishing", "lookup"]


def test_a_published_tag_never_changes_and_images_are_scanned_and_kept(template):
    (repository,) = template.resources("AWS::ECR::Repository").values()
    assert repository["Properties"]["ImageTagMutability"] == "IMMUTABLE"
    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["DeletionPolicy"] == "RetainExceptOnCreate"


def test_others_pull_and_do_not_push(template):
    (repository,) = template.properties("AWS::ECR::Repository")
    for statement in repository["RepositoryPolicyText"]["Statement"]:
        assert {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} <= set(statement["Action"])
        assert not {action for action in statement["Action"] if "Put" in action or "Upload" in action}


def test_functions_of_the_registrys_own_account_pull_too(template):
    (repository,) = template.properties("AWS::ECR::Repository")
    (functions,) = [s for s in repository["RepositoryPolicyText"]["Statement"] if "Service" in s["Principal"]]
    sources = json.dumps(functions["Condition"]["StringLike"]["aws:sourceArn"])
    assert '{"Ref": "AWS::AccountId"}, ":function:leukolens-*"' in sources
    assert ":123456789012:function:leukolens-*" in sources


def _deleted(rules, images):
    """Apply a registry's lifecycle: by priority, and an image that an earlier rule covers is out of the later ones'.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html, "Lifecycle policy evaluation rules".
    """
    covered, deleted = set(), set()
    for rule in sorted(rules, key=lambda rule: rule["rulePriority"]):
        patterns = rule["selection"].get("tagPatternList", ["*"])
        found = [
            name
            for name, tags in images  # the newest first
            if name not in covered and any(fnmatchcase(tag, pattern) for tag in tags for pattern in patterns)
        ]
        covered |= set(found)
        deleted |= set(found[rule["selection"]["countNumber"] :])
    return deleted


def test_merges_delete_no_image_that_an_environment_runs(template):
    (repository,) = template.properties("AWS::ECR::Repository")
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    merged = [(f"image {number}", [f"{number:040x}"]) for number in range(200)]
    ran = [(f"in {name}", ["c" * 40, f"{name}-0123456789abcdef"]) for name in NAMES]
    deleted = _deleted(rules, [*merged, *ran])
    assert not {name for name, _ in ran} & deleted
    assert "image 199" in deleted


def test_without_a_repository_there_is_no_delivery_stack(dev):
    assert "Delivery" not in dev


def test_functions_run_the_digest_that_was_published(synthesise):
    published = Published("123456789012", "eu-central-1", "leukolens", f"sha256:{'a' * 64}")
    template = synthesise("dev", published)["Inference"]
    for function in template.properties("AWS::Lambda::Function"):
        assert f"/leukolens@sha256:{'a' * 64}" in str(function["Code"]["ImageUri"])
