"""A monthly budget that tells somebody before the money is spent."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from infra.constructs.permissions import account_wide


def monthly_budget(
    scope: Construct, name: str, dollars: int, spent_on: dict[str, list[str]], email: str
) -> budgets.CfnBudget:
    """Make a stack's budget, which tells at 80 % of it, and when the month's forecast is over it.

    Parameters
    ----------
    name
        Of the budget, without the region.
    dollars
        US dollars a month.
    spent_on
        What counts: AWS Budgets' cost filters.
    email
        Who is told.
    """
    return budgets.CfnBudget(
        scope,
        "Budget",
        budget=budgets.CfnBudget.BudgetDataProperty(
            budget_name=account_wide(name, scope),
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            cost_filters=spent_on,
        ),
        notifications_with_subscribers=[
            budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[budgets.CfnBudget.SubscriberProperty(address=email, subscription_type="EMAIL")],
            )
            for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
        ],
    )
