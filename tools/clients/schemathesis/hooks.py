"""What schemathesis needs to know of this service: checks, and how to send a file."""

import json
import os
import pathlib
import re

import schemathesis
from schemathesis.generation.modes import GenerationMode

HERE = pathlib.Path(__file__).parent
FINDINGS = set(json.loads((HERE / "../../../server/internal/reference/reasons.json").read_text())["findings"])
EXPLAINED = [
    re.compile(line.split(" # ")[0])
    for line in (HERE / "explained.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
assert len(EXPLAINED) <= 15, "the list of explained refusals grows: correct the document instead"
SEEN = pathlib.Path(os.environ["LOOP_SEEN"]).open("a", encoding="utf-8")


def said(response: schemathesis.Response) -> str:
    try:
        error = response.json()
        reason = next(detail["reason"] for detail in error["details"] if "reason" in detail)
    except (ValueError, KeyError, StopIteration, TypeError):
        return f"no error of this service: {response.status_code}"
    return f"{'FINDING' if reason in FINDINGS else reason}: {error['message']}"


@schemathesis.check
def refusals_are_explained(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    positive = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if response.status_code < 400 or not positive and response.status_code < 500:
        return
    text = said(response)
    for number, pattern in enumerate(EXPLAINED):
        if pattern.match(text):
            SEEN.write(f"{number}\n")
            SEEN.flush()
            return
    raise AssertionError(f"refused although the document allows it, or a fault: {text}")


@schemathesis.hook
def before_call(ctx: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict) -> None:
    if case.operation.path.endswith("/events:stream"):  # it goes on until its caller leaves
        case.query = {**(case.query or {}), "catchUp": "true"}


@schemathesis.serializer("text/csv", "application/pdf", "image/jpeg", "image/png")
def file(ctx: schemathesis.SerializationContext, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(getattr(value, "data", value)).encode()
