"""The stacks of one environment, in the order of who needs whom."""

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from infra.batch import BatchStack
from infra.config import Environment
from infra.identity import IdentityStack
from infra.inference import InferenceStack
from infra.monitoring import MonitoringStack
from infra.storage import StorageStack


class System:
    """Composes every stack of one environment; each is named ``Leukolens-<Environment>-<Capability>``."""

    def __init__(self, app: Construct, environment: Environment, image_context: Path) -> None:
        env = cdk.Environment(account=environment.account, region=environment.region)
        prefix = f"Leukolens-{environment.title}"
        self.storage = StorageStack(app, f"{prefix}-Storage", environment=environment, env=env)
        self.identity = IdentityStack(app, f"{prefix}-Identity", environment=environment, env=env)
        self.inference = InferenceStack(
            app,
            f"{prefix}-Inference",
            environment=environment,
            env=env,
            image_context=image_context,
            storage=self.storage,
            identity=self.identity,
        )
        self.batch = BatchStack(
            app,
            f"{prefix}-Batch",
            environment=environment,
            env=env,
            image_context=image_context,
            storage=self.storage,
        )
        self.monitoring = MonitoringStack(
            app,
            f"{prefix}-Monitoring",
            environment=environment,
            env=env,
            storage=self.storage,
            inference=self.inference,
            batch=self.batch,
        )
        for stack in (self.storage, self.identity, self.inference, self.batch, self.monitoring):
            stack.termination_protection = environment.deletion_protection
            for key, value in {"project": "leukolens", "environment": environment.name}.items():
                cdk.Tags.of(stack).add(key, value)
