"""The documentation says what is there: settings, commands, files and decisions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from changes.permissions import Operation, Scope
from settings import Settings
from web.commanding import ABOUT_A_VERSION

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
PAGES = [CHECKOUT / "README.md", *sorted(DOCS.rglob("*.md"))]


BEFORE_SETTINGS = {"GROUNDSWELL_LOCAL", "GROUNDSWELL_TRACEBACK", "GROUNDSWELL_TOKEN", "GROUNDSWELL_SERVER"}
"""Read straight from the environment, before there are settings."""


def test_every_setting_is_explained() -> None:
    text = (DOCS / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"GROUNDSWELL_{name.upper()}")
        assert f"`{variable}`" in text, f"docs/settings.md does not explain {variable}"


def test_no_setting_is_explained_that_does_not_exist() -> None:
    known = {f"GROUNDSWELL_{name.upper()}" for name in Settings.model_fields} | BEFORE_SETTINGS
    for page in PAGES:
        named = set(re.findall(r"GROUNDSWELL_[A-Z_]*[A-Z]", page.read_text()))
        assert named <= known, f"{page.name} names {named - known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_links_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for path in re.findall(r"`((?:[a-z_]+/)+[a-z_.]*)`", text):
        if not path.startswith("api/"):
            assert (CHECKOUT / path).exists(), f"{page.name} names {path}"


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("*.md")), ids=lambda page: page.name)
def test_a_decision_says_why_and_what_it_costs(page: Path) -> None:
    text = page.read_text()
    for part in ("**Context.**", "**Decision.**", "**What it costs.**"):
        assert part in text
    assert len(text.split()) < 300, "half a page is enough"


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z0-9-]+)`", (CHECKOUT / "README.md").read_text())):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"there is no make {target}"


def test_what_is_read_before_the_settings_is_really_read() -> None:
    code = "".join(path.read_text() for path in [CHECKOUT / "settings.py", *(CHECKOUT / "commandline").glob("*.py")])
    for variable in BEFORE_SETTINGS:
        assert f'"{variable}"' in code
        assert f"`{variable}" in (DOCS / "settings.md").read_text()


def test_every_permission_is_explained() -> None:
    text = (DOCS / "api.md").read_text()
    for operation in Operation:
        assert f"`{operation}`" in text, f"docs/api.md does not say who may {operation}"
    for scope in Scope:
        assert f"| `{scope}` |" in text, f"docs/api.md does not explain the scope {scope}"
    for kind in ABOUT_A_VERSION:
        assert f"`{kind}`" in text, f"docs/api.md does not say that {kind} needs If-Match"
