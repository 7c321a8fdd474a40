"""Accept a finding of cdk-nag where it stands, with the reason."""

import aws_cdk as cdk
from constructs import IConstruct

_PACK = "AwsSolutions"


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept one rule's finding on a construct and what is below it.

    Parameters
    ----------
    construct
        The narrowest construct that the finding is about.
    rule
        cdk-nag's name of it: ``AwsSolutions-S1``, or ``AwsSolutions-IAM5[Resource::*]`` for one finding of several.
    reason
        Why it is right here; whoever reviews the stack reads this.
    """
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=f"{_PACK}::{rule}", reason=reason))
