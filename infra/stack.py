"""A stack as commands and jobs know it: its name, and what CloudFormation tells of it.

Loads no CDK, which takes seconds.
"""

from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from infra.config import Environment


class Output(StrEnum):
    """Key of everything that a stack puts out: made by ``infra/stacks``, read by commands, jobs and people."""

    # Storage
    KEY_ARN = "KeyArn"
    DATA_BUCKET_NAME = "DataBucketName"
    MODELS_BUCKET_NAME = "ModelsBucketName"
    UPLOADS_BUCKET_NAME = "UploadsBucketName"
    FEEDBACK_BUCKET_NAME = "FeedbackBucketName"
    RESULTS_BUCKET_NAME = "ResultsBucketName"
    # Identity
    USER_POOL_ID = "UserPoolId"
    MACHINE_CLIENT_ID = "MachineClientId"
    PEOPLE_CLIENT_ID = "PeopleClientId"
    SIGN_IN_URL = "SignInUrl"
    # Inference
    API_URL = "ApiUrl"
    API_DOMAIN_TARGET = "ApiDomainTarget"
    FUNCTION_NAME = "FunctionName"
    ERASER_POLICY_ARN = "EraserPolicyArn"
    # Batch
    STATE_MACHINE_ARN = "StateMachineArn"
    OPERATOR_POLICY_ARN = "OperatorPolicyArn"
    # Monitoring
    ALARM_TOPIC_ARN = "AlarmTopicArn"
    # Frontend
    PAGE_URL = "PageUrl"
    # Training
    JOB_ROLE_ARN = "JobRoleArn"
    LAUNCHER_POLICY_ARN = "LauncherPolicyArn"
    MLFLOW_TRACKING_URI = "MlflowTrackingUri"
    MLFLOW_APP_ARN = "MlflowAppArn"
    MLFLOW_SECRET_ARN = "MlflowSecretArn"  # noqa: S105 - a key, and no secret
    NETWORK_ISOLATION = "NetworkIsolation"
    TRAINING_IMAGE_URI = "TrainingImageUri"
    SUBNET_IDS = "SubnetIds"
    SECURITY_GROUP_IDS = "SecurityGroupIds"
    # Delivery
    DEPLOY_ROLE_ARN = "DeployRoleArn"
    DIFF_ROLE_ARN = "DiffRoleArn"
    IMAGE_REPOSITORY_URI = "ImageRepositoryUri"


def topic_name(environment: Environment) -> str:
    """Give the name of the topic that every alarm of an environment goes to."""
    return f"leukolens-{environment.name}-alarms"


def stack_name(environment: Environment, capability: str) -> str:
    """Give a stack's name: ``Leukolens-Dev-Storage``."""
    return f"Leukolens-{environment.title}-{capability}"


def read_outputs(cloudformation: Any, stack: str) -> dict[str, str] | None:
    """Read the outputs of a stack.

    Parameters
    ----------
    cloudformation
        boto3's client.
    stack
        Its name.

    Returns
    -------
    dict[str, str] or None
        Values by key; None where no such stack stands.

    Raises
    ------
    ClientError, BotoCoreError
        CloudFormation may not be asked, or does not answer.
    """
    try:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # which is how it says that there is none
            return None
        raise
    if described["StackStatus"] == "DELETE_COMPLETE":
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
