"""What comes from elsewhere is exactly what the manifest says, and nothing is loaded from another host."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
VENDOR = WEB / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["file"])
def test_a_vendored_file_is_the_one_that_was_published(entry: dict[str, str]) -> None:
    assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert (VENDOR / entry["licence"]).read_text().strip()


def test_every_vendored_file_is_in_the_manifest() -> None:
    known = {entry["file"] for entry in MANIFEST} | {entry["licence"] for entry in MANIFEST} | {"manifest.json"}
    assert {path.name for path in VENDOR.iterdir()} == known


@pytest.mark.parametrize("template", sorted((WEB / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_no_page_loads_from_elsewhere_or_runs_inline_code(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"""(src|href|action)\s*=\s*["']?(https?:)?//""", text)
    assert not re.search(r"""\son[a-z]+\s*=|\sstyle\s*=|javascript:|hx-on|["']js:""", text)
    assert "| safe" not in text and "|safe" not in text
    for tag in re.findall(r"<script[^>]*>", text):
        assert "src=" in tag
