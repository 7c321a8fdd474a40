"""The stacks of each environment, synthesised once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.config import Delivery, Environment
from infra.image import Image
from infra.rehearsal.account import Account
from tests.infra import synthesis
from tests.infra.synthesis import IMAGE, Template, Templates

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Templates]:
    """Give a function that synthesises an environment into its templates by capability (``Storage``, ...)."""
    from infra.environments import load_environment
    from infra.image import stage_context, stage_page

    context = stage_context(load_environment("dev"), tmp_path_factory.mktemp("image"))
    built_page = stage_page(tmp_path_factory.mktemp("page"))

    def synthesise(environment: Environment | str, image: Image = context, page: Image = built_page) -> Templates:
        if isinstance(environment, str):
            environment = load_environment(environment)
        return synthesis.synthesise(environment, image, page, tmp_path_factory.mktemp("cdk"))

    return synthesise


@pytest.fixture(scope="session")
def dev(synthesise: Callable[..., Templates]) -> Templates:
    return synthesise("dev")


@pytest.fixture(scope="session")
def prod(synthesise: Callable[..., Templates]) -> Templates:
    return synthesise("prod")


# Lets synthesis reach this machine alone.
_OFFLINE = """
import runpy, socket
connect = socket.socket.connect
def refuse(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
        raise SystemExit(f"asked {address}")
    return connect(self, address)
socket.socket.connect = refuse
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.fixture(scope="session")
def rolled_back(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Give production as ``make rollback`` synthesises it with a promoted model, by the app itself.

    Without credentials and without a network: one run of twenty seconds for all that is asked of it.
    """
    folder, out = tmp_path_factory.mktemp("environments"), tmp_path_factory.mktemp("out")
    model = f'[model]\nuri = "s3://smears-models/models/1.1.0"\nsha256 = "{"d" * 64}"\n'
    (folder / "prod.toml").write_text((ROOT / "environments" / "prod.toml").read_text() + f"\n{model}")
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | {
        # As the CLI hands over its --context options.
        "CDK_CONTEXT_JSON": json.dumps({**flags, "env": "prod", "environments": str(folder), "shift": "none"}),
        "CDK_OUTDIR": str(out),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    done = subprocess.run([sys.executable, "-c", _OFFLINE], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {path.name.split(".")[0].rpartition("-")[2]: path for path in out.glob("*.template.json")}
    return {capability: Template(json.loads(path.read_text())) for capability, path in found.items()}


@pytest.fixture
def registry() -> Iterator[str]:
    """Give an empty account, over HTTP."""
    from tests.infra.fresh_clone import serving

    with serving() as url:
        yield url


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a fresh clone, with stand-ins for its installers, a container engine and GitHub's CLI."""
    from tests.infra.fresh_clone import make_clone

    return make_clone(tmp_path)


@pytest.fixture(scope="session")
def builder(synthesise: Callable[..., Templates]) -> Account:
    """Give dev's account, in which images are built for all."""
    from infra.environments import load_environment

    delivery = Delivery(
        repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=["222222222222"]
    )
    dev = load_environment("dev").model_copy(update={"delivery": delivery})
    return Account(synthesise(dev, IMAGE, IMAGE))
