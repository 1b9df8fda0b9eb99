"""The OpenAPI document: the one that is committed is the one that is served, and it tells the truth about problems."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.web.office import MARA, Office
from web.openapi import as_text

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_committed_document_is_the_one_that_is_served(office: Office) -> None:
    served = as_text(office.app.openapi())
    assert FILE.read_text() == served, "The interface has changed: run `make openapi`, look at the diff, and commit it."


def test_it_is_openapi_3_1_and_names_nothing_of_fastapi() -> None:
    text = FILE.read_text()
    document = json.loads(text)
    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in text
    ids = [entry["operationId"] for methods in document["paths"].values() for entry in methods.values()]
    assert len(ids) == len(set(ids))


def test_every_operation_tells_of_its_problems() -> None:
    for path, methods in json.loads(FILE.read_text())["paths"].items():
        for method, entry in methods.items():
            if path in {"/healthz", "/readyz"}:
                continue
            answers = entry["responses"]
            assert "503" in answers, f"{method} {path} does not tell that the database may be away"
            if entry.get("security") != []:
                assert "401" in answers, f"{method} {path} does not tell that one has to sign in"
            for status, answer in answers.items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], f"{method} {path} {status}"
            if any(parameter["name"] == "Idempotency-Key" for parameter in entry.get("parameters", ())):
                assert {"400", "404", "409", "412", "415", "422", "429"} <= set(answers), f"{method} {path}"


async def test_the_interface_is_shown_from_files_of_our_own(office: Office) -> None:
    async with office.browser(MARA) as mara, office.anybody() as stranger:
        page = await mara.get("/api")
        assert page.status_code == 200
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
        assert len(files) == 5
        for file in files:
            assert (await mara.get(file)).status_code == 200
        assert "http" not in page.text.replace("http-equiv", "")
        assert (await stranger.get("/api")).status_code == 401
