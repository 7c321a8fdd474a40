"""What every stack of an environment has: its name, its account and region, its tags, and whether it can be deleted."""

import aws_cdk as cdk
from constructs import Construct

from infra.config import Environment
from infra.stack import stack_name


class EnvironmentStack(cdk.Stack):
    """One stack of an environment, named ``Leukolens-<Environment>-<Capability>``.

    Parameters
    ----------
    app
        The app that the stack is part of.
    environment
        The settings to deploy.
    capability
        What the stack is for, and its name's last part: ``Storage``.
    description
        What people read of it in CloudFormation, after the project's name.
    """

    def __init__(self, app: Construct, environment: Environment, capability: str, description: str) -> None:
        super().__init__(
            app,
            stack_name(environment, capability),
            env=cdk.Environment(account=environment.account, region=environment.region),
            description=f"Leukolens: {description}",
            termination_protection=environment.deletion_protection,
        )
        # "component" tells in the bill what of an environment costs.
        tags = {"project": "leukolens", "environment": environment.name, "component": capability.lower()}
        for key, value in tags.items():
            cdk.Tags.of(self).add(key, value)
