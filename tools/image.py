"""Leaves out of an image what is other each time that it is built: the container that it was made in.

    tools/image.py FROM TO    both as `docker save` writes it; TO has no more than what loading it needs
"""

import hashlib
import io
import json
import sys
import tarfile

source, target = sys.argv[1:]
with tarfile.open(source) as old, tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as new:

    def add(name: str, size: int, content) -> None:
        entry = tarfile.TarInfo(name)  # without time and owner
        entry.size, entry.mode = size, 0o444
        new.addfile(entry, content)

    (image,) = json.load(old.extractfile("manifest.json"))
    config = json.load(old.extractfile(image["Config"]))
    config.pop("container", None)
    for each in ("config", "container_config"):
        config.get(each, {}).pop("Hostname", None)
    text = json.dumps(config, sort_keys=True, separators=(",", ":")).encode()
    image["Config"] = hashlib.sha256(text).hexdigest() + ".json"
    # buildah names it below registries that have no such image.
    image["RepoTags"] = sorted({name.rpartition("/")[2] for name in image["RepoTags"]})
    manifest = json.dumps([image], sort_keys=True, separators=(",", ":")).encode()
    add("manifest.json", len(manifest), io.BytesIO(manifest))
    add(image["Config"], len(text), io.BytesIO(text))
    for layer in image["Layers"]:
        add(layer, old.getmember(layer).size, old.extractfile(layer))
