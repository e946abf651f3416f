"""What every language must do, and say, whatever happens meanwhile."""

import dataclasses
import time
from collections.abc import Callable

from world import World, until

FRENCH = (
    "L'écriture n'est pas équilibrée : débit 120,00, crédit 119,00, écart 1,00. "
    "Corrigez un montant, ou ajoutez la ligne manquante."
)


def nothing(world: World) -> None:
    """Let the world be."""


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A command that a program is given, what goes wrong meanwhile, and what the program must say."""

    name: str
    command: list[str]
    says: list[str]
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    faults: list[dict[str, object]] = dataclasses.field(default_factory=list)
    before: Callable[[World], None] = nothing
    # When the program has said a line that begins so (at once, if it is empty), this happens.
    when: str = ""
    meanwhile: Callable[[World], None] = nothing
    seconds: tuple[float, float] = (0, 60)  # that the program may take
    books: str = ""  # reference of what must be in Loop afterwards, once
    certificate: bool = False  # instead of a token
    needs: str = ""  # a world where it can be: tls


def lose_the_answer(world: World) -> None:
    until("the import at Loop", lambda: world.booked("FA-4"))
    world.grpc.cut()
    world.rest.cut()


def cut_once(world: World) -> None:
    for proxy in (world.grpc, world.rest):
        proxy.cut_after(300_000)


def book_later(world: World) -> None:
    world.simulate("imports/mode", {"waiting": "1h", "running": "0s"})


def restart(world: World) -> None:
    world.restart()
    time.sleep(0.3)  # so that most clients have been refused once before they come back
    world.simulate("imports/mode", {"waiting": "300ms", "running": "0s"})
    world.simulate("imports/finish", {})


SCENARIOS = [
    Scenario("pages", ["pages"], ["pages: 56 accounts, 10100000 to 75800000"]),
    Scenario(
        "stream",
        ["stream"],
        ["stream: 10000 accounts"],
        {"LOOP_PRACTICE": "partner", "LOOP_DOSSIER": "BIG00001"},
    ),
    Scenario(
        "import",
        ["import", "FA-1"],
        ["import FA-1: sent", "import FA-1: SUCCEEDED", "import FA-1: replayed"],
        books="FA-1",
    ),
    Scenario(
        "three 503",
        ["import", "FA-2"],
        ["import FA-2: sent", "import FA-2: SUCCEEDED", "import FA-2: replayed"],
        {"LOOP_DOSSIER": "CEGID003"},  # of which nothing was read before
        [{"method": "GET", "route": "/compte", "dossier": "CEGID003", "kind": "status", "status": 503, "times": 3}],
        books="FA-2",
    ),
    Scenario(
        "429 for two seconds",
        ["import", "FA-3"],
        ["import FA-3: sent", "import FA-3: SUCCEEDED", "import FA-3: replayed"],
        # The service tries three times itself.
        faults=[{"method": "POST", "route": "/importJson", "kind": "status", "status": 429, "retryAfter": "2s", "times": 3}],
        seconds=(6, 60),
        books="FA-3",
    ),
    Scenario(
        "lost answer",
        ["import", "FA-4"],
        ["import FA-4: replayed", "import FA-4: SUCCEEDED", "import FA-4: replayed"],
        faults=[{"method": "POST", "route": "/importJson", "kind": "latency", "latency": "1500ms", "after": True, "times": 1}],
        meanwhile=lose_the_answer,
        books="FA-4",
    ),
    Scenario(
        "stream cut",
        ["stream"],
        ["stream: cut, begun anew", "stream: 10000 accounts"],
        {"LOOP_PRACTICE": "partner", "LOOP_DOSSIER": "BIG00001"},
        before=cut_once,
    ),
    Scenario(
        "error",
        ["error"],
        [
            "error: ENTRY_UNBALANCED",
            "error: at entries[0]",
            f"error: {FRENCH}",
            "error: correct it",
        ],
    ),
    Scenario(
        "deadline",
        ["deadline"],
        ["deadline: DEADLINE_EXCEEDED"],
        faults=[{"method": "GET", "route": "/journal", "kind": "hang", "times": 3}],
        seconds=(0.9, 10),
    ),
    Scenario(
        "restart in a watch",
        ["watch", "FA-5"],
        ["watch FA-5: WAITING", "watch FA-5: SUCCEEDED"],
        before=book_later,
        when="watch FA-5: WAITING",
        meanwhile=restart,
        books="FA-5",
        needs="tls",
    ),
    Scenario("certificate", ["pages"], ["pages: 56 accounts, 10100000 to 75800000"], certificate=True, needs="tls"),
]
