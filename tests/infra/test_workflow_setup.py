"""The workflows' scripts and commands that set up a fresh clone, compare, and deploy by hand: on one, for real."""

import re

import pytest

from infra.rehearsal.account import ID, REGION, Request
from tests.infra.fresh_clone import BASES, COMPARE, asked_by, environment_of, run_step, script
from tests.infra.roles import hold


@pytest.mark.parametrize("fails", [0, 1])
def test_a_pull_request_is_told_what_would_change_whether_or_not_it_could_be_compared(clone, registry, builder, fails):
    (clone.parent / "calls").touch()
    run_step(
        clone,
        registry,
        script(COMPARE),
        code=fails,
        NUMBER="7",
        GITHUB_REPOSITORY="owner/name",
        CDK_FAILS=str(fails),
    )
    assert "added 4 packages" in (clone.parent / "comment").read_text()
    assert "diff --method=template" in (clone.parent / "cdk.log").read_text()
    assert environment_of(COMPARE) is None
    stack = f"arn:aws:cloudformation:{REGION}:{ID}:stack/Leukolens-Dev-Batch/1"
    # Of the CLI: make rehearse sees it ask for these, and refused every role.
    compares = [Request(f"cloudformation:{one}", stack) for one in ("DescribeStacks", "GetTemplate")]
    hold("diff", builder.statements("Leukolens-Dev-Delivery/Diff"), [*asked_by(clone, builder), *compares])


def test_a_base_image_without_a_digest_is_warned_of(clone, registry):
    files = ["Dockerfile.lambda", "Dockerfile.training", "frontend/Dockerfile"]
    bases = [re.search(r"^ARG BASE=.*$", (clone / file).read_text(), re.MULTILINE)[0] for file in files]
    unpinned = [base.partition("@")[0] for base in bases]
    for file, base, plain in zip(files, bases, unpinned, strict=True):
        (clone / file).write_text((clone / file).read_text().replace(base, plain))
    _, _, told = run_step(clone, registry, script(BASES), whole=True)
    assert [line.split(" has no")[0] for line in told.splitlines()] == [
        f"::warning file={file}::{base}" for file, base in zip(files, unpinned, strict=True)
    ]
    for file, base in zip(files, unpinned, strict=True):
        (clone / file).write_text((clone / file).read_text().replace(base, f"{base}@sha256:{'a' * 64}"))
    assert run_step(clone, registry, script(BASES), whole=True)[2] == ""


def test_a_deploy_by_hand_waits_for_its_checks_but_those_left_out_by_name(clone, registry):
    """The account was never bootstrapped, and has no deploy before that is put right or left out."""
    deployed, every = (
        clone.parent / "cdk.log",
        "container engine,credentials,bootstrap,Lambda memory,Lambda concurrency",
    )
    _, _, told = run_step(clone, registry, 'make deploy ENV=dev SKIP="page host,Lambda memory"', code=1, whole=True)
    assert re.findall(r"^skip +(.+): left out$", told, re.MULTILINE) == ["Lambda memory", "page host"]
    assert "run make bootstrap ENV=dev" in told
    assert not deployed.exists()
    run_step(clone, registry, f'make deploy ENV=dev SKIP="{every},page host,sign-in prefix,SageMaker"')
    assert deployed.read_text().startswith("deploy --all --context env=dev")


def test_setting_up_says_nothing_on_the_standard_output(clone, registry):
    """Each part of it: any may come first in a step whose output is taken."""
    text = (clone / "Makefile").read_text()
    parts = re.findall(r"^((?:\.venv|\.tools|node_modules)/[\w./-]+):", text, re.MULTILINE)
    assert {".venv/.data", ".venv/.all", ".tools/audit/.installed", "node_modules/.package-lock.json"} <= set(parts)
    for part in parts:
        _, progress, results = run_step(clone, registry, f"make --silent {part}", whole=True)
        assert results == "", part
        assert progress, part
