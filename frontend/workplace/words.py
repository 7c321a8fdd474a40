"""What the workplace in the browser says, in the reader's language."""

from frontend import samples
from frontend.translation import _
from frontend.workspace import MAX_FILE_BYTES
from intake import ACCEPTED


def words() -> dict[str, str]:
    """Give every text of the workplace by its name there; what stands in braces is filled in by the browser."""
    return {
        # Files in
        "drop": _("Drop images, folders or a ZIP archive anywhere on this page"),
        "kinds": _("{types}, each a single microscope field, up to {size}").format(
            types=ACCEPTED, size=f"{MAX_FILE_BYTES // 2**20} MiB"
        ),
        "choose": _("Choose images"),
        "folder": _("Choose a folder"),
        "try": _("Try it with drawn samples"),
        "try_means": _(
            "{count} drawings, no real smears: the shipped model says of each that it does not know it."
        ).format(count=len(samples.synthetic())),
        "first": _("What the findings mean"),
        "malignant": _("Malignant"),
        "malignant_means": _("Leukaemic blasts are seen. The field goes to a haematologist."),
        "benign": _("Benign"),
        "benign_means": _("No leukaemic blasts are seen in this field. Others of the smear may hold some."),
        "undecided": _("Not decided"),
        "undecided_means": _("The model is not certain enough. Read the field under the microscope."),
        "unknown": _("Not known to the model"),
        "unknown_means": _("Another stain, magnification or kind of image. The model says nothing about it."),
        # Ledger
        "ledger": _("What came of the files"),
        "dropped": _("{count} dropped:"),
        "n_read": _("{count} read"),
        "n_waiting": _("{count} waiting"),
        "n_coming": _("{count} on the way"),
        "n_unanswered": _("{count} without an answer"),
        "n_refused": _("{count} refused"),
        "n_too_large": _("{count} too large"),
        "n_not_sent": _("{count} not sent"),
        "n_same": _("{count} the same image again"),
        "n_removed": _("{count} removed by you"),
        "unread": _("{count} not read, because:"),
        "stop": _("Stop"),
        "go_on": _("Go on"),
        "again": _("Try again"),
        "offline": _("No connection. What you dropped is kept in this tab, and goes on by itself."),
        "trouble": _("The classification service does not answer. It is asked again by itself."),
        "restarted": _(
            "This is a new session: the {had} files that were here are gone. Add them again; your labels, notes and "
            "the specimen's name come back with them."
        ),
        "restarted_again": _(
            "This is a new session: the page's server was started again. {again} of the {had} files that were here are "
            "sent again by themselves, with your labels and notes. Add any others again."
        ),
        "understood": _("Understood"),
        "expired": _(
            "Your sign-in has expired. Sign in again: your fields, labels and notes stay here, and what waits goes on "
            "by itself."
        ),
        "expired_coming": _("Of what is still on its way, add again what the ledger then calls not sent: {count}."),
        "sign_in_again": _("Sign in again"),
        "unreadable": _("It cannot be read: {why}"),
        "over_limit": _("It has {size} MiB, more than the way to this page lets through."),
        "cut_off": _(
            "The connection was cut each time it was sent ({size} MiB). Something on the way may not let it through."
        ),
        "not_taken": _("The page's server did not take it ({status}). Add it again later."),
        "zip_large": _("An archive may have 1 GiB at most. Drop the folder itself."),
        "zip_many": _("more than {files} files or 2 GiB unpacked"),
        "zip_broken": _("The archive cannot be unpacked: {why}"),
        "zip_ratio": _("It unpacks to more than a hundred times its size, as no photograph does."),
        "zip_empty": _("The archive holds no file."),
        # Grid
        "specimen": _("Specimen"),
        "model": _("Model: {model}"),
        "models": _("Model"),
        "pixel": _("Pixel size (micrometres, if known)"),
        "pixel_means": _(
            "Side of one pixel at the specimen, as the microscope's software tells it. It goes along with each field, "
            "so that the magnification need not be estimated."
        ),
        "pixel_wrong": _("Give a number from {least} to {most}, or leave it empty."),
        "outdated": _("Answered by another model, or without this pixel size: {count}"),
        "anew": _("Classify them again"),
        "strip": _("Fields by finding"),
        "all": _("All"),
        "looked": _("{read} of {all} read by you"),
        "clear": _("Clear all"),
        "clear_ask": _("Clear all {count} files with their labels and notes? This cannot be undone."),
        "cancel": _("Cancel"),
        "grid": _("Fields, what needs eyes first on top"),
        "tile": _("Field {number},"),
        "synthetic": _("synthetic"),
        "left_out": _("left out"),
        "you_said": _("You: {label}"),
        # One field
        "previous": _("Previous field (left arrow)"),
        "next": _("Next field (right arrow)"),
        "place": _("{place} of {all}"),
        "field": _("field {number}"),
        "picture": _("Smear field {name}"),
        "help": _("Keys"),
        "close": _("Close (Escape)"),
        "closer": _("Closer (+)"),
        "farther": _("Farther away (-)"),
        "whole": _("Whole field"),
        "heat": _("Where the model looked"),
        "little": _("little"),
        "much": _("much"),
        "compare": _("Side by side"),
        "pattern": _("Pattern: {pattern}"),
        "next_step": _("Next:"),
        "details": _("Details"),
        "what_do_you_see": _("What do you see?"),
        "undo": _("Undo"),
        "own_class": _("A class of your own"),
        "add_class": _("Add"),
        "by_doubt": _("Least certain first"),
        "labelled": _("Download labelled fields ({count})"),
        "labelled_means": _(
            "A ZIP archive of the images in a folder a class, with classes.toml and groups.csv: a data set of which "
            "python -m training adapt makes a model."
        ),
        "note": _("Note (nothing about the patient)"),
        "leave_out": _("Leave out of the report"),
        "remove": _("Remove field"),
        "remove_ask": _("Remove {name} with its label and note?"),
        "keys_move": _("Left and right arrow: previous and next field"),
        "keys_zoom": _("+ and -: closer and farther away; drag to move"),
        "keys_heat": _("H: heat map on and off"),
        "keys_label": _("1 to 9: your label, then the next field without one; 0: none of these"),
        "keys_undo": _("U: take the last label back"),
        "keys_compare": _("C: keep this field beside the next ones"),
        "keys_note": _("N: write a note"),
        "keys_close": _("Escape: back to the grid"),
    }
