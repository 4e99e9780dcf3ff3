"""The files behind /docs are those of swagger-ui-dist 5.35.0; the page loads no others."""

import gzip
import hashlib
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import models.service

VENDOR = Path(models.service.__file__).parent / "static" / "vendor"


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        (
            "swagger-ui-bundle-5.35.0.js.gz",
            "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
        ),
        (
            "swagger-ui-5.35.0.css.gz",
            "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
        ),
    ],
)
def test_the_files_are_the_published_ones(name: str, sha256: str) -> None:
    content = gzip.decompress((VENDOR / name).read_bytes())

    assert hashlib.sha256(content).hexdigest() == sha256


def test_licence_and_notice_are_beside_them() -> None:
    assert "Apache License" in (VENDOR / "swagger-ui-LICENSE.txt").read_text()
    assert "SmartBear" in (VENDOR / "swagger-ui-NOTICE.txt").read_text()


def test_the_page_allows_no_script_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/docs")

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "//" not in answer.text.replace("<!doctype html>", "")


@pytest.mark.parametrize("name", ["app.py", "../api.py", "vendor/swagger-ui-LICENSE.txt"])
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404
