"""The parts of ``make bench``, in the order in which they are measured and reported.

Each has a module here with ``measure(console, budget)``, which gives what is written to results/<name>.json (None:
not to be measured here), with ``section(results)``, which gives its text on the page, and with ``figures(results)``
where it has any.
"""

from dataclasses import dataclass

WHOLE_S = 18 * 60.0
"""All parts together are ended by then; with the set-up before them, a fresh clone takes less than 20 minutes."""


@dataclass(frozen=True)
class Part:
    """One part of ``make bench``.

    Attributes
    ----------
    name
        Of its result file.
    module
        That measures it and tells it.
    budget_s
        Seconds that it may take, with what a first run installs: on two idle cores of 2026 all its turns take about
        three quarters of this, so that a slower machine makes them all as well.
    what
        In a few words.
    takes_models
        Whether it measures further model files.
    """

    name: str
    module: str
    budget_s: float
    what: str
    takes_models: bool = False


PARTS = (
    Part("serving", "serving", 145, "one request and one cold start"),
    Part("peers", "peers_serving", 325, "other servers of the same model"),
    Part("limit", "limit", 60, "how close to the limit", takes_models=True),
    Part("scaling", "scaling", 46, "batches on one core and on two"),
    Part("growth", "growth", 140, "how time and memory grow"),
    Part("load", "load", 36, "many clients at once"),
    Part("image", "image_size", 30, "what the Lambda image weighs"),
    Part("page", "page", 88, "from the click to the result"),
    Part("pull", "pull", 62, "fetching the data"),
    Part("training", "training", 92, "a sweep and the input pipeline"),
    Part("adapt", "adapt", 52, "a laboratory's own model"),
)
