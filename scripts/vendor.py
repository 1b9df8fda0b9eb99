"""Fetches what web/static/vendor/ holds from npm and compares it with the manifest: python3 scripts/vendor.py

Each file belongs to an entry of manifest.json: package, version, path inside the package, licence and SHA-256. To
update one, change its version and hash there and run this again. Nobody needs Node for anything else.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "web" / "static" / "vendor"


def main() -> int:
    """Write every vendored file; nothing is written where a hash differs."""
    for entry in json.loads((FOLDER / "manifest.json").read_text()):
        content = _from_npm(f"{entry['package']}@{entry['version']}", entry["path"])
        found = hashlib.sha256(content).hexdigest()
        if found != entry["sha256"]:
            print(f"{entry['file']}: npm has {found}, the manifest says {entry['sha256']}", file=sys.stderr)
            return 1
        (FOLDER / entry["file"]).write_bytes(content)
        print(f"{entry['file']}: {entry['package']} {entry['version']}")
    return 0


def _from_npm(package: str, path: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", package]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - package and version come from our own manifest
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            member = archive.extractfile(f"package/{path}")
            if member is None:
                raise FileNotFoundError(f"{package} has no file {path}")
            return member.read()


if __name__ == "__main__":
    sys.exit(main())
