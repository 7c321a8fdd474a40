"""What the workplace in the browser is told: JSON of a workspace, or of what has changed in it."""

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
    """Describe a workspace.

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
        asked = workspace.model or next((one.name for one in workspace.models if one.default), "")
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
            "asked": asked,
            "models": [
                {"name": one.name, "title": f"{one.name} {one.version}"}
                for one in workspace.models
                if one.problem is None
            ],
            "triage": next((one.triage for one in workspace.models if one.name == asked), True),
            "pixelUm": workspace.pixel_um,
            "outdated": len(workspace.outdated()),
            "classes": _classes(workspace, card),
            "labelled": len(labelled.fields_of(workspace)),
            "keys": list(workspace.fields),
            "fields": [_field(one, workspace) for one in workspace.fields.values() if one.changed > since],
        }


def _classes(workspace: Workspace, card: ModelSummary | None) -> list[dict[str, Any]]:
    answered = workspace.of("answered")
    known = finding.with_own(finding.classes(card, answered[0].answer if answered else None), workspace.own_classes)
    return [
        *(
            {"label": one.label, "name": one.name, "colour": one.colour, "own": one.label in workspace.own_classes}
            for one in known
        ),
        {"label": OTHER, "name": _("none of these"), "colour": "", "own": False},
    ]


def _field(one: SmearField, workspace: Workspace) -> dict[str, Any]:
    told: dict[str, Any] = {
        "key": one.key,
        "name": one.name,
        "number": one.number,
        "state": one.state,
        "synthetic": one.synthetic,
        "note": one.note,
        "leftOut": one.left_out,
        "label": one.review.label if one.review else None,
        "sent": one.review.sent if one.review else False,
    }
    if one.state == "answered":
        card = workspace.card_of(one.answer)
        said = finding.read(one.answer, card)
        told["finding"] = {
            **{name: value for name, value in asdict(said).items() if name != "next_step"},
            "nextStep": said.next_step,
        }
        told["heat"] = one.heat is not None
        told["whole"] = one.data is not None
        told["details"] = _details(one, card)
    return told


def _details(one: SmearField, card: ModelSummary | None) -> list[list[str]]:
    """List what stands behind an answer; no probability where the model does not know the field."""
    answer, known = one.answer, finding.classes(card, one.answer)
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
