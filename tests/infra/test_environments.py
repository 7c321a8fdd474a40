"""A mistake in an environment's file is one message that names file, key and what is allowed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.environments import ENVIRONMENTS, NAMES, ConfigError, load_environment

ROOT = Path(__file__).resolve().parents[2]


def _change(folder: Path, name: str, old: str, new: str) -> None:
    text = (ENVIRONMENTS / f"{name}.toml").read_text()
    assert old in text
    (folder / f"{name}.toml").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", NAMES)
def test_shipped_environments_load(name):
    assert load_environment(name).name == name


def test_one_image_serves_every_environment():
    assert len({load_environment(name).inference.architecture for name in NAMES}) == 1


@pytest.mark.parametrize("name", [None, "", "production", "../dev"])
def test_unknown_environment_lists_the_known(name):
    with pytest.raises(ConfigError, match="with one of dev, staging, prod"):
        load_environment(name)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("memory_mb =", "memory_gb =", r"inference\.memory_gb: unknown key; allowed here: .*memory_mb"),
        ("memory_mb = 1769", "memory_mb = 64", r"inference\.memory_mb: .*greater than or equal to 512 \(got 64\)"),
        ("memory_mb = 1769", 'memory_mb = "big"', r"inference\.memory_mb: .*valid integer \(got 'big'\)"),
        ("timeout_s = 29", "timeout_s = 60", r"inference\.timeout_s: .*less than or equal to 29"),
        ('"x86_64"\n', '"riscv"\n', r"inference\.architecture: .*'arm64' or 'x86_64' \(got 'riscv'\)"),
        ('region = "eu-central-1"', 'region = "Frankfurt"', r"region: .*pattern"),
        ("# account = ", "account = 12 # ", r"account: .*valid string \(got 12\)"),
        ("deletion_protection = false\n", "", r"deletion_protection: missing"),
        ('"leukolens-dev"', '"aws-smears"', r"identity\.domain_prefix: Cognito refuses the words"),
        ('["http://localhost:8501"]', '["localhost:8501"]', r"page\.urls\.0: .*pattern"),
        ('name = "dev"', 'name = "prod"', r"prod needs"),
        ('name = "dev"', "name = ", r"/dev\.toml is not TOML"),
        ("memory_mb = 2048", "memory_mb = 8192", r"apprunner offers 2048, 3072, 4096 MB with cpu = 1024, not 8192"),
        ("\ncpu = 1024\n", "\ncpu = 4096\n", r"apprunner offers 8192, 10240, 12288 MB with cpu = 4096, not 2048"),
    ],
)
def test_a_wrong_value_is_named(tmp_path, old, new, expected):
    _change(tmp_path, "dev", old, new)
    with pytest.raises(ConfigError, match=expected) as caught:
        load_environment("dev", tmp_path)
    assert "/dev.toml" in str(caught.value)


def test_all_mistakes_come_in_one_message(tmp_path):
    _change(tmp_path, "dev", "burst = 40", "burst = 0\nburts = 1")
    with pytest.raises(ConfigError) as caught:
        load_environment("dev", tmp_path)
    assert "api.burst:" in str(caught.value)
    assert "api.burts: unknown key" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("deletion_protection = true", "deletion_protection = false", "prod needs true"),
        ('mfa = "required"', 'mfa = "optional"', 'prod needs "required"'),
        ("urls = []", 'urls = ["http://localhost:8501"]', "prod takes https:// only"),
    ],
)
def test_production_is_guarded(tmp_path, old, new, expected):
    _change(tmp_path, "prod", old, new)
    with pytest.raises(ConfigError, match=expected):
        load_environment("prod", tmp_path)


def test_a_file_named_for_another_environment_is_refused(tmp_path):
    (tmp_path / "staging.toml").write_text((ENVIRONMENTS / "dev.toml").read_text())
    with pytest.raises(ConfigError, match="name is 'dev', but the file is named for 'staging'"):
        load_environment("staging", tmp_path)


def test_the_app_ends_with_the_message_and_no_traceback(tmp_path):
    _change(tmp_path, "dev", "burst = 40", "burst = -1")
    # As the CLI hands over its --context options.
    context = json.dumps({"env": "dev", "environments": str(tmp_path)})
    environment = os.environ | {"CDK_CONTEXT_JSON": context}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "api.burst: Input should be greater than or equal to 1 (got -1)" in done.stderr
    assert "Traceback" not in done.stderr
