"""Who may delete what was kept of a person's field, and how: a function of its own, which a policy lets people call."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Environment
from infra.constructs.image_function import ImageFunction
from infra.constructs.permissions import account_wide, acknowledge_objects, allow
from infra.image import Image
from infra.stack import Output

# The audit lines outlive other logs: an erasure is asked about long after it was done.
_LOG_RETENTION_DAYS = 365
_TIMEOUT_S = 120
_MEMORY_MB = 512


class Erasure(Construct):
    """The function ``leukolens-<environment>-erase`` and the policy of those who may call it.

    The function that answers the API writes feedback and deletes none; this one deletes below ``feedback/`` and
    ``uploads/`` and reads nothing. Its log says who asked for what.

    Attributes
    ----------
    policy
        For people and programs that erase.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        image: Image,
        feedback: s3.Bucket,
        uploads: s3.Bucket,
    ) -> None:
        super().__init__(scope, construct_id)
        name = f"leukolens-{environment.name}-erase"
        erase = ImageFunction(
            self,
            "Erase",
            environment=environment,
            image=image,
            name=name,
            entry_point="erase.handler",
            timeout_s=_TIMEOUT_S,
            memory_mb=_MEMORY_MB,
            log_retention_days=_LOG_RETENTION_DAYS,
            variables={
                "LEUKOLENS_UPLOADS_BUCKET": uploads.bucket_name,
                "LEUKOLENS_FEEDBACK_BUCKET": feedback.bucket_name,
            },
        )
        reason = "The id of what is to be erased is told by whoever asks."
        for bucket, folder in ((feedback, "feedback/*"), (uploads, "uploads/*")):
            allow(
                erase.role,
                ["s3:ListBucketVersions"],
                bucket.bucket_arn,
                conditions={"StringLike": {"s3:prefix": folder}},
            )
            erase.role.add_to_policy(
                iam.PolicyStatement(actions=["s3:DeleteObjectVersion"], resources=[bucket.arn_for_objects(folder)])
            )
            acknowledge_objects(erase.role, bucket, folder, reason)
        self.policy = iam.ManagedPolicy(
            self,
            "Erasers",
            managed_policy_name=account_wide(f"leukolens-{environment.name}-eraser", self),
            description="Erase what was kept under an id, by the function that notes it",
            statements=[
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[erase.function.function_arn])
            ],
        )
        cdk.CfnOutput(cdk.Stack.of(self), Output.ERASER_POLICY_ARN, value=self.policy.managed_policy_arn)
