"""The context object that Lambda gives to a handler."""

import time
import uuid
from dataclasses import dataclass, field

FUNCTION_NAME = "leukolens-local"


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What a handler may ask of its invocation, with AWS's names and types.

    Parameters
    ----------
    timeout_s
        Time that the invocation may take, from now.
    """

    timeout_s: float = 30.0
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_name: str = FUNCTION_NAME
    function_version: str = "$LATEST"
    invoked_function_arn: str = f"arn:aws:lambda:local:000000000000:function:{FUNCTION_NAME}"
    memory_limit_in_mb: str = "1769"
    log_group_name: str = f"/aws/lambda/{FUNCTION_NAME}"
    log_stream_name: str = "local"
    _started_s: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds left before the invocation is given up; never below 0."""
        return max(0, int((self._started_s + self.timeout_s - time.monotonic()) * 1000))
