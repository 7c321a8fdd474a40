"""A presigned post goes to the bucket's own region, where a bucket that is minutes old answers."""

import pytest

from api.storage import Bucket


@pytest.mark.parametrize(
    "region",
    # The oldest, which has the global name; an ordinary one; and two that were opened after 2019.
    ["us-east-1", "eu-central-1", "eu-south-2", "ap-southeast-4"],
)
def test_an_upload_is_signed_for_the_regional_name(monkeypatch, region):
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": region}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    url, fields = Bucket("leukolens-uploads").presign("uploads/1", "image/png", 10)
    assert url == f"https://leukolens-uploads.s3.{region}.amazonaws.com/"
    assert f"/{region}/s3/aws4_request" in fields["x-amz-credential"]
