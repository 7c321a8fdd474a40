import json
import re
from pathlib import Path

import pytest
import yaml

from release.audit import LOCKS, NOT_ASKED, audit_all

ROOT = Path(__file__).resolve().parents[3]


def printed(*fixes: list[str]) -> str:
    vulns = [{"id": f"PYSEC-{number}", "fix_versions": fix} for number, fix in enumerate(fixes)]
    return json.dumps({"dependencies": [{"name": "pillow", "version": "1.0", "vulns": vulns}], "fixes": []})


@pytest.mark.parametrize(("fixes", "code"), [((), 0), (([],), 0), ((["1.1"],), 1), (([], ["1.1"]), 1)])
def test_it_fails_on_what_another_version_fixes(fixes: tuple[list[str], ...], code: int) -> None:
    assert audit_all(run=lambda _: printed(*fixes), environment={}) == code


@pytest.mark.parametrize(("environment", "code"), [({}, 0), ({"CI": "true"}, 1)])
def test_offline_it_says_so(environment: dict[str, str], code: int, caplog: pytest.LogCaptureFixture) -> None:
    assert audit_all(run=lambda _: "", environment=environment) == code
    assert NOT_ASKED in caplog.text


def test_every_lock_is_audited_and_every_line_of_it_by_hash() -> None:
    there = {path for path in ROOT.glob("*/**/requirements.txt") if _ours(path)}
    assert there | {ROOT / "requirements.txt"} <= set(LOCKS)
    for lock in LOCKS:
        for requirement in re.split(r"\n(?=\S)", lock.read_text()):
            if re.match(r"[a-z0-9]", requirement):
                assert "--hash=sha256:" in requirement, requirement


def _ours(path: Path) -> bool:
    """Tell whether it is neither a benchmark's nor made by a command, as those of logged models in runs/ are."""
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    parts = path.relative_to(ROOT).parts
    return not parts[0].startswith(".") and parts[0] != "benchmarks" and made.isdisjoint(parts)


def test_uv_itself_is_installed_by_hash_at_the_version_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (version,) = re.findall(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert f"uv=={version} " in (ROOT / "release" / "uv.txt").read_text()
    assert "--require-hashes --only-binary :all: -r release/uv.txt" in makefile


def test_a_workflow_audits_each_change_and_every_week() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "supply-chain.yml").read_text())
    assert {"pull_request", "push", "schedule"} <= workflow[True].keys()
    assert "make audit" in [step.get("run") for step in workflow["jobs"]["audit"]["steps"]]


def test_a_tool_brings_new_base_images_with_their_digests() -> None:
    """As Renovate reads it: without a multiline flag (lib/modules/manager/custom/regex/strategies.ts).

    A release age would hold a digest back for ever, since ECR tells none (its docs, key-concepts/minimum-release-age).
    """
    renovate = json.loads((ROOT / "renovate.json").read_text())
    assert "docker:pinDigests" in renovate["extends"]
    assert "minimumReleaseAge" not in renovate
    dockerfiles = [path.read_text() for path in (*ROOT.glob("Dockerfile.*"), ROOT / "frontend" / "Dockerfile")]
    assert len(dockerfiles) == 3
    (manager,) = renovate["customManagers"]
    pattern = manager["matchStrings"][0].replace("(?<", "(?P<")
    digest = f"sha256:{'a' * 64}"
    template = manager["autoReplaceStringTemplate"].replace("{{#if newDigest}}@{{newDigest}}{{/if}}", f"@{digest}")
    for text in dockerfiles:
        (found,) = re.finditer(pattern, text)
        written = template.replace("{{depName}}", found["depName"]).replace("{{newValue}}", found["currentValue"])
        pinned = text.replace(found[0], written)
        assert [line for line in pinned.splitlines() if line.startswith("ARG BASE=")] == [written]
        (again,) = re.finditer(pattern, pinned)
        assert again["currentDigest"] == digest
        assert found["depName"].startswith("public.ecr.aws/")
