"""The examples of the S3 API reference, "Signature Calculations for the Authorization Header"."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from store.signature_v4 import Credentials, path_of, query_of, signed_headers

EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
BUCKET = "https://examplebucket.s3.amazonaws.com"
FRIDAY = datetime(2013, 5, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "headers", "signature"),
    [
        (
            "GET",
            "/test.txt",
            {},
            b"",
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            path_of("test$file.text"),
            {},
            b"Welcome to Amazon S3.",
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/",
            {"lifecycle": ""},
            b"",
            {},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/",
            {"max-keys": "2", "prefix": "J"},
            b"",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
    ids=["get", "put", "bucket-lifecycle", "list"],
)
def test_the_examples_of_the_reference(
    method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str], signature: str
) -> None:
    sent = signed_headers(method, BUCKET + path, query, body, EXAMPLE, "us-east-1", FRIDAY, headers)
    assert sent["authorization"].endswith(f"Signature={signature}")
    scope = "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    assert scope in sent["authorization"]


def test_credentials_for_a_short_time_bring_their_token_and_it_is_signed() -> None:
    short = Credentials("ASIA", "secret", "the-token")
    sent = signed_headers("GET", BUCKET, {}, b"", short, "us-east-1", FRIDAY)
    assert sent["x-amz-security-token"] == "the-token"
    assert "x-amz-security-token" in sent["authorization"]
    assert "secret" not in repr(short) and "the-token" not in repr(short)


def test_parameters_are_sorted_and_quoted_as_they_are_signed() -> None:
    assert query_of({"prefix": "a b/é", "list-type": "2"}) == "list-type=2&prefix=a%20b%2F%C3%A9"
