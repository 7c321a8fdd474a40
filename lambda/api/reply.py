"""An answer with a status of its own."""

from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True)
class Reply:
    """What an endpoint returns where 200 is not right."""

    status: int
    body: BaseModel
