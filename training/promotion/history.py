"""What an environment served before: one object in the models bucket, which keeps its older versions.

Functions here take the folder of the bucket that holds the histories: a listing of the whole bucket would be one of
every artifact of every run.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from training.data.s3 import Bucket
from training.promotion.command import PromotionError

FOLDER = "promotions"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Served(_Part):
    """A model that was, is or may again be in service.

    Attributes
    ----------
    uri
        As in the environment's file; None is the model that comes with the code.
    registered
        Its version in MLflow's registry; None where it did not come from a run.
    promoted
        When; None for what was there before the first promotion.
    """

    sha256: str
    uri: str | None = None
    version: str = ""
    run_id: str | None = None
    registered: str | None = None
    promoted: datetime | None = None


class History(_Part):
    """Models in the order in which they came into service, the newest last."""

    schema_version: int = 1
    served: tuple[Served, ...] = ()

    def promote(self, now_serving: Served, new: Served) -> "History":
        """Put a model on top of the one that serves; entries that were never committed to git are dropped."""
        entries = self._up_to(now_serving.sha256) or (*self.served, now_serving)
        return History(served=(*entries, new))

    def before(self, sha256: str) -> Served | None:
        """Give the model that served before another; None if that is not known."""
        entries = self._up_to(sha256)
        return entries[-2] if len(entries) > 1 else None

    def back(self, sha256: str) -> "History":
        """Remove a model, and those after it, from the top."""
        return History(served=self._up_to(sha256)[:-1])

    def find(self, sha256: str) -> Served | None:
        """Give the newest entry of a model."""
        entries = self._up_to(sha256)
        return entries[-1] if entries else None

    def _up_to(self, sha256: str) -> tuple[Served, ...]:
        for number in range(len(self.served), 0, -1):
            if self.served[number - 1].sha256 == sha256:
                return self.served[:number]
        return ()


def read(bucket: Bucket, environment: str) -> History:
    """Read an environment's history; an environment without one has an empty one.

    Raises
    ------
    PromotionError
        The object is not a history of this version.
    """
    key = f"{environment}.json"
    if key not in bucket.list():
        return History()
    try:
        return History.model_validate_json(bucket.get(key))
    except ValidationError as error:
        raise PromotionError(
            f"{bucket.uri}/{key} is no history ({error.errors()[0]['msg']}): restore its last good version"
        ) from error


def write(bucket: Bucket, environment: str, history: History) -> None:
    """Write an environment's history."""
    bucket.put(f"{environment}.json", history.model_dump_json(indent=2).encode() + b"\n")
