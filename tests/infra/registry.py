"""Images in a registry, without a container engine; a program of its own pushes one, too, so it loads little."""

import hashlib
import json
from typing import Any

from infra.image import REPOSITORY, Published

REGION, ACCOUNT = "eu-central-1", "123456789012"


def push(ecr: Any, tag: str) -> Published:
    """Put an image of its own into the registry."""
    digest = f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
    described = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": digest},
        "layers": [
            {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 1, "digest": digest},
        ],
    }
    content = json.dumps(described)
    put = ecr.put_image(
        repositoryName=REPOSITORY,
        imageManifest=content,
        imageDigest=f"sha256:{hashlib.sha256(content.encode()).hexdigest()}",  # moto makes up another
        imageManifestMediaType=described["mediaType"],
        imageTag=tag,
    )
    return Published(ACCOUNT, REGION, REPOSITORY, put["image"]["imageId"]["imageDigest"])
