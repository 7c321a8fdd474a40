"""The bill of materials of each image, as CycloneDX: packages, the model, the vendored script, the base image."""

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from release.graphviz import ROOT
from release.licences import licence
from release.locks import IMAGE, IMAGE_LOCKS, locked, needed
from release.version import released, version

OUTPUT = ROOT / "dist"
_DOCKERFILES: Mapping[str, Path] = {
    "lambda": ROOT / "Dockerfile.lambda",
    "page": ROOT / "frontend" / "Dockerfile",
}
# Beside the SPDX identifiers: a BSD licence whose clauses the metadata does not tell.
_licences = LicenseFactory()


class BillError(Exception):
    """A bill is not as CycloneDX describes it."""


def bill(image: str) -> str:
    """Give the bill of one image (``lambda`` or ``page``) as CycloneDX 1.6 JSON; same inputs, same text.

    Raises
    ------
    BillError
        If the schema refuses it.
    """
    whole = Component(
        name=f"leukolens-{image}",
        version=version(),
        type=ComponentType.CONTAINER,
        bom_ref=f"leukolens-{image}",
        licenses=[_licences.make_with_id("Apache-2.0")],
    )
    packages = {
        package.name: Component(
            name=package.name,
            version=package.version,
            bom_ref=f"pypi:{package.name}",
            purl=PackageURL("pypi", name=package.name, version=package.version),
            licenses=[_licences.make_from_string(licence(package.name))],
            # Hashes of every file that the lock takes: which one an image holds depends on its machine.
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in package.hashes],
        )
        for package in locked(IMAGE_LOCKS[image], IMAGE)
    }
    parts = [_base(image), *([_model()] if image == "lambda" else _scripts())]
    bom = Bom(components=[*packages.values(), *parts])
    bom.metadata.component = whole
    bom.metadata.timestamp = released()
    bom.register_dependency(whole, [*packages.values(), *parts])
    for name, component in packages.items():
        bom.register_dependency(
            component, [packages[other] for other in sorted(needed(name, IMAGE)) if other in packages]
        )
    # Derived from the content, where CycloneDX would draw a random one.
    identity = json.dumps(sorted([component.name, component.version] for component in bom.components))
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"leukolens:{image}:{version()}:{identity}")
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if refusal := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise BillError(f"the bill of {image} is not CycloneDX 1.6: {refusal}")
    return text + "\n"


def _base(image: str) -> Component:
    """Give the base image that the Dockerfile names where nobody overrides it."""
    named = re.search(
        r"^ARG BASE=([^\s:@]+):([^\s@]+)(?:@sha256:([0-9a-f]{64}))?$", _DOCKERFILES[image].read_text(), re.MULTILINE
    )
    if named is None:
        raise BillError(f"{_DOCKERFILES[image].name} names no base image: it should have a line ARG BASE=NAME:TAG")
    digest = [HashType(alg=HashAlgorithm.SHA_256, content=named[3])] if named[3] else []
    return Component(name=named[1], version=named[2], type=ComponentType.CONTAINER, bom_ref="base-image", hashes=digest)


def _model() -> Component:
    """Give the model by its hash."""
    card = json.loads((ROOT / "models" / "default" / "model.json").read_text())
    return Component(
        name=card["name"],
        version=card["version"],
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        description=f"{card['backbone']}, {card['precision']}: {card['intended_use']}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=card["sha256"])],
        licenses=[_licences.make_with_id(card["license"])],
    )


def _scripts() -> list[Component]:
    """Give the scripts of others that lie in the page's folders, at the versions that npm's lock pins."""
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    return [
        Component(
            name=name,
            version=lock[f"node_modules/{name}"]["version"],
            bom_ref=f"npm:{name}",
            purl=PackageURL("npm", name=name, version=lock[f"node_modules/{name}"]["version"]),
            licenses=[_licences.make_with_id(lock[f"node_modules/{name}"]["license"])],
        )
        for name in ("engine.io-client", "fflate", "openseadragon")
    ]


def write() -> list[Path]:
    """Write the bill of each image into ``dist/``."""
    OUTPUT.mkdir(exist_ok=True)
    written = []
    for image in IMAGE_LOCKS:
        path = OUTPUT / f"leukolens-{image}-{version()}.cdx.json"
        path.write_text(bill(image))
        written.append(path)
    return written
