"""What the page says of a result: one place for words that a reader relies on."""

from frontend.translation import _, mark
from untrusted import in_markdown

NO_BREAK = "\N{NO-BREAK SPACE}"

TRY_LATER = mark("Try again in a minute. If it fails again, tell whoever runs this service.")
"""What a reader can do about a service that does not answer."""


def percent(probability: float | None) -> str:
    """Write a probability as a percentage that never claims certainty; None where the model gives no probability.

    Examples
    --------
    >>> [percent(value).replace(NO_BREAK, " ") for value in (0.9912, 0.99999, 0.0)]
    ['99.1 %', 'over 99.9 %', 'under 0.1 %']
    """
    if probability is None:
        return _("not told")
    if probability > 0.999:
        return _("over {percent}").format(percent=f"99.9{NO_BREAK}%")
    if probability < 0.001:
        return _("under {percent}").format(percent=f"0.1{NO_BREAK}%")
    return f"{probability:.1%}".replace("%", f"{NO_BREAK}%")


def sure(probability: float | None) -> str:
    """Write how sure the model is, in whole per cent and rounded down: what it was measured on holds no more.

    Examples
    --------
    >>> [sure(value).replace(NO_BREAK, " ") for value in (0.978, 0.99999, 0.004, None)]
    ['97 %', 'over 99 %', 'under 1 %', 'not told']
    """
    if probability is None:
        return _("not told")
    if probability >= 0.99:
        return _("over {percent}").format(percent=f"99{NO_BREAK}%")
    if probability < 0.01:
        return _("under {percent}").format(percent=f"1{NO_BREAK}%")
    return f"{int(probability * 100)}{NO_BREAK}%"


def plain(text: str) -> str:
    """Write a name or a note so that nothing in it is read as Markdown."""
    return in_markdown(text)
