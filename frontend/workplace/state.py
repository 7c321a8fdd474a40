"""Describes a workspace to the browser: JSON of all of it, or of what has changed."""

from dataclasses import asdict
from typing import Any

from api.schemas import OTHER, ModelSummary
from frontend import finding
from frontend.classification import Batch
from frontend.documents import labelled
from frontend.translation import _
from frontend.wording import sure
from frontend.workspace import SmearField, Workspace


def describe(workspace: Workspace, batch: Batch, since: int) -> dict[str, Any]:
    """Describe a workspace as its browser shows it.

    Parameters
    ----------
    workspace : Workspace
        Whose browser asks.
    batch : Batch
        The work on it.
    since : int
        Revision that the browser knows: only fields that changed later are described. 0 for all.

    Returns
    -------
    dict[str, Any]
        Ready for JSON.
    """
    with workspace.lock:
        card = workspace.card
        ledger = workspace.ledger()
        model_name = workspace.model or next((model.name for model in workspace.models if model.default), "")
        return {
            "born": workspace.born,
            "revision": workspace.revision,
            "specimen": workspace.specimen,
            "ledger": {**asdict(ledger), "unsettled": ledger.unsettled},
            "unread": [{"name": name, "reason": reason} for name, reason in workspace.unread()],
            "busy": batch.busy,
            "stopped": batch.stopped and bool(workspace.of("waiting")),
            "trouble": workspace.trouble,
            "expired": batch.expired,
            "owner": workspace.owner,
            "model": f"{card.name} {card.version}" if card else "",
            "asked": model_name,
            "models": [
                {"name": model.name, "title": f"{model.name} {model.version}"}
                for model in workspace.models
                if model.problem is None
            ],
            "triage": next((model.triage for model in workspace.models if model.name == model_name), True),
            "pixelUm": workspace.pixel_um,
            "outdated": len(workspace.outdated()),
            "classes": _classes(workspace, card),
            "labelled": len(labelled.fields_of(workspace)),
            "keys": list(workspace.fields),
            "fields": [_field(field, workspace) for field in workspace.fields.values() if field.changed > since],
        }


def _classes(workspace: Workspace, card: ModelSummary | None) -> list[dict[str, Any]]:
    answered = workspace.of("answered")
    known = finding.with_own(finding.classes(card, answered[0].answer if answered else None), workspace.own_classes)
    return [
        *(
            {
                "label": class_words.label,
                "name": class_words.name,
                "colour": class_words.colour,
                "own": class_words.label in workspace.own_classes,
            }
            for class_words in known
        ),
        {"label": OTHER, "name": _("none of these"), "colour": "", "own": False},
    ]


def _field(field: SmearField, workspace: Workspace) -> dict[str, Any]:
    description: dict[str, Any] = {
        "key": field.key,
        "name": field.name,
        "number": field.number,
        "state": field.state,
        "synthetic": field.synthetic,
        "note": field.note,
        "leftOut": field.left_out,
        "label": field.review.label if field.review else None,
        "sent": field.review.sent if field.review else False,
    }
    if field.state == "answered":
        card = workspace.card_of(field.answer)
        reading = finding.read(field.answer, card)
        description["finding"] = {
            **{name: value for name, value in asdict(reading).items() if name != "next_step"},
            "nextStep": reading.next_step,
        }
        description["heat"] = field.heat is not None
        description["whole"] = field.data is not None
        description["details"] = _details(field, card)
    return description


def _details(field: SmearField, card: ModelSummary | None) -> list[list[str]]:
    """List what stands behind an answer; no probability where the model does not know the field."""
    answer, known = field.answer, finding.classes(card, field.answer)
    rows = [[finding.name_of(label, known), sure(value)] for label, value in (answer.probabilities or {}).items()]
    threshold = f" ({_('known up to')} {card.out_of_distribution.threshold:.3g})" if card else ""
    rows.append([_("Distance from known fields"), f"{answer.out_of_distribution_score:.3g}{threshold}"])
    if answer.scale is not None:
        rows.append([_("Magnification"), f"{answer.scale.magnification:.2g}x ({answer.scale.source})"])
    rows.append([_("Image"), f"{answer.image.format}, {answer.image.width} x {answer.image.height} px"])
    rows += [[_("Note"), note] for note in answer.notes]
    rows.append([_("Model"), f"{answer.model.version}, {answer.model.sha256[:12]}"])
    rows.append([_("Request"), answer.request_id])
    return rows
