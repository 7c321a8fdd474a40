"""The step that plays the synthetic canary against the deployed API."""

from infra.canary import handler as canary
from infra.constructs.scopes import scope_name
from infra.rehearsal.stage import Stage, StepError, expect
from infra.stack import Output


def watch_answers(stage: Stage) -> str:
    """Send the canary's field twice, then change the model's kept answer: the first two are well, the third is told.

    The canary's own code; only its way to the token and to the API is the rehearsal's, whose host names are the
    emulator's.
    """
    field, bucket, s3 = (
        stage.images[0].read_bytes(),
        stage.output("Storage", Output.MODELS_BUCKET_NAME),
        stage.aws("s3"),
    )
    token = stage.token(scope_name("predict"))

    def ask() -> dict[str, object]:
        answer = stage.call("POST", "/v1/predictions", token, content=field, headers={"Content-Type": "image/png"})
        expect(answer.is_success, f"the canary got {answer.status_code}: {answer.text[:300]}")
        return dict(answer.json())

    first, again = (canary.compare(ask(), field, s3, bucket) for _ in range(2))
    expect("first" in first and again == "as before", f"the canary says {first}, then {again}")
    (kept,) = s3.list_objects_v2(Bucket=bucket, Prefix=canary.ANSWERS)["Contents"]
    body = s3.get_object(Bucket=bucket, Key=kept["Key"])["Body"].read().decode()
    s3.put_object(Bucket=bucket, Key=kept["Key"], Body=body.replace('"verdict": "', '"verdict": "once-').encode())
    try:
        canary.compare(ask(), field, s3, bucket)
    except canary.CanaryError as error:
        return f"as before, twice; and told where it is not: {str(error)[:90]}"
    raise StepError("another answer set nothing off")
