import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from api.app import Application
from tests.contract.gateway import Answered, event, read


def test_threads_each_get_the_answer_to_their_own_request(application: Application) -> None:
    def image(number: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(np.full((80, 80 + number, 3), number, np.uint8)).save(file, "PNG")
        return file.getvalue()

    def ask(number: int) -> Answered:
        sent = event(body=image(number), content_type="image/png", request_id=f"request-{number}")
        return read(application(sent, None))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(64)))
    for number, answered in enumerate(answers):
        assert answered.status == 200
        assert answered.body["request_id"] == f"request-{number}"
        assert answered.body["image"]["sha256"] == hashlib.sha256(image(number)).hexdigest()
        assert answered.body["image"]["width"] == 80 + number


def test_a_stage_in_the_path_is_passed_over(application: Application) -> None:
    sent = event("GET", "/dev/v1/health")
    sent["requestContext"]["stage"] = "dev"
    assert application(sent, None)["statusCode"] == 200
    sent = event("DELETE", "/dev/v1/health")
    sent["requestContext"]["stage"] = "dev"
    assert read(application(sent, None)).problem == "method-not-allowed"


def test_answers_are_never_cached_or_sniffed(application: Application) -> None:
    headers = read(application(event("GET", "/v1/health"), None)).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
