"""What is asked for is checked against what is deployed, before anything is started."""

import pytest

from client.batch.aws import Aws, region_of, state_machine_arn
from client.batch.errors import BatchError, RefusedError, WrongRequestError
from client.batch.execution import describe, start
from client.batch.machine import Location, Machine, check_location, describe_machine, parse_location


@pytest.mark.parametrize(
    ("text", "prefix"), [("s3://smears-data/slides/7/", "slides/7/"), ("s3://smears-data/a b=ü", "a b=ü")]
)
def test_a_prefix_is_taken_as_it_is(text: str, prefix: str):
    assert parse_location(text) == Location("smears-data", prefix)


@pytest.mark.parametrize("text", ["slides/7", "/slides/7", "https://smears-data/7", "s3:/smears-data/7", "s3://X/7"])
def test_what_is_no_place_in_s3_is_told(text: str):
    with pytest.raises(WrongRequestError, match="is no place in S3: give s3://BUCKET/PREFIX"):
        parse_location(text)


@pytest.mark.parametrize("text", ["s3://smears-data", "s3://smears-data/"])
def test_a_whole_bucket_is_refused(text: str):
    with pytest.raises(WrongRequestError, match="names a whole bucket"):
        parse_location(text)


def test_the_buckets_are_those_of_the_deployed_definition(machine: Machine):
    assert (machine.data_bucket, machine.results_bucket) == ("smears-data", "smears-results")


def test_an_environments_machine_is_found_in_the_credentials_account(aws: Aws, machine: Machine):
    assert state_machine_arn("dev") == machine.arn


def test_a_machine_that_is_not_deployed_is_told(aws: Aws, machine: Machine):
    with pytest.raises(RefusedError, match="there is no such state machine: deploy the batch stack"):
        describe_machine(aws, machine.arn.replace("dev", "prod"))


def test_another_kind_of_machine_is_told(aws: Aws):
    other = aws.states.create_state_machine(
        name="other",
        definition='{"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": true}}}',
        roleArn="arn:aws:iam::123456789012:role/other",
    )
    with pytest.raises(BatchError, match="is no state machine of batches"):
        describe_machine(aws, other["stateMachineArn"])


def test_another_bucket_is_told_with_the_right_one(aws: Aws, machine: Machine):
    with pytest.raises(WrongRequestError, match="batches read the bucket smears-data only"):
        check_location(aws, machine, Location("elsewhere", "slides/"))


def test_an_empty_prefix_is_told(aws: Aws, machine: Machine):
    aws.s3.put_object(Bucket="smears-data", Key="slides/7/a.jpg", Body=b"x")
    check_location(aws, machine, Location("smears-data", "slides/7/"))
    with pytest.raises(WrongRequestError, match="no object's key begins so; nothing was started"):
        check_location(aws, machine, Location("smears-data", "slides/8/"))


def test_an_executions_name_tells_nothing_of_the_prefix(aws: Aws, machine: Machine):
    arn = start(aws, machine, Location("smears-data", "patient-smith/"))
    execution = describe(aws, arn)
    assert (execution.prefix, execution.state_machine_arn) == ("patient-smith/", machine.arn)
    assert "smith" not in arn


@pytest.mark.parametrize(
    "arn", ["nonsense", "arn:aws:states:eu-central-1:123456789012:stateMachine:leukolens-dev-batch"]
)
def test_what_is_no_execution_is_told(arn: str):
    with pytest.raises(WrongRequestError, match="is no ARN of the kind execution"):
        region_of(arn, "execution")


def test_an_arns_region_is_asked():
    assert region_of("arn:aws-us-gov:states:us-gov-west-1:123456789012:execution:m:e", "execution") == "us-gov-west-1"
