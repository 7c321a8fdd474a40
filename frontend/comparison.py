"""Two models on the same fields: where they say the same, and where they do not."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from api.schemas import ModelSummary, Prediction
from frontend import finding
from frontend.classification import Service
from frontend.finding import Finding
from frontend.workspace import SmearField, Workspace


@dataclass(frozen=True)
class Pair:
    """What two models say of one field."""

    field: SmearField
    first: Finding
    second: Finding

    @property
    def same(self) -> bool:
        """Whether both have the same finding."""
        return self.first.group == self.second.group


@dataclass(frozen=True)
class Comparison:
    """Fields that both models answered, in the order in which they came."""

    pairs: Sequence[Pair]

    @property
    def differing(self) -> list[Pair]:
        """Pairs with different findings, those first that one of the models calls malignant."""
        return sorted(
            (pair for pair in self.pairs if not pair.same), key=lambda pair: min(pair.first.rank, pair.second.rank)
        )

    @property
    def counts(self) -> list[tuple[str, str, int]]:
        """Count fields by both findings: the first model's, the second's, and how many, the most first."""
        counted = Counter((pair.first.title, pair.second.title) for pair in self.pairs)
        return [(first, second, count) for (first, second), count in counted.most_common()]


def ask(
    workspace: Workspace, service: Service, name: str, workers: int, progress: Callable[[int, int], object]
) -> list[str]:
    """Have a second model answer the fields that it has not answered yet.

    Parameters
    ----------
    workspace : Workspace
        Whose answered fields are asked for, where the page still holds their files.
    service : Service
        The API's client.
    name : str
        Of the second model.
    workers : int
        Calls at the same time.
    progress : Callable[[int, int], object]
        Told how many of how many are done.

    Returns
    -------
    list of str
        Names of the fields that could not be asked for: their files have been let go.

    Raises
    ------
    LeukolensError
        The API does not answer; what it had answered is kept.
    """
    wanted = [field for field in workspace.reported() if name not in field.others and field.answer.model.name != name]
    askable = [(field, data) for field in wanted if (data := field.data) is not None]
    pixel_um = workspace.pixel_um

    def answer(field: SmearField, data: bytes) -> None:
        field.others[name] = service.predict(data, model=name, microns_per_pixel=pixel_um)

    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(answer, field, data) for field, data in askable]
        try:
            for done, finished in enumerate(as_completed(running), 1):
                finished.result()
                progress(done, len(running))
        finally:
            pool.shutdown(cancel_futures=True)
    if askable:
        answered = askable[0][0].others[name]
        if workspace.card_of(answered) is None:
            workspace.learn_other_card(service.model(name))
    return [field.name for field in wanted if field.data is None]


def compare(workspace: Workspace, name: str) -> Comparison:
    """Put the answers of the model in use beside those of a second one."""

    def read(answer: Prediction) -> Finding:
        card: ModelSummary | None = workspace.card_of(answer)
        return finding.read(answer, card)

    fields = [field for field in workspace.reported() if name in field.others]
    return Comparison([Pair(field, read(field.answer), read(field.others[name])) for field in fields])
