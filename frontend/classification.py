"""Sends waiting fields to the API, several at a time, and notes what came back."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from api.schemas import Prediction
from client import LeukolensError, RefusedImageError, RequestError, TooLargeError
from frontend import pictures
from frontend.workspace import SmearField


def classify(
    waiting: Iterable[SmearField], predict: Callable[[bytes], Prediction], workers: int
) -> Iterator[SmearField]:
    """Classify fields; each is yielded as soon as it is settled.

    Stopping the iteration (a click while it runs) leaves the rest waiting, for the next run to go on with.

    Parameters
    ----------
    waiting : Iterable[SmearField]
        Fields with their bytes.
    predict : Callable[[bytes], Prediction]
        One call of the API, with explanation.
    workers : int
        Calls at the same time.

    Yields
    ------
    SmearField
        The field, in state ``answered``, ``refused`` (the image's fault) or ``unanswered`` (worth trying again).
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="classify")
    try:
        asked = {pool.submit(predict, field.data): field for field in waiting if field.data is not None}
        for done in as_completed(asked):
            yield _settle(asked[done], done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _settle(field: SmearField, done: Future[Prediction]) -> SmearField:
    """Note an answer or a reason on its field."""
    try:
        prediction = done.result()
    except (RefusedImageError, TooLargeError) as refusal:
        field.state, field.problem, field.data = "refused", refusal.problem.detail, None
        return field
    except RequestError as refusal:
        field.state, field.problem = "unanswered", f"{refusal.problem.title}: {refusal.problem.detail}"
        return field
    except LeukolensError as error:
        field.state, field.problem = "unanswered", str(error)
        return field
    if prediction.explanation is not None:
        field.heat = pictures.heat_layer(prediction.explanation.heatmap_png)
    field.preview = pictures.preview(field.data) if field.data else None
    # The full-size map is many times the picture; the layer above is what is shown.
    field.prediction = prediction.model_copy(update={"explanation": None})
    field.state, field.problem = "answered", ""
    return field
