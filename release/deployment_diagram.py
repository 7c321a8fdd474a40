"""The drawing of what is deployed, made from the templates that review accepted (tests/infra/snapshots)."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from release.graphviz import ROOT, Graph

SNAPSHOTS = ROOT / "tests" / "infra" / "snapshots"

# Alarms are many and alike: one box a stack.
_ROLE = "AWS::IAM::Role"
_ALARM, _ALARMS = "AWS::CloudWatch::Alarm", "alarms"
# What is drawn, and what it is called; every other resource belongs to one of these or is left out.
_DRAWN = {
    "AWS::ApiGatewayV2::Api": "HTTP API",
    "AWS::AppRunner::Service": "App Runner service",
    "AWS::Budgets::Budget": "budget",
    _ALARM: "alarm",
    "AWS::Cognito::UserPool": "Cognito user pool",
    "AWS::ECR::Repository": "image repository",
    "AWS::ECS::ExpressGatewayService": "ECS Express service",
    "AWS::IAM::ManagedPolicy": "policy for people",
    _ROLE: "role",
    "AWS::KMS::Key": "key",
    "AWS::Lambda::Function": "Lambda function",
    "AWS::S3::Bucket": "bucket",
    "AWS::SNS::Topic": "topic",
    "AWS::SageMaker::MlflowApp": "MLflow app",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::StepFunctions::StateMachine": "state machine",
}
# A part belongs to the resource that this property names, and what the part refers to is the whole's.
_PART_OF = {
    "AWS::ApiGatewayV2::Authorizer": "ApiId",
    "AWS::ApiGatewayV2::Integration": "ApiId",
    "AWS::ApiGatewayV2::Route": "ApiId",
    "AWS::ApiGatewayV2::Stage": "ApiId",
    "AWS::Cognito::UserPoolClient": "UserPoolId",
    "AWS::Cognito::UserPoolDomain": "UserPoolId",
    "AWS::Cognito::UserPoolResourceServer": "UserPoolId",
    "AWS::IAM::Policy": "Roles",
    "AWS::Lambda::Alias": "FunctionName",
    "AWS::Lambda::Version": "FunctionName",
}
# A role belongs to the service that takes it on, but not to the people who may hand it on.
_HANDS_ON = {"AWS::IAM::ManagedPolicy"}
# Everything is encrypted by the key, and every bucket logs into one: such arrows would hide the others.
_NO_ARROW_TO = {"AWS::KMS::Key"}
_NO_ARROW_BETWEEN = {("AWS::S3::Bucket", "AWS::S3::Bucket")}

Name = tuple[str, str]
"""A resource: its stack's capability and its logical id."""


class _Templates:
    """The templates of one environment, with references resolved across stacks."""

    def __init__(self, folder: Path) -> None:
        self.stacks = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
        self.resources: dict[Name, dict[str, Any]] = {
            (stack, name): resource
            for stack, template in self.stacks.items()
            for name, resource in template["Resources"].items()
        }
        self._exports = {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack, template in self.stacks.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def referred(self, stack: str, value: object) -> Iterator[Name]:
        """Give every resource that a value of a template refers to."""
        if isinstance(value, list):
            for item in value:
                yield from self.referred(stack, item)
        elif isinstance(value, dict):
            for key, item in value.items():
                if key in {"Ref", "Fn::GetAtt"}:
                    name = (stack, item if isinstance(item, str) else item[0])
                    if name in self.resources:
                        yield name
                elif key == "Fn::ImportValue":
                    yield from self.referred(*self._exports[item])
                elif key == "Fn::GetStackOutput":
                    of = item["StackName"].rpartition("-")[2]
                    yield from self.referred(of, self.stacks[of]["Outputs"][item["OutputName"]]["Value"])
                else:
                    yield from self.referred(stack, item)

    def kind(self, name: Name) -> str:
        """Give a resource's type."""
        return str(self.resources[name]["Type"])


def _wholes(templates: _Templates) -> dict[Name, Name]:
    """Give, for each part, the resource that it belongs to."""
    wholes: dict[Name, Name] = {}
    for name, resource in templates.resources.items():
        properties = resource.get("Properties", {})
        if owner := _PART_OF.get(resource["Type"]):
            owners = list(templates.referred(name[0], properties.get(owner)))
            if owners:
                wholes[name] = owners[0]
        if resource["Type"] in _DRAWN and resource["Type"] not in _HANDS_ON | {_ROLE}:
            roles = (other for other in templates.referred(name[0], properties) if templates.kind(other) == _ROLE)
            wholes.update((role, name) for role in roles)
    return wholes


def _label(logical_id: str, kind: str) -> str:
    """Give what a box says: ``PredictFunction51F85491`` of kind "Lambda function" is "Predict", "Lambda function"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", re.sub(r"[0-9A-F]{8}$", "", logical_id))
    kind_words = {word.lower() for word in kind.split()}
    while words and words[-1].lower() in kind_words:
        words.pop()
    return "\\n".join(filter(None, [" ".join(words).capitalize(), kind]))


def deployment(folder: Path) -> Graph:
    """Draw the stacks of one environment: an arrow leads from what uses to what is used.

    Parameters
    ----------
    folder
        Templates of one environment, one a capability: ``Storage.json``, ...
    """
    templates = _Templates(folder)
    wholes = _wholes(templates)

    def whole(name: Name) -> Name:
        while name in wholes:
            name = wholes[name]
        return name

    def identifier(name: Name) -> str:
        return f"{name[0]}.{_ALARMS}" if templates.kind(name) == _ALARM else ".".join(name)

    frames: dict[str, dict[str, str]] = defaultdict(dict)
    arrows = set()
    for name, resource in templates.resources.items():
        start = whole(name)
        kind = templates.kind(start)
        if kind not in _DRAWN:
            continue
        if start == name:
            frames[name[0]][identifier(name)] = _ALARMS if kind == _ALARM else _label(name[1], _DRAWN[kind])
        for end in map(whole, templates.referred(name[0], resource.get("Properties", {}))):
            other = templates.kind(end)
            if end != start and other in _DRAWN.keys() - _NO_ARROW_TO and (kind, other) not in _NO_ARROW_BETWEEN:
                arrows.add((identifier(start), identifier(end)))
    return Graph(frames, sorted(arrows))
