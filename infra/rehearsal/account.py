"""The synthesised stacks as an account would hold them: names and ARNs filled in, and what each policy says.

Enough of CloudFormation to read a policy (references become ARNs of a made-up account) and enough of IAM to judge a
request by it: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

ID, REGION, PARTITION = "111111111111", "eu-central-1", "aws"
_PSEUDO = {"AWS::AccountId": ID, "AWS::Partition": PARTITION, "AWS::URLSuffix": "amazonaws.com"}


@dataclass(frozen=True)
class Request:
    """One thing that somebody asks of AWS."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


class Account:
    """The stacks of one environment, deployed.

    Parameters
    ----------
    templates
        By capability, as the fixture ``synthesise`` gives them.
    name
        The environment's, as in stack names: ``Dev``.
    region
        Where they are deployed.
    """

    def __init__(self, templates: Mapping[str, Any], name: str = "Dev", region: str = REGION) -> None:
        self.region = region
        self._templates = {f"Leukolens-{name}-{capability}": template.raw for capability, template in templates.items()}

    def resources(self, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Give stack, logical id and resolved properties of each resource of a type."""
        for stack, template in self._templates.items():
            for logical, resource in template["Resources"].items():
                if resource["Type"] == kind:
                    yield stack, logical, self.value(resource.get("Properties", {}), stack)

    def arn(self, kind: str, logical: str) -> str:
        """Give the ARN of the one resource of a type whose logical id begins so."""
        (resource_arn,) = [
            self._attribute(stack, name, "Arn") for stack, name, _ in self.resources(kind) if name.startswith(logical)
        ]
        return resource_arn

    def output(self, capability: str, name: str) -> str:
        """Give a stack's output."""
        (stack,) = [candidate for candidate in self._templates if candidate.endswith(f"-{capability}")]
        return str(self.value(self._templates[stack]["Outputs"][name]["Value"], stack))

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Give what the policies of a role say: ``Leukolens-Dev-Batch/ClassifyRole``, up to its hash."""
        statements = []
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for stack, logical, properties in self.resources(kind):
                raw = self._templates[stack]["Resources"][logical]["Properties"]
                owners = [owner["Ref"] for owner in raw.get("Roles", [])] or [logical]
                if any(f"{stack}/{owner}".startswith(role) for owner in owners):
                    statements += properties["PolicyDocument"]["Statement"]
        if not statements:
            raise KeyError(f"no policy of {role}")
        return statements

    def function_policies(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Give each named function with what the policies of its role say."""
        for stack, _, properties in self.resources("AWS::Lambda::Function"):
            if "FunctionName" in properties:
                role = str(properties["Role"]).rpartition("/")[2].removeprefix(f"{stack}-")
                yield str(properties["FunctionName"]), self.statements(f"{stack}/{role}")

    def workflow_policies(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Give each role that a workflow's job may become, by its name, with what its policies say."""
        for stack, logical, properties in self.resources("AWS::IAM::Role"):
            if "Federated" in json.dumps(properties["AssumeRolePolicyDocument"]):
                yield str(properties["RoleName"]), self.statements(f"{stack}/{logical}")

    def value(self, raw: Any, stack: str) -> Any:
        """Resolve a template's value as CloudFormation would."""
        if isinstance(raw, list):
            return [self.value(item, stack) for item in raw]
        if not isinstance(raw, dict):
            return raw
        match raw:
            case {"Ref": str(name)}:
                return self._pseudo(name) or self._attribute(stack, name, "Ref")
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(stack, name, attribute)
            case {"Fn::GetStackOutput": {"StackName": str(other), "OutputName": str(name)}}:
                return self.value(self._templates[other]["Outputs"][name]["Value"], other)
            case {"Fn::ImportValue": str(name)}:
                return self._exported(name)
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(str(self.value(part, stack)) for part in parts)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:]+)\}", lambda match: str(self.value({"Ref": match[1]}, stack)), text)
        return {key: self.value(value, stack) for key, value in raw.items()}

    def _pseudo(self, name: str) -> str | None:
        return self.region if name == "AWS::Region" else _PSEUDO.get(name)

    def _exported(self, name: str) -> Any:
        for stack, template in self._templates.items():
            for output in template.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == name:
                    return self.value(output["Value"], stack)
        raise KeyError(name)

    def _attribute(self, stack: str, logical: str, attribute: str) -> str:
        """Give a name or an ARN of a resource, of the form that AWS gives them."""
        resource = self._templates[stack]["Resources"].get(logical)
        if resource is None:  # a parameter of the bootstrap
            return logical
        properties = resource.get("Properties", {})
        generated = f"{stack}-{logical}"

        def named(key: str, otherwise: str = generated) -> str:
            return str(self.value(properties.get(key, otherwise), stack))

        def arn(service: str, rest: str, *, region: str = self.region, account: str = ID) -> str:
            return f"arn:{PARTITION}:{service}:{region}:{account}:{rest}"

        bucket = generated.lower()
        names: dict[str, tuple[str, str]] = {
            "AWS::S3::Bucket": (bucket, arn("s3", bucket, region="", account="")),
            "AWS::KMS::Key": (logical, arn("kms", f"key/{logical}")),
            "AWS::Lambda::Function": (named("FunctionName"), arn("lambda", f"function:{named('FunctionName')}")),
            "AWS::IAM::Role": (named("RoleName"), arn("iam", f"role/{named('RoleName')}", region="")),
            "AWS::SNS::Topic": (arn("sns", named("TopicName")), arn("sns", named("TopicName"))),
            "AWS::ECR::Repository": (named("RepositoryName"), arn("ecr", f"repository/{named('RepositoryName')}")),
            "AWS::Logs::LogGroup": (named("LogGroupName"), arn("logs", f"log-group:{named('LogGroupName')}:*")),
            "AWS::StepFunctions::StateMachine": (arn("states", f"stateMachine:{named('StateMachineName')}"),) * 2,
            "AWS::SecretsManager::Secret": (arn("secretsmanager", f"secret:{logical}-AbCdEf"),) * 2,
            "AWS::Cognito::UserPool": (f"{self.region}_Pool1", arn("cognito-idp", f"userpool/{self.region}_Pool1")),
            "AWS::SageMaker::MlflowApp": (arn("sagemaker", "mlflow-app/app-1"),) * 2,
        }
        if resource["Type"] in names:
            reference, resource_arn = names[resource["Type"]]
            if attribute == "Ref":
                return reference
            return resource_arn if attribute.endswith("Arn") else f"{logical}.{attribute}"
        return f"{logical}.{attribute}"


def listed(value: Any) -> list[Any]:
    """Give a list of what may be one thing or several."""
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, value: str) -> bool:
    # IAM's patterns know * and ?, and no [sets].
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _holds(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Say whether every condition of a statement holds; a key that the request does not carry fulfils none."""
    for operator, wanted in condition.items():
        for key, values in wanted.items():
            actual = context.get(key)
            if actual is None:
                return False
            match operator:
                case "StringEquals" | "ArnEquals" | "Bool":
                    ok = actual in map(str, listed(values))
                case "StringLike" | "ArnLike":
                    ok = any(_matches(str(value), actual) for value in listed(values))
                case "NumericLessThan":
                    ok = float(actual) < float(values)
                case _:
                    raise NotImplementedError(f"the condition {operator} is not known here: add it")
            if not ok:
                return False
    return True


def _covers(statement: Mapping[str, Any], request: Request) -> bool:
    actions = [action.lower() for action in listed(statement["Action"])]
    return (
        any(_matches(action, request.action.lower()) for action in actions)
        and any(_matches(resource, request.resource) for resource in listed(statement.get("Resource", "*")))
        and _holds(statement.get("Condition", {}), request.context)
    )


def covering(statements: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Give the statements that allow a request; none where one denies it."""
    matching = [statement for statement in statements if _covers(statement, request)]
    if any(statement["Effect"] == "Deny" for statement in matching):
        return []
    return matching


def allows(statements: list[dict[str, Any]], request: Request) -> bool:
    """Say whether policies allow a request: something must, and nothing may deny it."""
    return bool(covering(statements, request))


def for_principal(statements: list[dict[str, Any]], service: str) -> list[dict[str, Any]]:
    """Give the statements of a resource's policy that speak of a service of AWS."""
    return [
        statement
        for statement in statements
        if statement["Principal"] in ("*", {"AWS": "*"}) or service in listed(statement["Principal"].get("Service", []))
    ]


def unused(statements: list[dict[str, Any]], requests: list[Request]) -> list[str]:
    """Give the actions that are allowed and that no request needed."""
    needed = {request.action.lower() for request in requests}
    actions = {
        action for statement in statements if statement["Effect"] == "Allow" for action in listed(statement["Action"])
    }
    return sorted(action for action in actions if not any(_matches(action.lower(), pattern) for pattern in needed))


def document(policy: Any) -> list[dict[str, Any]]:
    """Give a policy's statements, whether it is written as JSON or not."""
    return list((json.loads(policy) if isinstance(policy, str) else policy)["Statement"])
