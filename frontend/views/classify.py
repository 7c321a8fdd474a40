"""Classify: the workplace, which draws itself in the browser."""


def render() -> None:
    """Show nothing more: ``frontend.workplace`` is in every view, and this one has nothing else."""
