"""A deployed stack, as CloudFormation tells of it: whether it stands, and its outputs."""

from typing import Any

from botocore.exceptions import ClientError


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
