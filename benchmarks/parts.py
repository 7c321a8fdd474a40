"""The parts of ``make bench``, in the order in which they are measured and told.

Each has a module here with ``measure(console, budget)``, which writes results/<name>.json, and a module in sections/
with ``section(results)``, which gives its text, and ``figures(results)`` where it has any.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes
    ----------
    name
        Of its result file and of its section's module.
    module
        That measures it.
    budget_s
        Seconds that it may take; all together, with what a first run installs, stay under 20 minutes on two cores.
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
    Part("serving", "serving", 150, "one request and one cold start"),
    Part("peers", "peers_serving", 190, "other servers of the same model"),
    Part("limit", "limit", 45, "how close to the limit", takes_models=True),
    Part("scaling", "scaling", 45, "batches on one core and on two"),
    Part("growth", "growth", 160, "how time and memory grow"),
    Part("improvements", "improvements", 90, "before and after"),
    Part("load", "load", 45, "many clients at once"),
    Part("image", "image_size", 60, "what the Lambda image weighs"),
    Part("page", "page", 75, "from the click to the result"),
    Part("pull", "pull", 90, "fetching the data"),
    Part("training", "training", 150, "a sweep and the input pipeline"),
)
