"""The workflows do what docs/delivery.md says; that they are well-formed and safe, actionlint and zizmor check."""

import re
from pathlib import Path

import pytest
import yaml

from infra.environments import NAMES
from release import sbom

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
DELIVERY = (ROOT / "docs" / "delivery.md").read_text()


def _load(name):
    return yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())


@pytest.fixture(scope="module")
def deploy():
    return _load("deploy")["jobs"]


def test_every_environment_comes_after_the_one_before_with_the_same_image(deploy):
    before = ["images"]
    for name in NAMES:
        assert deploy[name]["with"] == {
            "environment": name,
            "image": "${{ needs.images.outputs.image }}",
            "page": "${{ needs.images.outputs.page }}",
            "commit": "${{ github.sha }}",
            "command": "release",
        }
        needed = deploy[name]["needs"]
        assert set(before[-1:]) <= ({needed} if isinstance(needed, str) else set(needed))
        before.append(name)


def test_the_image_is_built_in_one_place_only(deploy):
    built = [path.name for path in WORKFLOWS.glob("*.yml") if "make --silent publish" in path.read_text()]
    assert built == ["deploy.yml"]
    assert sum("publish" in str(job) for job in deploy.values()) == 1


def test_nothing_is_built_before_the_tests_have_passed(deploy):
    assert deploy["images"]["needs"] == "test"
    (step,) = [one for one in _load("test")["jobs"]["test"]["steps"] if "run" in one]
    assert step["run"] == "bash .ci/run"
    assert deploy["test"]["uses"] == "$/.github/workflows/test.yml"
    # Merged code is tested once, there.
    assert "push" not in _load("ci")[True]


def test_a_run_that_waits_for_a_reviewer_holds_up_no_rollback():
    assert "concurrency" not in _load("deploy")
    assert "concurrency" not in _load("rollback")
    group = _load("deploy-one")["jobs"]["deploy"]["concurrency"]["group"]
    assert group == "${{ inputs.command }}-${{ inputs.environment }}"


def test_a_rollback_is_one_environments_with_the_page_and_the_code_of_the_image():
    back = _load("rollback")["jobs"]["back"]
    assert back["needs"] == "find"
    assert back["with"] == {
        "environment": "${{ inputs.environment }}",
        "image": "${{ needs.find.outputs.image }}",
        "page": "${{ needs.find.outputs.page }}",
        "commit": "${{ needs.find.outputs.commit }}",
        "command": "rollback",
    }
    for job in _load("deploy-one")["jobs"].values():
        assert job["steps"][0]["with"]["ref"] == "${{ inputs.commit }}"


def test_what_an_environment_ran_is_kept_by_the_environment_that_builds(deploy):
    keep = _load("deploy-one")["jobs"]["keep"]
    assert (keep["needs"], keep["environment"]) == ("deploy", deploy["images"]["environment"])


def test_every_job_that_becomes_a_role_has_an_environment_or_may_only_look():
    for path in WORKFLOWS.glob("*.yml"):
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            if "configure-aws-credentials" in str(job):
                assert job.get("environment") or "AWS_DIFF_ROLE_ARN" in str(job), f"{path.name}: {name}"


def test_a_release_brings_the_bills_that_make_sbom_writes():
    workflow = yaml.safe_load((WORKFLOWS / "release.yml").read_text())
    (job,) = workflow["jobs"].values()
    steps = [step["run"] for step in job["steps"] if "run" in step]
    assert steps[0] == "make sbom"
    assert sbom.OUTPUT == ROOT / "dist"
    assert any("gh release create" in step and "dist/*.cdx.json" in step for step in steps)
    # YAML reads the key "on" as true.
    assert workflow[True] == {"push": {"tags": ["v*"]}}


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_every_action_is_pinned_and_no_job_may_more_than_it_says(path):
    text = path.read_text()
    for used in re.findall(r"uses: (\S+)", text):
        assert used.startswith("$/") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used
    assert yaml.safe_load(text)["permissions"] == {}


@pytest.mark.parametrize("kind", ["vars", "secrets"])
def test_every_variable_and_secret_is_explained(kind):
    text = "".join(path.read_text() for path in WORKFLOWS.glob("*.yml"))
    named = set(re.findall(rf"{kind}\.([A-Z_]+)", text))
    assert named
    for name in named:
        assert f"`{name}` |" in DELIVERY, name


def test_dependabot_watches_every_kind_of_dependency():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "npm", "github-actions", "docker"}


def test_what_is_built_is_signed_and_what_is_deployed_was(deploy):
    """Both images, by the digests that were pushed; attestations lie apart from the index that Lambda refuses."""
    signing = [one for one in deploy["images"]["steps"] if "attest-build-provenance" in one.get("uses", "")]
    assert [one["with"]["subject-digest"] for one in signing] == [
        f"${{{{ steps.publish.outputs.{name}_digest }}}}" for name in ("image", "page")
    ]
    for one in signing:
        assert "push-to-registry" not in one["with"]
        assert one["if"] == "vars.ATTESTATIONS != 'off'"
    steps = [one.get("name") for one in _load("deploy-one")["jobs"]["deploy"]["steps"]]
    look = steps.index("Only images that this repository's workflow built and signed")
    assert look < steps.index("Deploy")
    condition = _load("deploy-one")["jobs"]["deploy"]["steps"][look]["if"]
    # A rollback is never held up.
    assert condition == "inputs.command == 'release' && vars.ATTESTATIONS != 'off'"


def test_every_caller_grants_what_the_called_workflow_asks():
    """GitHub refuses a run whose called job asks for more than its caller grants, before its first step."""
    for path in WORKFLOWS.glob("*.yml"):
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            if not job.get("uses", "").startswith("$/"):
                continue
            called = yaml.safe_load((ROOT / job["uses"].removeprefix("$/")).read_text())["jobs"]
            for inner in called.values():
                assert inner["permissions"].items() <= job["permissions"].items(), f"{path.name}: {name}"


def test_code_and_repository_are_scanned_at_each_change_and_every_week():
    scanning = _load("code-scanning")
    # YAML reads the key "on" as true.
    assert {"pull_request", "push", "schedule"} == set(scanning[True])
    used = [step.get("uses", "") for job in scanning["jobs"].values() for step in job["steps"]]
    for wanted in ("github/codeql-action/analyze@", "ossf/scorecard-action@"):
        assert any(one.startswith(wanted) for one in used)
    assert set(scanning["jobs"]["codeql"]["strategy"]["matrix"]["language"]) == {
        *("python", "javascript-typescript", "actions")
    }
