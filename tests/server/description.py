"""What `openapi.json` says of an answer, to hold answers against."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from tests.support.jupyter_server import ROOT

DESCRIPTION = json.loads((ROOT / "jupyter_green" / "server" / "openapi.json").read_text(encoding="utf-8"))


def described(path: str, method: str = "get", status: int = 200) -> Draft202012Validator:
    """What the description says that an answer looks like."""
    answer = DESCRIPTION["paths"][path][method]["responses"][str(status)]
    if "$ref" in answer:
        answer = DESCRIPTION["components"]["responses"][answer["$ref"].rsplit("/", 1)[-1]]
    schema = answer["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": DESCRIPTION["components"]})
