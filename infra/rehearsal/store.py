"""Steps about images that do not come as a raw body, and about what is stored."""

import base64
import json
import os
import sys

import httpx

from infra.constructs.scopes import scope_name
from infra.image import ROOT
from infra.rehearsal.program import run_program
from infra.rehearsal.stage import Stage, expect
from infra.stack import Output


def predict_form(stage: Stage) -> str:
    """Send the image as a browser's form does."""
    path = stage.images[0]
    token = stage.token(scope_name("predict"))
    answer = stage.call("POST", "/v1/predictions", token, files={"file": (path.name, path.read_bytes())})
    expect(answer.status_code == httpx.codes.OK, f"the form gave {answer.status_code}: {answer.text[:500]}")
    return f"multipart: {answer.json()['summary']}"


def predict_upload(stage: Stage) -> str:
    """Put the image through a presigned upload and name it, as large images are sent."""
    path = stage.images[0]
    image = path.read_bytes()
    token = stage.token(scope_name("predict"))
    media_type = "image/png" if path.suffix == ".png" else "image/jpeg"
    wanted = {"content_type": media_type, "size_bytes": len(image)}
    ticket = stage.call("POST", "/v1/uploads", token, json=wanted)
    expect(ticket.status_code == httpx.codes.CREATED, f"no upload: {ticket.status_code} {ticket.text[:500]}")
    upload = ticket.json()
    put = stage.http.post(upload["url"], data=upload["fields"], files={"file": ("image", image, media_type)})
    expect(put.is_success, f"S3 refused the upload: {put.status_code} {put.text[:500]}")
    answer = stage.call("POST", "/v1/predictions", token, json={"upload_id": upload["upload_id"]})
    expect(answer.status_code == httpx.codes.OK, f"the upload's id gave {answer.status_code}: {answer.text[:500]}")
    return f"presigned POST of {len(image):,} bytes: {answer.json()['summary']}"


def send_feedback(stage: Stage) -> str:
    """Send a reviewer's label with a consented image, twice, and find both in S3 once."""
    image = stage.images[0].read_bytes()
    token = stage.token(scope_name("predict"), scope_name("feedback"))
    predicted = stage.call("POST", "/v1/predictions", token, content=image, headers={"Content-Type": "image/jpeg"})
    request_id = predicted.json()["request_id"]
    label = stage.call("GET", "/v1/model", token).json()["labels"][-1]
    feedback = {
        "request_id": request_id,
        "label": label,
        "consent": True,
        "image_base64": base64.b64encode(image).decode(),
    }
    statuses = [stage.call("POST", "/v1/feedback", token, json=feedback).status_code for _ in range(2)]
    expect(statuses == [httpx.codes.CREATED, httpx.codes.OK], f"feedback sent twice gave {statuses}")
    bucket, s3 = stage.output("Storage", Output.FEEDBACK_BUCKET_NAME), stage.aws("s3")
    keys = [
        s3_object["Key"]
        for s3_object in s3.list_objects_v2(Bucket=bucket, Prefix=f"feedback/{request_id}/")["Contents"]
    ]
    records = [key for key in keys if key.endswith(".json")]
    expect(len(keys) == 2 and len(records) == 1, f"expected a record and an image, found {keys}")
    record = json.loads(s3.get_object(Bucket=bucket, Key=records[0])["Body"].read())
    expect(record["label"] == label, f"the record says {record}")
    stage.notes["feedback"] = request_id
    return f"201, then 200 for the same again; {len(keys)} objects in S3"


def erase_feedback(stage: Stage) -> str:
    """Erase that feedback by the client's own command, and find no version of it; the same again finds nothing."""
    request_id, bucket = stage.notes["feedback"], stage.output("Storage", Output.FEEDBACK_BUCKET_NAME)
    command = [sys.executable, "-m", "client", "erase", "--env", stage.environment.name, "--feedback", request_id]
    environment = os.environ | stage.emulator.credentials
    printed = run_program(command, environment=environment, folder=ROOT).strip()
    # The image was sent twice, which makes two versions of it.
    expect("objects=3" in printed and "asked_by=arn:" in printed, f"the command says: {printed}")
    left = stage.aws("s3").list_object_versions(Bucket=bucket, Prefix=f"feedback/{request_id}/")
    expect(not left.get("Versions") and not left.get("DeleteMarkers"), f"versions are left: {left}")
    run_program(command, environment=environment, folder=ROOT, expected=1)
    return f"{printed.splitlines()[-1]}; no version is left"
