"""From every alarm to the reader: its actions, the topic that they name, the topic's policy, and the topic's key."""

import copy

import pytest

from infra.environments import NAMES
from infra.rehearsal.account import Account, allows, for_principal
from infra.rehearsal.alarm_path import SERVICE, publishing, unheard
from infra.stack import Output


@pytest.fixture(scope="module", params=NAMES)
def templates(request, synthesise):
    """Give an environment's title and its templates."""
    return request.param.capitalize(), synthesise(request.param)


def test_every_alarm_reaches_the_topic(templates):
    name, found = templates
    account = Account(found, name)
    assert len(list(account.resources("AWS::CloudWatch::Alarm"))) >= 5
    assert list(unheard(account)) == []


def test_no_plain_http_and_no_strangers_alarm_publishes(templates):
    name, found = templates
    account = Account(found, name)
    ((_, _, topic),) = account.resources("AWS::SNS::Topic")
    ((_, _, policy),) = account.resources("AWS::SNS::TopicPolicy")
    arn = account.output("Monitoring", Output.ALARM_TOPIC_ARN)
    assert policy["Topics"] == [arn]
    assert topic["KmsMasterKeyId"]
    statements = for_principal(policy["PolicyDocument"]["Statement"], SERVICE)
    assert allows(statements, publishing(arn, "x"))
    assert not allows(statements, publishing(arn, "x", encrypted="false"))
    assert not allows(statements, publishing(arn, "x", owner="999999999999"))


def _without(templates, capability, change):
    """Give templates of which one was changed."""
    changed = {name: copy.deepcopy(one) for name, one in templates.items()}
    change(changed[capability].raw["Resources"])
    return changed


def _drop_statement(kind, sid):
    def change(resources):
        for resource in resources.values():
            if resource["Type"] == kind:
                policy = resource["Properties"]["PolicyDocument" if "Topic" in kind else "KeyPolicy"]
                policy["Statement"] = [one for one in policy["Statement"] if one.get("Sid") != sid]

    return change


def _silence(resources):
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            del resource["Properties"]["OKActions"]


def _switch_off(resources):
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            resource["Properties"]["ActionsEnabled"] = False


@pytest.mark.parametrize(
    ("capability", "change", "said"),
    [
        ("Monitoring", _drop_statement("AWS::SNS::TopicPolicy", "AlarmsPublish"), "may not publish"),
        ("Storage", _drop_statement("AWS::KMS::Key", "AlarmsToTopic"), "may not kms:Decrypt"),
        ("Monitoring", _silence, "nobody is told"),
        ("Monitoring", _switch_off, "switched off"),
    ],
)
def test_a_way_that_is_closed_is_told(dev, capability, change, said):
    lost = list(unheard(Account(_without(dev, capability, change))))
    assert lost
    assert all(said in one or "kms:GenerateDataKey" in one for one in lost)
