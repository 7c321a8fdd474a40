"""Where docs/runbook.md says what to do about an alarm."""


def what_to_do(section: str) -> str:
    """Give the end of an alarm's description; the section's heading is the alarm's name.

    Parameters
    ----------
    section
        ``BatchFailures``, ``ReleaseSlow``, ...
    """
    return f"What to do: docs/runbook.md#{section.lower()}"
