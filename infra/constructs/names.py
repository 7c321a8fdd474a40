"""Names that both the stacks and the commands about them know. Apart, so that a command need not load the CDK."""

from infra.config import Environment


def topic_name(environment: Environment) -> str:
    """Give the name of the topic that every alarm of an environment goes to."""
    return f"leukolens-{environment.name}-alarms"


def stack_name(environment: Environment, capability: str) -> str:
    """Give a stack's name: ``Leukolens-Dev-Storage``."""
    return f"Leukolens-{environment.title}-{capability}"
