"""A specimen's report as FHIR R4, for a system that imports it: never with a patient, whom this page does not know.

The resources are R4B's, whose DiagnosticReport, Observation, Media and Specimen are those of R4 unchanged.
"""

import uuid
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from frontend import finding
from frontend.documents.specimen import Specimen
from frontend.finding import Finding
from frontend.workspace import SmearField

SYSTEM = "urn:leukolens"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, SYSTEM)


def write(specimen: Specimen) -> bytes:
    """Write a Bundle: the report, an observation a field, and a reference to each image by its SHA-256.

    Parameters
    ----------
    specimen : Specimen
        With answered fields.

    Returns
    -------
    bytes
        JSON, checked against the standard's own definitions.
    """
    made_at = specimen.made_at.isoformat(timespec="seconds")
    blood = _address(specimen, "specimen")
    observations = [(field, reading, _address(specimen, field.key)) for field, reading in specimen.deciding]
    report = {
        "resourceType": "DiagnosticReport",
        # Preliminary until a person has read every field; this page never signs for anybody.
        "status": "preliminary",
        "code": {"text": "Triage of peripheral blood smear fields (research use only)"},
        "effectiveDateTime": made_at,
        "issued": made_at,
        "specimen": [{"reference": blood}],
        "result": [{"reference": address} for _field, _reading, address in observations],
        "media": [
            {"comment": field.name, "link": {"reference": _address(specimen, f"media {field.key}")}}
            for field, _reading, _at in observations
        ],
        "conclusion": " ".join([specimen.headline + ".", specimen.basis, *specimen.warnings, specimen.report.warning]),
    }
    if specimen.reviewer:
        report["resultsInterpreter"] = [{"display": specimen.reviewer}]
    entries = [_entry(_address(specimen, "report"), report), _entry(blood, _specimen(specimen))]
    for field, reading, address in observations:
        media = _address(specimen, f"media {field.key}")
        entries += [
            _entry(address, _observation(specimen, field, reading, blood, media)),
            _entry(media, _media(field, made_at)),
        ]
    bundle = {"resourceType": "Bundle", "type": "collection", "timestamp": made_at, "entry": entries}
    return Bundle.model_validate(bundle).model_dump_json(indent=1).encode()


def _specimen(specimen: Specimen) -> dict[str, Any]:
    resource: dict[str, Any] = {"resourceType": "Specimen", "type": {"text": "Peripheral blood smear"}}
    if specimen.name:
        resource["identifier"] = [{"system": f"{SYSTEM}:specimen", "value": specimen.name}]
    if specimen.stain:
        resource["processing"] = [{"description": f"Stain: {specimen.stain}"}]
    return resource


def _observation(specimen: Specimen, field: SmearField, reading: Finding, blood: str, media: str) -> dict[str, Any]:
    answer = field.answer
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "preliminary",
        "code": {"text": "Finding in one microscope field"},
        "specimen": {"reference": blood},
        "derivedFrom": [{"reference": media}],
        "valueCodeableConcept": {
            "coding": [
                {"system": f"{SYSTEM}:finding", "code": reading.group.replace(":", "-"), "display": reading.title}
            ],
            "text": ", ".join(filter(None, [reading.title, reading.pattern])),
        },
        "method": {"text": f"Leukolens {answer.model.version}, SHA-256 {answer.model.sha256}"},
        "component": [],
    }
    if answer.malignant_probability is not None:
        resource["component"].append(
            {
                "code": {"text": "Malignant probability"},
                "valueQuantity": {"value": round(answer.malignant_probability, 6), "unit": "1"},
            }
        )
    if field.review:
        name = finding.name_of(field.review.label, specimen.classes)
        resource["component"].append({"code": {"text": "Label of the reader"}, "valueString": name})
    if not resource["component"]:
        del resource["component"]
    notes = [text for text in (reading.reason, field.note, field.review.comment if field.review else "") if text]
    if notes:
        resource["note"] = [{"text": text} for text in notes]
    return resource


def _media(field: SmearField, made_at: str) -> dict[str, Any]:
    image = field.answer.image
    return {
        "resourceType": "Media",
        "status": "completed",
        "type": {"text": "Photograph of one microscope field"},
        "identifier": [{"system": f"{SYSTEM}:image-sha256", "value": image.sha256}],
        "createdDateTime": made_at,
        "width": image.width,
        "height": image.height,
        # The image itself stays where it is: it is known by its name and its hash.
        "content": {"title": field.name},
    }


def _entry(address: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": address, "resource": resource}


def _address(specimen: Specimen, name: str) -> str:
    """Name a resource; the same report made again has the same names."""
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{specimen.report.request_id} {name}')}"
