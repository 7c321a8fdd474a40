"""What the rehearsal's schema check refuses of Training and Frontend: properties required, conditional, unknown."""

import copy
import json

import pytest

from infra.environments import load_environment
from infra.rehearsal.program import ProgramError
from infra.rehearsal.refusals import lint
from infra.rehearsal.templates import read_assembly


@pytest.fixture(scope="module")
def ecs(synthesise):
    environment = load_environment("dev")
    frontend = environment.frontend.model_copy(update={"host": "ecs-express"})
    return synthesise(environment.model_copy(update={"frontend": frontend}))["Frontend"]


def _first(raw, kind):
    return next(one["Properties"] for one in raw["Resources"].values() if one["Type"] == kind)


BROKEN = {
    "required": ("Training", "AWS::SageMaker::MlflowApp", lambda found: found.pop("RoleArn")),
    "unknown": ("Training", "AWS::SageMaker::MlflowApp", lambda found: found.update(Colour="blue")),
    "of another kind": ("Frontend", "AWS::AppRunner::Service", lambda found: found.update(SourceConfiguration="x")),
    "not allowed": ("Training", "AWS::IAM::ManagedPolicy", lambda found: found.update(PolicyDocument={"Statement": 1})),
    "required of ECS Express": ("Express", "AWS::ECS::ExpressGatewayService", lambda f: f.pop("ExecutionRoleArn")),
}


def test_the_stacks_that_no_emulator_has_fit_their_schemas_and_broken_ones_do_not(dev, ecs, tmp_path):
    """Files side by side in one run of cfn-lint, which takes seconds to begin."""
    templates = {"Training": dev["Training"], "Frontend": dev["Frontend"], "Express": ecs}
    whole = []
    for name, template in templates.items():
        whole.append(tmp_path / f"{name}.template.json")
        whole[-1].write_text(json.dumps(template.raw))
    lint(whole)
    broken = []
    for name, (capability, kind, change) in BROKEN.items():
        raw = copy.deepcopy(templates[capability].raw)
        change(_first(raw, kind))
        broken.append(tmp_path / f"broken-{name.replace(' ', '-')}.template.json")
        broken[-1].write_text(json.dumps(raw))
    with pytest.raises(ProgramError) as told:
        lint(broken)
    for path in broken:
        assert path.name in str(told.value), path.name


def test_an_assembly_is_read_in_the_order_of_its_deploy(tmp_path):
    def stack(name, *needed):
        (tmp_path / f"{name}.json").write_text("{}")
        properties = {"templateFile": f"{name}.json"}
        return {"type": "aws:cloudformation:stack", "properties": properties, "dependencies": list(needed)}

    artifacts = {
        "L-Dev-Monitoring": stack("m", "L-Dev-Inference", "L-Dev-Monitoring.assets"),
        "L-Dev-Inference": stack("i", "L-Dev-Storage"),
        "L-Dev-Storage": stack("s"),
        "L-Dev-Monitoring.assets": {"type": "cdk:asset-manifest"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    assert list(read_assembly(tmp_path)) == ["Storage", "Inference", "Monitoring"]
