"""The CDK app: reads one environment and composes its stacks. ``make synth ENV=dev`` runs it."""

import sys
from pathlib import Path

import aws_cdk as cdk
import cdk_nag

from infra.environments import ENVIRONMENTS, ConfigError, load_environment
from infra.image import find_image
from infra.system import System


def main() -> None:
    """Synthesise the stacks of the environment named by ``--context env=NAME``.

    ``--context environments=FOLDER`` reads its file from another folder than ``environments/``;
    ``--context image=REPOSITORY@sha256:DIGEST`` runs an image that was published before, instead of building one.
    """
    app = cdk.App()
    try:
        folder = app.node.try_get_context("environments")
        environment = load_environment(app.node.try_get_context("env"), Path(folder) if folder else ENVIRONMENTS)
        image = find_image(environment, app.node.try_get_context("image"))
    except ConfigError as error:
        sys.exit(f"leukolens: {error}")
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    System(app, environment, image)
    app.synth()


if __name__ == "__main__":
    main()
