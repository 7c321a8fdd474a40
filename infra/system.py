"""The stacks of one environment, in the order of who needs whom."""

import aws_cdk as cdk
from constructs import Construct

from infra.config import Environment
from infra.image import Image
from infra.stacks.batch import BatchStack
from infra.stacks.delivery import DeliveryStack
from infra.stacks.frontend import FrontendStack
from infra.stacks.identity import IdentityStack
from infra.stacks.inference import InferenceStack
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.storage import StorageStack
from infra.stacks.training import TrainingStack


class System:
    """Composes every stack of one environment; each is named ``Leukolens-<Environment>-<Capability>``."""

    def __init__(self, app: Construct, environment: Environment, image: Image, page: Image) -> None:
        env = cdk.Environment(account=environment.account, region=environment.region)
        prefix = f"Leukolens-{environment.title}"
        self.storage = StorageStack(app, f"{prefix}-Storage", environment=environment, env=env)
        self.identity = IdentityStack(app, f"{prefix}-Identity", environment=environment, env=env)
        self.inference = InferenceStack(
            app,
            f"{prefix}-Inference",
            environment=environment,
            env=env,
            image=image,
            storage=self.storage,
            identity=self.identity,
        )
        self.batch = BatchStack(
            app,
            f"{prefix}-Batch",
            environment=environment,
            env=env,
            image=image,
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
            identity=self.identity,
        )
        stacks: list[cdk.Stack] = [self.storage, self.identity, self.inference, self.batch, self.monitoring]
        if environment.frontend.host != "none":
            stacks.append(
                FrontendStack(
                    app,
                    f"{prefix}-Frontend",
                    environment=environment,
                    env=env,
                    image=page,
                    identity=self.identity,
                    inference=self.inference,
                )
            )
        if environment.training.enabled:
            stacks.append(
                TrainingStack(app, f"{prefix}-Training", environment=environment, env=env, storage=self.storage)
            )
        if environment.delivery:
            stacks.append(
                DeliveryStack(
                    app,
                    f"{prefix}-Delivery",
                    environment=environment,
                    settings=environment.delivery,
                    env=env,
                    storage=self.storage,
                )
            )
        for stack in stacks:
            stack.termination_protection = environment.deletion_protection
            # "component" tells in the bill what of an environment costs.
            component = stack.stack_name.rpartition("-")[2].lower()
            tags = {"project": "leukolens", "environment": environment.name, "component": component}
            for key, value in tags.items():
                cdk.Tags.of(stack).add(key, value)
