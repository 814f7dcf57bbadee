"""An OCI image layout on disk (OCI image spec, image-layout.md), replaced as a whole."""

import hashlib
import json
import os
import time

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


def rfc3339(epoch):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


class Layout:
    """Blobs are added by their content; `publish` makes the images that name them the layout's."""

    def __init__(self, folder):
        self.folder = folder
        self.blobs = os.path.join(folder, "blobs", "sha256")
        self._unsynced = []
        os.makedirs(self.blobs, exist_ok=True)

    def add_file(self, path, digest):
        """Moves the file `path`, whose SHA-256 is `digest`, into the layout; `publish` syncs it."""
        os.chmod(path, 0o644)
        os.replace(path, os.path.join(self.blobs, digest))
        self._unsynced.append(digest)

    def add_json(self, value):
        """(digest, bytes) of the blob that holds `value`."""
        data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(data).hexdigest()
        self._write(os.path.join("blobs", "sha256", digest), data)
        return digest, len(data)

    def add_image(self, name, layers, config, architecture, epoch, annotations):
        """The index entry of an image; `layers` are (digest, bytes, what it is)."""
        config_digest, config_size = self.add_json({
            "architecture": architecture, "os": "linux", "created": rfc3339(epoch),
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one[0]}" for one in layers]},
            "history": [{"created": rfc3339(epoch), "created_by": one[2]} for one in layers]})
        manifest = {
            "schemaVersion": 2, "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "digest": f"sha256:{config_digest}",
                       "size": config_size},
            "layers": [{"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": size}
                       for digest, size, _ in layers],
            "annotations": annotations}
        digest, size = self.add_json(manifest)
        return {"mediaType": _MANIFEST, "digest": f"sha256:{digest}", "size": size,
                "platform": {"architecture": architecture, "os": "linux"},
                "annotations": {"org.opencontainers.image.ref.name": name}}

    def publish(self, images):
        """From here on the layout holds `images` (index entries); other blobs are removed."""
        for digest in self._unsynced:
            with open(os.path.join(self.blobs, digest), "rb") as file:
                os.fsync(file.fileno())
        self._write("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": images}
        self._write("index.json", json.dumps(index, indent=1, sort_keys=True).encode())
        used = set()
        for image in images:
            used.add(image["digest"])
            manifest = self.read_blob(image["digest"])
            used.update(part["digest"] for part in [manifest["config"], *manifest["layers"]])
        for name in os.listdir(self.blobs):
            if f"sha256:{name}" not in used:
                os.unlink(os.path.join(self.blobs, name))

    def read_blob(self, digest):
        path = os.path.join(self.blobs, digest.removeprefix("sha256:"))
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def _write(self, name, data):
        path = os.path.join(self.folder, name)
        temporary = f"{path}.new"
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
