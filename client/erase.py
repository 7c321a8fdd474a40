"""``python -m client erase --feedback ID``: delete what was kept under an id, with every version."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrusted import in_terminal

from .batch.aws import ENVIRONMENTS
from .batch.errors import BatchError, explained

if TYPE_CHECKING:
    from argparse import _SubParsersAction

EXIT_NOTHING, EXIT_WRONG, EXIT_REFUSED = 1, 2, 3
_POLICY = "attach the managed policy leukolens-{}-eraser-REGION (output EraserPolicyArn of the inference stack)"
_EPILOG = """exit codes: 0 erased; 1 nothing was kept under an id; 2 wrong arguments; 3 refused, or not all was erased.
Each erasure leaves one line in the log /aws/lambda/leukolens-ENV-erase: when, what, by whom, how many objects.
Credentials are AWS's own (AWS_PROFILE, aws sso login); --data needs none."""


class EraseError(Exception):
    """An erasure was refused or not finished; the message says what to do."""


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command's arguments."""
    parser = commands.add_parser(
        "erase",
        help="delete what was kept under an id, with every version",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--feedback", action="append", default=[], metavar="REQUEST_ID", help="labels and image of a request"
    )
    parser.add_argument(
        "--upload", action="append", default=[], metavar="UPLOAD_ID", help="an image put through an upload"
    )
    parser.add_argument("--asked-by", metavar="NAME", help="who answers for it: a name or a ticket (default: by STS)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--env", choices=ENVIRONMENTS, default="dev", help="whose objects, on AWS (default: dev)")
    where.add_argument("--data", type=Path, metavar="FOLDER", help="of this machine instead: that of make serve")
    parser.add_argument("--endpoint-url", metavar="URL", help="of an AWS emulator")


def run(options: argparse.Namespace) -> int:
    """Erase each id, one line each, and give the exit code."""
    targets = [("request_id", name) for name in options.feedback] + [("upload_id", name) for name in options.upload]
    if not targets:
        return _say("Give --feedback REQUEST_ID or --upload UPLOAD_ID.", EXIT_WRONG)
    code = 0
    try:
        erase = _Folder(options) if options.data else _Function(options)
        for kind, name in targets:
            count = erase({kind: name, "asked_by": erase.asked_by})
            sys.stdout.write(in_terminal(f"{kind}={name} objects={count} asked_by={erase.asked_by}") + "\n")
            if not count:
                code = _say(f"Nothing was kept under the {kind} {name}: compare it with the answer's.", EXIT_NOTHING)
    except (EraseError, BatchError) as error:
        return _say(str(error), EXIT_REFUSED)
    return code


def _say(text: str, code: int) -> int:
    sys.stderr.write(in_terminal(text) + "\n")
    return code


class _Function:
    """The environment's function that erases, which notes who asked."""

    def __init__(self, options: argparse.Namespace) -> None:
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise EraseError("Erasing on AWS needs boto3: pip install boto3 (make setup brings it)") from error
        self._name, self._environment = f"leukolens-{options.env}-erase", options.env
        # A call that was made is never made again by itself: the second would tell that nothing was there.
        config = Config(connect_timeout=5, read_timeout=120, retries={"total_max_attempts": 1})
        with explained("Asking AWS who this is"):
            session = boto3.Session()
            self._lambda = session.client("lambda", endpoint_url=options.endpoint_url, config=config)
            self.asked_by = options.asked_by or str(
                session.client("sts", endpoint_url=options.endpoint_url).get_caller_identity()["Arn"]
            )

    def __call__(self, request: dict[str, str]) -> int:
        from botocore.exceptions import ClientError

        try:
            with explained("Erasing"):
                answer = self._lambda.invoke(FunctionName=self._name, Payload=json.dumps({"erase": request}).encode())
                payload: Any = json.loads(answer["Payload"].read())
        except BatchError as error:
            if isinstance(cause := error.__cause__, ClientError):
                raise EraseError(self._explain(cause.response["Error"])) from None
            raise
        if answer.get("FunctionError"):
            raise EraseError(f"Not erased: {payload.get('errorMessage', payload)}")
        return int(payload["objects"])

    def _explain(self, error: dict[str, Any]) -> str:
        code = error.get("Code", "")
        if code == "ResourceNotFoundException":
            return f"There is no function {self._name} in this account and region: deploy, or name another by --env."
        if code in ("AccessDeniedException", "AccessDenied"):
            return f"Not allowed to call {self._name}: {_POLICY.format(self._environment)}."
        return f"AWS says {code}: {error.get('Message', '')}"


class _Folder:
    """The folder of a service on this machine."""

    def __init__(self, options: argparse.Namespace) -> None:
        if not options.data.is_dir():
            raise EraseError(f"{options.data} is no folder: give the one that make serve keeps feedback in.")
        if not options.asked_by:
            raise EraseError("On this machine nobody tells who asks: give --asked-by NAME.")
        self._store, self.asked_by = options.data.resolve().as_uri(), str(options.asked_by)

    def __call__(self, request: dict[str, str]) -> int:
        from api.erasure import ErasureError, erase

        try:
            return erase({"request_id": self._store, "upload_id": self._store}, request).objects
        except ErasureError as error:
            raise EraseError(str(error)) from None
