"""What each client is told, and what it says."""

import os

REST, TOMORROW, ID = os.environ["LOOP_REST"], os.environ["LOOP_TOMORROW"], os.environ["LOOP_ID"]
TOKEN, PRACTICE, DOSSIER = "clients", "demo", "CEGID001"


def expect(step: str, got: object, want: object) -> None:
    if got != want:
        raise SystemExit(f"{step}: {got!r} instead of {want!r}")
    print("ok", step)
