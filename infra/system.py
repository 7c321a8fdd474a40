"""The stacks of one environment, in the order of who needs whom."""

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


def compose(app: Construct, environment: Environment, image: Image, page: Image) -> None:
    """Make every stack of an environment.

    Parameters
    ----------
    app
        What the stacks are made in.
    environment
        Its settings, which also say which stacks there are.
    image, page
        What the functions and the page run.
    """
    storage = StorageStack(app, environment)
    identity = IdentityStack(app, environment)
    inference = InferenceStack(app, environment, image=image, storage=storage, identity=identity)
    batch = BatchStack(app, environment, image=image, storage=storage)
    MonitoringStack(app, environment, storage=storage, inference=inference, batch=batch, identity=identity)
    if environment.frontend.host != "none":
        FrontendStack(app, environment, image=page, identity=identity, inference=inference)
    if environment.training.enabled:
        TrainingStack(app, environment, storage=storage)
    if environment.delivery:
        DeliveryStack(app, environment, settings=environment.delivery, storage=storage)
