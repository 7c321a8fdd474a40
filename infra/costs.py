"""What an environment costs in a month in which nobody uses it: ``python -m infra costs``, and docs/costs.md.

Counted from the environment's file; tests/infra/test_costs.py holds the counts against the synthesised stacks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.config import Environment
from infra.environments import NAMES, load_environment
from infra.prices import Price, read_prices

HOURS = 730
_SECONDS = HOURS * 3600
# Of a run of the canary, in its own 256 MB and in the function that it asks.
_CANARY_S, _CANARY_GB, _ANSWER_S = 1.0, 0.25, 0.2
_TOKENS_AN_HOUR = 1.1
_ZONES = 2

_BASE_ALARMS = 11
"""Errors, latency, throttles, three ends of batches, out of distribution, and four of the objectives."""
_RELEASE_ALARMS, _CANARY_ALARMS, _PAGE_ALARMS = 2, 2, {"apprunner": 1, "ecs-express": 0, "none": 0}


@dataclass(frozen=True)
class Line:
    """One kind of cost.

    Attributes
    ----------
    what
        As a reader knows it.
    price
        Its name in the table of prices.
    quantity
        Units a month.
    """

    what: str
    price: str
    quantity: float


def alarms(environment: Environment) -> int:
    """Count the alarms of an environment."""
    return (
        _BASE_ALARMS
        + _PAGE_ALARMS[environment.frontend.host]
        + _RELEASE_ALARMS * (environment.release.strategy != "all-at-once")
        + _CANARY_ALARMS * bool(environment.monitoring.canary_minutes)
    )


def secrets(environment: Environment) -> int:
    """Count the secrets of an environment: the page's two, where people sign in to it."""
    return 2 * bool(environment.page.urls)


def idle(environment: Environment) -> list[Line]:
    """List what an environment costs in a month without a caller, a batch or a training job."""
    inference, page = environment.inference, environment.frontend
    gb, page_gb = inference.memory_mb / 1024, page.memory_mb / 1024
    lines = [
        Line("Key that encrypts the buckets", "kms_key_month", 1),
        Line("Alarms", "alarm_month", alarms(environment)),
        Line("Dashboard", "dashboard_month", 1),
        Line("Machine client", "machine_client_month", 1),
        Line("Secrets of the page", "secret_month", secrets(environment)),
        Line("Functions kept warm", "provisioned_gb_second", inference.provisioned_concurrency * gb * _SECONDS),
    ]
    if page.host == "apprunner":
        lines.append(Line("Page, waiting (App Runner)", "apprunner_gb_hour", page_gb * HOURS))
    elif page.host == "ecs-express":
        lines += [
            Line("Page, processor (ECS Express)", "fargate_vcpu_hour", page.cpu / 1024 * HOURS),
            Line("Page, memory (ECS Express)", "fargate_gb_hour", page_gb * HOURS),
            Line("Page, load balancer", "load_balancer_hour", HOURS),
            Line("Page, public addresses", "public_address_hour", _ZONES * HOURS),
        ]
    if minutes := environment.monitoring.canary_minutes:
        runs = HOURS * 60 / minutes
        lines += [
            Line("Canary, its tokens", "machine_token", min(runs, HOURS * _TOKENS_AN_HOUR)),
            Line("Canary, its own time", "lambda_arm_gb_second", runs * _CANARY_S * _CANARY_GB),
            Line("Canary, the answers", "lambda_gb_second", runs * _ANSWER_S * gb),
            Line("Canary, requests of the API", "api_request", runs),
            Line("Canary, requests of the key", "kms_request", 2 * runs),
        ]
    return [line for line in lines if line.quantity]


def total(lines: Sequence[Line], prices: Mapping[str, Price]) -> float:
    """Add up lines, in US dollars a month."""
    return sum(line.quantity * prices[line.price].usd for line in lines)


def table(environments: Sequence[Environment], prices: Mapping[str, Price]) -> str:
    """Draw the table in Markdown: a row a kind of cost, a column an environment."""
    columns = [{line.what: line for line in idle(environment)} for environment in environments]
    kinds = list(dict.fromkeys(what for column in columns for what in column))

    def cell(column: dict[str, Line], what: str) -> str:
        line = column.get(what)
        return f"{line.quantity * prices[line.price].usd:.2f}" if line else "-"

    rows = [
        f"| US dollars a month | {' | '.join(environment.name for environment in environments)} |",
        f"| --- |{' --: |' * len(environments)}",
        *(f"| {what} | {' | '.join(cell(column, what) for column in columns)} |" for what in kinds),
        f"| **all** | {' | '.join(f'**{total(idle(environment), prices):.2f}**' for environment in environments)} |",
        f"| budget (`monitoring.monthly_budget_usd`) | "
        f"{' | '.join(str(environment.monitoring.monthly_budget_usd) for environment in environments)} |",
    ]
    return "\n".join(rows) + "\n"


_HEAD = """# What an idle month costs

Made by `python -m infra costs` from the environments' files and from `infra/prices.toml`, which says what each price
was compared with. **Check the prices before you rely on a sum**, App Runner's first: AWS's page names none for
Frankfurt. It is what each environment costs while nobody calls, no batch runs and no model is trained; what a million
images add is in [Scale](scale.md), what a training job adds in [Training](training.md).

"""

_TAIL = """
Not in it: what is kept (S3 asks about 0.025 US dollars a GB-month, ECR 0.10: fifty images of 0.3 GB, of which most
layers are shared), logs (almost none without requests), the free tiers, tax. Stacks, roles, budgets, topics, HTTP APIs,
functions, state machines and the SageMaker MLflow App cost nothing while they are not used.

## What makes it less

- `provisioned_concurrency = 0`: nothing is kept warm, and a first answer takes a second or two longer.
- `frontend.host = "none"`: the API alone. On ECS Express a page is billed by the hour whether anybody reads it or not;
  on App Runner only its memory is.
- `monitoring.canary_minutes = 0`: no canary. Most of what it costs are its tokens, one an hour.

## Prices
"""


def page(environments: Sequence[Environment] | None = None) -> str:
    """Write the content of docs/costs.md."""
    chosen = environments or [load_environment(name) for name in NAMES]
    prices = read_prices()
    used = dict.fromkeys(line.price for environment in chosen for line in idle(environment))

    def row(price: Price) -> str:
        return f"| {price.what} | {f'{price.usd:.10f}'.rstrip('0')} | {price.source} | {price.as_of} |"

    listed = [
        "| what | US dollars | source | as of |",
        "| --- | --- | --- | --- |",
        *(row(prices[name]) for name in used),
    ]
    return _HEAD + table(chosen, prices) + _TAIL + "\n" + "\n".join(listed) + "\n"
