"""The same with asyncio: python sample_aio.py pages|stream|import ID|watch ID|error|deadline."""

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

from loop_gateway import LoopError, Reason
from loop_gateway.aio import AsyncClient
from loop_gateway.messages import Entry, EntryLine, ImportState

PRACTICE = os.environ.get("LOOP_PRACTICE", "demo")
DOSSIER = os.environ.get("LOOP_DOSSIER", "CEGID001")


def connect() -> AsyncClient:
    """Connect as the environment says: without TLS to the sandbox, or with a private authority."""
    address = os.environ.get("LOOP_ADDRESS", "localhost:9090")
    token = os.environ.get("LOOP_TOKEN")  # or token_file=…, where the token is changed meanwhile
    authority = os.environ.get("LOOP_AUTHORITY")
    if authority is None:
        return AsyncClient(address, plaintext=True, token=token)
    if token is None:
        certificate = (os.environ["LOOP_CERTIFICATE"], os.environ["LOOP_KEY"])
        return AsyncClient(address, authority=authority, certificate=certificate)
    return AsyncClient(address, authority=authority, token=token)


def invoice(number: str, total: str = "120.00") -> Entry:
    """Make the entry of a purchase invoice."""
    return Entry(
        journal="ACH",
        date="2026-03-15",
        reference=number,
        document_reference=number,
        lines=[
            EntryLine(account="60700000", label="Achat", debit="100.00"),
            EntryLine(account="44566000", label="TVA 20 %", debit="20.00"),
            EntryLine(account="40100000", third_party="FEXEMPLE", label="Fournisseur", credit=total),
        ],
    )


async def pages(loop: AsyncClient) -> None:
    """List accounts, twenty in a page; the iterator asks for the next page when it needs it."""
    numbers = [account.number async for account in loop.list_accounts(PRACTICE, DOSSIER, page_size=20)]
    print(f"pages: {len(numbers)} accounts, {numbers[0]} to {numbers[-1]}")


async def stream(loop: AsyncClient) -> None:
    """Stream all accounts. A stream that was cut has no place to go on from: begin anew."""
    for _ in range(5):
        try:
            count = len([account async for account in loop.stream_accounts(PRACTICE, DOSSIER)])
        except LoopError as error:
            if not error.repeatable:
                raise
            print("stream: cut, begun anew")
        else:
            print(f"stream: {count} accounts")
            return
    sys.exit("the stream was cut five times")


async def send(loop: AsyncClient, number: str) -> None:
    """Import an invoice; its number is the id, so that it is booked once, however often this runs."""
    entries = [invoice(number)]
    answer = await loop.import_entries(PRACTICE, DOSSIER, number, entries, timeout=60)
    print(f"import {number}: {'replayed' if answer.replayed else 'sent'}")
    async for state in loop.watch_import(PRACTICE, DOSSIER, number):
        last = ImportState.Name(state.state).removeprefix("IMPORT_STATE_")
    print(f"import {number}: {last}")
    if (await loop.import_entries(PRACTICE, DOSSIER, number, entries)).replayed:
        print(f"import {number}: replayed")


async def watch(loop: AsyncClient, number: str) -> None:
    """Import an invoice and follow it, through restarts of the service."""
    await loop.import_entries(PRACTICE, DOSSIER, number, [invoice(number)])
    async for state in loop.watch_import(PRACTICE, DOSSIER, number):
        print(f"watch {number}: {ImportState.Name(state.state).removeprefix('IMPORT_STATE_')}", flush=True)


async def mistake(loop: AsyncClient) -> None:
    """Read an error: a reason for the program, a sentence for the accountant, and what to do."""
    try:
        await loop.import_entries(PRACTICE, DOSSIER, "FA-6", [invoice("FA-6", "119.00")])
    except LoopError as error:
        if error.reason is Reason.ENTRY_UNBALANCED:
            print(f"error: {error.reason.value}")
        for violation in error.violations:
            print(f"error: at {violation.field}")
            print(f"error: {violation.message_fr}")
        print("error: " + ("repeat it" if error.repeatable else "correct it"))


async def deadline(loop: AsyncClient) -> None:
    """Wait one second and no longer."""
    try:
        async for _ in loop.list_journals(PRACTICE, DOSSIER, timeout=1):
            pass
    except LoopError as error:
        print(f"deadline: {error.code.name}")


COMMANDS: dict[str, Callable[..., Any]] = {
    "pages": pages,
    "stream": stream,
    "import": send,
    "watch": watch,
    "error": mistake,
    "deadline": deadline,
}


async def main(command: str, *arguments: str) -> None:
    """Run a command."""
    if command not in COMMANDS:
        sys.exit(f"say one of: {', '.join(COMMANDS)}; import and watch take an id")
    async with connect() as client:
        await COMMANDS[command](client, *arguments)


if __name__ == "__main__":
    asyncio.run(main(*(sys.argv[1:] or [""])))
