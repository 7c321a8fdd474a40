"""From every alarm to its reader: actions, topic, the topic's policy and its key, as IAM would judge them."""

from collections.abc import Iterator

from infra.rehearsal.account import ID, Account, Request, allows, for_principal

SERVICE = "cloudwatch.amazonaws.com"


def publishing(topic: str, alarm: str, *, encrypted: str = "true", owner: str = ID) -> Request:
    """Give what SNS is asked when an alarm of an account, in the topic's region, goes off."""
    source = f"arn:aws:cloudwatch:{topic.split(':')[3]}:{owner}:alarm:{alarm}"
    context = {"aws:SourceAccount": owner, "aws:SourceArn": source, "aws:SecureTransport": encrypted}
    return Request("sns:Publish", topic, context)


def unheard(account: Account) -> Iterator[str]:
    """Give each alarm whose message does not arrive, with the reason; none where all do."""
    topics = _topics(account)
    keys = {
        account.arn("AWS::KMS::Key", logical): key["KeyPolicy"]["Statement"]
        for _, logical, key in account.resources("AWS::KMS::Key")
    }
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        for _, name, alarm in account.resources(kind):
            if alarm.get("ActionsEnabled") is False:
                yield f"{name}: its actions are switched off"
            for actions in (alarm.get("AlarmActions"), alarm.get("OKActions")):
                if not actions:
                    yield f"{name}: nobody is told"
                for topic in actions or ():
                    yield from (f"{name}: {why}" for why in _closed(topic, name, topics, keys))


def _closed(
    topic: str,
    alarm: str,
    topics: dict[str, tuple[list[dict[str, object]], str]],
    keys: dict[str, list[dict[str, object]]],
) -> Iterator[str]:
    if topic not in topics:
        yield f"there is no topic {topic}"
        return
    statements, key = topics[topic]
    request = publishing(topic, alarm)
    if not allows(for_principal(statements, SERVICE), request):
        yield f"CloudWatch may not publish to {topic}"
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        if key and not allows(for_principal(keys[key], SERVICE), Request(action, key, request.context)):
            yield f"CloudWatch may not {action} with the key of {topic}"


def _topics(account: Account) -> dict[str, tuple[list[dict[str, object]], str]]:
    """Give each topic's policy and key, by ARN."""
    policies = [policy for _, _, policy in account.resources("AWS::SNS::TopicPolicy")]
    topics = {}
    for _, _, topic in account.resources("AWS::SNS::Topic"):
        arn = f"arn:aws:sns:{account.region}:{ID}:{topic['TopicName']}"
        statements = [
            s for policy in policies if arn in policy["Topics"] for s in policy["PolicyDocument"]["Statement"]
        ]
        topics[arn] = (statements, str(topic.get("KmsMasterKeyId") or ""))
    return topics
