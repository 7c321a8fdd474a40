"""What a workflow's job may become, and which job."""

import pytest

from infra.config import Delivery
from infra.environments import load_environment
from infra.image import Published


@pytest.fixture(scope="module")
def template(synthesise):
    settings = Delivery(
        repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=["123456789012"]
    )
    return synthesise(load_environment("dev").model_copy(update={"delivery": settings}))["Delivery"]


@pytest.fixture(scope="module")
def roles(template):
    return {role["RoleName"]: role for role in template.properties("AWS::IAM::Role")}


@pytest.mark.parametrize(
    ("role", "subject"),
    [
        ("leukolens-dev-deploy", "repo:owner/name:environment:dev"),
        ("leukolens-dev-diff", "repo:owner/name:pull_request"),
    ],
)
def test_a_role_trusts_one_kind_of_job_of_one_repository(roles, role, subject):
    (statement,) = roles[role]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": subject,
        }
    }


def _becomes(template, role):
    (policy,) = [p["Properties"] for name, p in template.resources("AWS::IAM::Policy").items() if name.startswith(role)]
    statements = policy["PolicyDocument"]["Statement"]
    (assumed,) = [s for s in statements if s["Action"] == "sts:AssumeRole"]
    return assumed["Condition"]["StringEquals"]["iam:ResourceTag/aws-cdk:bootstrap-role"]


def test_a_pull_request_may_only_look(template):
    assert _becomes(template, "Diff") == ["lookup"]
    (policy,) = [
        p["Properties"] for name, p in template.resources("AWS::IAM::Policy").items() if name.startswith("Diff")
    ]
    assert len(policy["PolicyDocument"]["Statement"]) == 1


def test_a_deploy_becomes_the_bootstraps_roles_and_nothing_else(template):
    assert _becomes(template, "Deploy") == ["deploy", "file-publishing", "image-publishing", "lookup"]


def test_a_published_tag_never_changes_and_images_are_scanned_and_kept(template):
    (repository,) = template.resources("AWS::ECR::Repository").values()
    assert repository["Properties"]["ImageTagMutability"] == "IMMUTABLE"
    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["DeletionPolicy"] == "Retain"


def test_other_environments_pull_and_do_not_push(template):
    (repository,) = template.properties("AWS::ECR::Repository")
    for statement in repository["RepositoryPolicyText"]["Statement"]:
        assert set(statement["Action"]) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}


def test_without_a_repository_there_is_no_delivery_stack(dev):
    assert "Delivery" not in dev


def test_functions_run_the_digest_that_was_published(synthesise):
    published = Published("123456789012", "eu-central-1", "leukolens", f"sha256:{'a' * 64}")
    template = synthesise("dev", published)["Inference"]
    (function,) = template.properties("AWS::Lambda::Function")
    assert f"/leukolens@sha256:{'a' * 64}" in str(function["Code"]["ImageUri"])
