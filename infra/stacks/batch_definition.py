"""The batch's steps in Amazon States Language: classify everything below a prefix, then sum up.

Written as it is deployed, since the CDK's own Distributed Map adds a policy with patterns where names are known, and
renders no path in a batcher's input. cfn-lint checks it against the language's schema.
"""

from typing import Any

from infra.config import Batch

LABEL = "fields"
# The service was busy or unreachable, and nothing ran. Throttled calls wait and share what concurrency there is.
_BUSY = {
    "ErrorEquals": [
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
    ],
    "IntervalSeconds": 2,
    "BackoffRate": 2,
    "MaxAttempts": 6,
    "JitterStrategy": "FULL",
}
# A call may be made again, since it writes over its own result.
_FAILED = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 5, "MaxAttempts": 1}


def definition(
    settings: Batch, *, data_bucket: str, results_bucket: str, classify_arn: str, summarise_arn: str
) -> dict[str, Any]:
    """Give the definition of the state machine, whose input is ``{"prefix": "slides/7/"}``.

    Parameters
    ----------
    settings
        Sizes and limits of the environment.
    data_bucket, results_bucket
        Names of the buckets.
    classify_arn, summarise_arn
        The functions.
    """
    return {
        "StartAt": "Classify every field",
        "States": {
            "Classify every field": {
                "Type": "Map",
                "Label": LABEL,
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:listObjectsV2",
                    "Parameters": {"Bucket": data_bucket, "Prefix.$": "$.prefix"},
                },
                **_batches(settings, data_bucket, results_bucket),
                "MaxConcurrency": settings.max_concurrency,
                "ToleratedFailurePercentage": settings.tolerated_failure_percentage,
                "ItemProcessor": _classify(classify_arn, settings.timeout_s),
                "ResultWriter": {
                    "Resource": "arn:aws:states:::s3:putObject",
                    "Parameters": {
                        "Bucket": results_bucket,
                        "Prefix.$": "States.Format('batches/{}/calls', $$.Execution.Name)",
                    },
                    # One line a call with what the function answered, without the execution's own fields.
                    "WriterConfig": {"OutputType": "JSONL", "Transformation": "COMPACT"},
                },
                "Next": "Write the summary",
            },
            "Write the summary": {
                "Type": "Task",
                "Resource": summarise_arn,
                "Parameters": {
                    "results_bucket": results_bucket,
                    "folder.$": "States.Format('batches/{}', $$.Execution.Name)",
                    "calls.$": "$",
                },
                "Retry": [_BUSY, _FAILED],
                "End": True,
            },
        },
    }


def _batches(settings: Batch, data_bucket: str, results_bucket: str) -> dict[str, Any]:
    """Shape the input of one call: ``{"BatchInput": {...}, "Items": [{"Key": ...}, ...]}``."""
    where = {
        "bucket": data_bucket,
        "results_bucket": results_bucket,
        "results_prefix.$": "States.Format('batches/{}/lines', $$.Execution.Name)",
    }
    if settings.items_per_batch == 1:
        return {"ItemSelector": {"BatchInput": where, "Items.$": "States.Array($$.Map.Item.Value)"}}
    return {"ItemBatcher": {"MaxItemsPerBatch": settings.items_per_batch, "BatchInput": where}}


def _classify(function_arn: str, timeout_s: int) -> dict[str, Any]:
    return {
        # Express children are billed by their duration, standard ones by the step.
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Classify",
        "States": {
            "Classify": {
                "Type": "Task",
                "Resource": function_arn,
                "TimeoutSeconds": timeout_s,
                "Retry": [_BUSY, _FAILED],
                "End": True,
            }
        },
    }
