"""The service that answers predictions: one image function behind the HTTP API."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import Environment
from infra.constructs.canary_release import Release
from infra.constructs.erasure import Erasure
from infra.constructs.http_api import Api
from infra.constructs.image_function import ImageFunction
from infra.constructs.permissions import allow_objects
from infra.image import Image
from infra.stack import Output
from infra.stacks.base import EnvironmentStack
from infra.stacks.identity import IdentityStack
from infra.stacks.storage import StorageStack


class InferenceStack(EnvironmentStack):
    """The function, its alias ``live``, and the API that calls the alias.

    Attributes
    ----------
    function, alias
        The function, and what the API calls of it.
    function_name
        As it is written.
    api
        The HTTP API.
    """

    def __init__(
        self, app: Construct, environment: Environment, *, image: Image, storage: StorageStack, identity: IdentityStack
    ) -> None:
        super().__init__(app, environment, "Inference", "predictions over HTTP")
        settings = environment.inference
        self.function_name = f"leukolens-{environment.name}-predict"
        predict = ImageFunction(
            self,
            "Predict",
            environment=environment,
            image=image,
            name=self.function_name,
            entry_point="handler.handler",
            timeout_s=settings.timeout_s,
            reserved_concurrency=settings.reserved_concurrency,
            model=True,
            variables={
                "LEUKOLENS_UPLOADS_BUCKET": storage.uploads.bucket_name,
                "LEUKOLENS_FEEDBACK_BUCKET": storage.feedback.bucket_name,
                "LEUKOLENS_FEEDBACK_DAYS": str(environment.storage.feedback_days),
            },
        )
        self.function = predict.function
        any_request = "The keys are made one a request; the function may touch objects of this bucket only."
        allow_objects(predict.role, storage.uploads, storage.key, read="*", write="*", reason=any_request)
        allow_objects(predict.role, storage.feedback, storage.key, write="*", reason=any_request)
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=self.function.current_version,
            provisioned_concurrent_executions=settings.provisioned_concurrency or None,
        )
        Release(self, "Release", environment=environment, alias=self.alias)
        self.api = Api(
            self,
            "Api",
            environment=environment,
            function=self.alias,
            pool=identity.pool,
            clients=identity.clients,
        )
        Erasure(
            self,
            "Erasure",
            environment=environment,
            image=image,
            feedback=storage.feedback,
            uploads=storage.uploads,
        )
        cdk.CfnOutput(self, Output.API_URL, value=self.api.url)
        cdk.CfnOutput(self, Output.FUNCTION_NAME, value=self.function.function_name)
