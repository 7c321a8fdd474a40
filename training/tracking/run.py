"""What a training logs of its run: each event is written down, then sent."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.tracking import logged_model
from training.tracking.journal import Journal
from training.tracking.sender import Sender

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

MODEL_NAME = "leukolens"


class Run:
    """One run; made by ``tracking.run``. With neither journal nor sender it tracks nothing.

    Attributes
    ----------
    journal
        Where it is written down.
    """

    def __init__(self, journal: Journal | None, sender: Sender | None) -> None:
        self.journal, self._sender = journal, sender
        self._channel: str | None = None

    @property
    def is_tracked(self) -> bool:
        """Tell whether events are kept: figures and models need not be made for nobody."""
        return self.journal is not None

    @property
    def run_id(self) -> str | None:
        """MLflow's id, or None while no server has the run."""
        return self._sender.run_id if self._sender else None

    def registered_versions(self) -> list[str]:
        """List the project's own versions in the registry; none where there is no registry, or nobody answers."""
        return self._sender.registered_versions(MODEL_NAME) if self._sender else []

    def begin(
        self, name: str, parameters: Mapping[str, object], tags: Mapping[str, str], extra_fields: Mapping[str, str]
    ) -> None:
        """Open the run."""
        self._channel = tags.get("sagemaker.channel.train")
        self._record_event("begin", name=name, parameters=_flatten(parameters), tags=dict(tags), **extra_fields)

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Log an epoch's numbers."""
        self._record_event("metrics", step=number, metrics={name: float(value) for name, value in metrics.items()})

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log numbers of the run as a whole."""
        self.epoch(0, metrics)

    def observe(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write numbers down from another thread; they are sent with the next event."""
        if self.journal is not None:
            self.journal.write("metrics", step=step, metrics=dict(metrics))

    def tags(self, tags: Mapping[str, str]) -> None:
        """Log tags that became known only now."""
        self._record_event("tags", tags=dict(tags))

    def figure(self, name: str, figure: "Figure") -> None:
        """Log a figure as ``figures/<name>.png``."""
        if self.journal is not None:
            path = self.journal.files / "figures" / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            figure.savefig(path, dpi=110)
            self._record_event("file", path=str(path.relative_to(self.journal.files)), to="figures")

    def file(self, path: Path, to: str = "") -> None:
        """Log a file, or a folder whole, into the artifact folder ``to``."""
        if self.journal is not None:
            copy = self.journal.files / to / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, copy, dirs_exist_ok=True)
            else:
                shutil.copy2(path, copy)
            self._record_event("file", path=str(copy.relative_to(self.journal.files)), to=to)

    def dataset(self, name: str, *, digest: str, source: str, fields: Mapping[str, int]) -> None:
        """Log which fields the run learns from, as an input of it.

        Parameters
        ----------
        name : str
            Of the set.
        digest : str
            Of its manifest.
        source : str
            Folder; of a job, where its channel comes from is told instead.
        fields : mapping
            How many of each label.
        """
        self._record_event("dataset", name=name, digest=digest, source=self._channel or source, fields=dict(fields))

    def network(self, network: "keras.Model") -> None:
        """Log a network as it was trained, as ``keras/model.keras``."""
        if self.journal is not None:
            path = self.journal.files / "keras" / "model.keras"
            path.parent.mkdir(exist_ok=True)
            network.save(path)
            self._record_event("file", path="keras/model.keras", to="keras")

    def model(
        self, folder: Path, *, version: str, tags: Mapping[str, str] | None = None, alias: str | None = None
    ) -> None:
        """Log a model folder as a model of MLflow that can serve, and register it as a version of ``leukolens``.

        Parameters
        ----------
        folder : Path
            Holds the file and its card; lies in the run as ``model/artifacts/model``.
        version : str
            The project's own name of it; MLflow numbers versions itself.
        tags : mapping, optional
            Of the registered version, such as the file's sha256.
        alias : str, optional
            Moves to this version.
        """
        if self.journal is not None:
            model_info = logged_model.save(folder, self.journal.files / logged_model.MODEL)
            self._record_event("file", path=logged_model.MODEL, to="")
            self._record_event("model", path=logged_model.MODEL, **model_info)
            version_tags = {"version": version, **(tags or {})}
            self._record_event("register", name=MODEL_NAME, source=logged_model.MODEL, tags=version_tags, alias=alias)

    def end(self, status: str) -> str | None:
        """Close the run; gives what to tell where the server has not got all of it."""
        if self.journal is None or self._sender is None:
            return None
        self.journal.write("end", status=status)
        return self._sender.finish()

    def _record_event(self, kind: str, **fields: Any) -> None:
        if self.journal is not None and self._sender is not None:
            self.journal.write(kind, **fields)
            self._sender.send()


def _flatten(parameters: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = str(value)
    return flat
