"""The CDK app: reads one environment and composes its stacks. ``make synth ENV=dev`` runs it."""

import sys
from pathlib import Path

import aws_cdk as cdk
import cdk_nag

from infra.environments import ENVIRONMENTS, ConfigError, load_environment
from infra.image import find_image, find_page
from infra.system import compose


def main() -> None:
    """Synthesise the stacks of the environment named by ``--context env=NAME``.

    ``--context environments=FOLDER`` reads its file from another folder than ``environments/``;
    ``--context image=REPOSITORY@sha256:DIGEST`` (and ``page=``) runs images that were published before, instead of
    building them; ``--context shift=none`` lets a version take over at once, whatever the environment's release says.
    """
    app = cdk.App()
    try:
        folder = app.node.try_get_context("environments")
        environment = load_environment(app.node.try_get_context("env"), Path(folder) if folder else ENVIRONMENTS)
        if app.node.try_get_context("shift") == "none":
            release = environment.release.model_copy(update={"strategy": "all-at-once"})
            environment = environment.model_copy(update={"release": release})
        image = find_image(environment, app.node.try_get_context("image"))
        page = find_page(environment, app.node.try_get_context("page"))
    except ConfigError as error:
        sys.exit(f"leukolens: {error}")
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    compose(app, environment, image, page)
    app.synth()


if __name__ == "__main__":
    main()
