"""The batch's steps, and what each of its parts may do."""

import json

import pytest

from infra.environments import load_environment
from infra.stacks.batch_definition import definition


@pytest.fixture(scope="module")
def steps():
    return definition(
        load_environment("prod").batch, data_bucket="D", results_bucket="R", classify_arn="C", summarise_arn="S"
    )["States"]


def test_a_map_over_the_prefix_calls_the_function_in_batches_and_sums_up(steps):
    each = steps["Classify every field"]
    assert each["ItemReader"]["Parameters"] == {"Bucket": "D", "Prefix.$": "$.prefix"}
    assert each["ItemBatcher"]["MaxItemsPerBatch"] == 50
    assert each["MaxConcurrency"] == 200
    assert each["ToleratedFailurePercentage"] == 1
    assert each["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert steps[each["Next"]]["Resource"] == "S"


def test_the_function_takes_what_the_batcher_gives(steps):
    from api.batch import BatchEvent

    given = steps["Classify every field"]["ItemBatcher"]["BatchInput"]
    rendered = {name.removesuffix(".$"): value for name, value in given.items()} | {"results_prefix": "batches/x/lines"}
    BatchEvent.model_validate({"BatchInput": rendered, "Items": [{"Key": "a.jpg", "Etag": "1", "Size": 1}]})


def test_one_image_a_call_has_the_same_shape_without_a_batcher():
    settings = load_environment("dev").batch.model_copy(update={"items_per_batch": 1})
    each = definition(settings, data_bucket="D", results_bucket="R", classify_arn="C", summarise_arn="S")["States"][
        "Classify every field"
    ]
    assert "ItemBatcher" not in each
    assert set(each["ItemSelector"]) == {"BatchInput", "Items.$"}


def test_throttling_waits_and_a_failed_call_is_made_once_more(steps):
    call = steps["Classify every field"]["ItemProcessor"]["States"]["Classify"]
    busy, failed = call["Retry"]
    assert "Lambda.TooManyRequestsException" in busy["ErrorEquals"]
    assert busy["MaxAttempts"] > failed["MaxAttempts"] == 1
    assert call["TimeoutSeconds"] < 300  # where an Express child ends


def _allowed(template, role):
    """Give the actions by the resource they are allowed on, of the policies whose id begins with ``role``."""
    allowed = {}
    for name, policy in template.resources("AWS::IAM::Policy").items():
        if name.startswith(role):
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                actions = {actions} if isinstance(actions, str) else set(actions)
                allowed.setdefault(json.dumps(statement["Resource"]), set()).update(actions)
    return allowed


def test_the_function_reads_data_and_writes_results_only(dev):
    objects = {
        actions_on: actions
        for actions_on, actions in _allowed(dev["Batch"], "ClassifyRole").items()
        if "Fn::GetStackOutput" in actions_on and "Key" not in actions_on
    }
    assert {actions_on: actions for actions_on, actions in objects.items() if "Data" in actions_on}.popitem()[1] == {
        "s3:GetObject"
    }
    (written,) = [actions_on for actions_on, actions in objects.items() if "s3:PutObject" in actions]
    assert "Results" in written
    assert "/batches/*" in written


def test_only_undeletable_wildcards_are_logs_and_traces(dev):
    everything = _allowed(dev["Batch"], "Role")['"*"']
    assert {action.partition(":")[0] for action in everything} == {"logs", "xray"}


def test_the_log_holds_no_key_of_an_image(dev):
    (machine,) = dev["Batch"].properties("AWS::StepFunctions::StateMachine")
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["TracingConfiguration"]["Enabled"] is True


def test_operators_start_follow_and_read_and_no_more(dev):
    (policy,) = dev["Batch"].properties("AWS::IAM::ManagedPolicy")
    actions = {
        action
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert not {action for action in actions if "Put" in action or "Delete" in action or "*" in action}
    assert {"states:StartExecution", "states:DescribeStateMachine", "states:DescribeMapRun"} <= actions


def test_operators_list_the_data_and_read_none_of_it(dev):
    (policy,) = dev["Batch"].properties("AWS::IAM::ManagedPolicy")
    on_data = [
        statement["Action"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "Data" in str(statement["Resource"])
    ]
    assert on_data == ["s3:ListBucket"]
