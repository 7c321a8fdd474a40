"""From every alarm to the reader: its actions, the topic that they name, the topic's policy, and the topic's key."""

import pytest

from infra.environments import NAMES
from tests.infra.account import ID, REGION, Account, Request, allows, for_principal

SERVICE = "cloudwatch.amazonaws.com"


@pytest.fixture(scope="module", params=NAMES)
def account(request, synthesise):
    return Account(synthesise(request.param), request.param.capitalize())


def _alarms(account):
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        yield from account.resources(kind)


def _topics(account):
    """Give each topic's policy and key, by ARN."""
    policies = [one for _, _, one in account.resources("AWS::SNS::TopicPolicy")]
    found = {}
    for _, _, topic in account.resources("AWS::SNS::Topic"):
        arn = f"arn:aws:sns:{REGION}:{ID}:{topic['TopicName']}"
        statements = [s for one in policies if arn in one["Topics"] for s in one["PolicyDocument"]["Statement"]]
        found[arn] = (statements, topic.get("KmsMasterKeyId"))
    return found


def _publish(topic, alarm, *, encrypted="true"):
    source = f"arn:aws:cloudwatch:{REGION}:{ID}:alarm:{alarm}"
    context = {"aws:SourceAccount": ID, "aws:SourceArn": source, "aws:SecureTransport": encrypted}
    return Request("sns:Publish", topic, context)


def test_every_alarm_reaches_the_topic_and_no_plain_http_does(account):
    topics, alarms = _topics(account), list(_alarms(account))
    assert len(alarms) >= 5
    for _, logical, alarm in alarms:
        for actions in (alarm.get("AlarmActions"), alarm.get("OKActions")):
            assert actions, f"{logical}: nobody is told"
            for topic in actions:
                assert topic in topics, f"{logical}: there is no topic {topic}"
                statements = for_principal(topics[topic][0], SERVICE)
                assert allows(statements, _publish(topic, logical)), f"{logical}: CloudWatch may not publish to {topic}"
                assert not allows(statements, _publish(topic, logical, encrypted="false")), topic


def test_a_strangers_alarm_publishes_nothing(account):
    for topic, (statements, _) in _topics(account).items():
        stranger = Request(
            "sns:Publish",
            topic,
            {
                "aws:SourceAccount": "999999999999",
                "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:999999999999:alarm:x",
                "aws:SecureTransport": "true",
            },
        )
        assert not allows(for_principal(statements, SERVICE), stranger)


def test_the_topics_key_is_open_to_alarms(account):
    keys = {
        f"arn:aws:kms:{REGION}:{ID}:key/{logical}": one["KeyPolicy"]["Statement"]
        for _, logical, one in account.resources("AWS::KMS::Key")
    }
    for topic, (_, key) in _topics(account).items():
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            request = Request(action, key, _publish(topic, "x").context)
            assert allows(for_principal(keys[key], SERVICE), request), f"{topic}: {action}"
