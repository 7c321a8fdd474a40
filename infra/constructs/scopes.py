"""What a token can allow. Apart from the stacks, so that a client of them need not load the CDK."""

RESOURCE_SERVER = "smears"
SCOPES = {
    "predict": "Classify images and upload them for it",
    "feedback": "Send a reviewer's label",
    "batch": "Start batches and read their results",
}


def scope_name(scope: str) -> str:
    """Give the name that a token carries: ``predict`` is ``smears/predict``."""
    return f"{RESOURCE_SERVER}/{scope}"
