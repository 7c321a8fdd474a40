"""Settings of tracking: where runs are sent, time-outs and retries."""

import os
from pathlib import Path
from urllib.parse import urlsplit

STORE, ARTIFACTS = Path("runs/mlflow.db"), Path("runs/mlartifacts")
EXPERIMENT = "leukolens"
_URI = "MLFLOW_TRACKING_URI"
DAGSHUB = "https://dagshub.com"
# MLflow's own patience is minutes for each request; training waits at most for one of these, then not for a while.
PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "120",
}
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


def server_is_named() -> bool:
    """Tell whether the environment names a tracking server."""
    return bool(os.environ.get(_URI))


def tracking_uri() -> str:
    """Give MLflow's address: of the environment, or of the store on this machine."""
    return os.environ.get(_URI) or f"sqlite:///{STORE.resolve()}"


def experiment_name() -> str:
    """Give the experiment that runs are filed in."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def artifact_location(uri: str) -> str | None:
    """Give the folder of a new experiment's artifacts beside a local store; a server knows its own."""
    if not uri.startswith("sqlite:///"):
        return None
    folder = ARTIFACTS.resolve() if uri == f"sqlite:///{STORE.resolve()}" else Path(uri[10:]).parent / ARTIFACTS.name
    return folder.as_uri()


def prepare_environment(uri: str) -> None:
    """Set the variables that MLflow reads, unless they are set already."""
    for name, value in {**PATIENCE, **QUIET}.items():
        os.environ.setdefault(name, value)
    if uri.startswith("sqlite:///"):
        Path(uri[10:]).parent.mkdir(parents=True, exist_ok=True)
    # https://dagshub.com/docs/client/reference/auth.html: the token serves as user and password of its MLflow server,
    # and DAGSHUB_CLIENT_HOST names a host of one's own. It is for no other host.
    token, host = os.environ.get("DAGSHUB_USER_TOKEN"), os.environ.get("DAGSHUB_CLIENT_HOST") or DAGSHUB
    credentials = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"} & os.environ.keys()
    if token and not credentials and urlsplit(uri)[:2] == urlsplit(host)[:2]:
        os.environ["MLFLOW_TRACKING_USERNAME"] = os.environ["MLFLOW_TRACKING_PASSWORD"] = token


def without_password(uri: str, text: str | None = None) -> str:
    """Give an address, or a text that holds it, without the user and password in it: for messages and files."""
    user, at, _ = urlsplit(uri).netloc.rpartition("@")
    return (uri if text is None else text).replace(user + at, "") if at else (uri if text is None else text)
