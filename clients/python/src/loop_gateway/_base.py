"""What both clients share: how to connect, who calls, how long to go on."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import operator
import os
import random
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import grpc

from loop_gateway import messages as m
from loop_gateway._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from loop_gateway._errors import LoopError

PathLike = str | os.PathLike[str]
Metadata = tuple[tuple[str, str], ...]

MAX_MESSAGE = 64 << 20  # bytes of an answer: a page of a thousand rows with all that Loop says of them
PIECE = 256 << 10  # bytes of a file in one message
ON_THEIR_WAY = {
    m.ImportState.IMPORT_STATE_RECEIVED,
    m.ImportState.IMPORT_STATE_SUBMITTING,
    m.ImportState.IMPORT_STATE_WAITING,
    m.ImportState.IMPORT_STATE_RUNNING,
}


serialized = operator.methodcaller("SerializeToString")


class Kind(enum.Enum):
    """What repeating a call does."""

    READ = enum.auto()
    """Nothing: it is repeated when the service says when to come back."""
    WRITE = enum.auto()
    """Nothing more than the first time: it is repeated until its time is over."""
    ONCE = enum.auto()
    """The same again: it is not repeated."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to reach the service, and who calls.

    Args:
        address: Host and port: `loop.example.com:9090`.
        plaintext: Without TLS; for the sandbox, or a proxy on the same machine that ends TLS.
        authority: PEM, or a file of it, of the authorities to trust instead of the usual ones.
        server_name: Name in the server's certificate, where it is not the host of the address.
        token: Token that says who calls.
        token_file: File with that token, read again whenever it changes.
        certificate: Files of a client certificate and its key in PEM, which say who calls instead of a token.
        timeout: Seconds for a read, repetitions included.
        write_timeout: Seconds for a write, repetitions included.

    """

    address: str
    plaintext: bool = False
    authority: bytes | PathLike | None = None
    server_name: str | None = None
    token: str | None = None
    token_file: PathLike | None = None
    certificate: tuple[PathLike, PathLike] | None = None
    timeout: float = 60
    write_timeout: float = 300
    _read: dict[str, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file exclude each other")
        if self.plaintext and (self.authority or self.certificate or self.server_name):
            raise ValueError("plaintext excludes authority, certificate and server_name")

    def __repr__(self) -> str:  # without the token
        return f"Settings({self.address!r})"

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Credentials of the connection; None for plaintext."""
        if self.plaintext:
            return None
        root = self.authority
        if root is not None and not isinstance(root, bytes):
            root = Path(root).read_bytes()
        chain, key = (Path(file).read_bytes() for file in self.certificate) if self.certificate else (None, None)
        return grpc.ssl_channel_credentials(root, key, chain)

    def options(self) -> list[tuple[str, Any]]:
        """Options of the channel, among them the service config that is published with the contract."""
        config = (resources.files("loop_gateway") / "service_config.json").read_text()
        options = [
            ("grpc.service_config", config),
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.primary_user_agent", f"loop-gateway-python/{__version__}"),
            ("grpc.keepalive_time_ms", 30_000),
        ]
        if self.server_name:
            options.append(("grpc.ssl_target_name_override", self.server_name))
        return options

    def metadata(self) -> Metadata:
        """What says who calls, read anew for each call."""
        token = self.token
        if self.token_file is not None:
            at = Path(self.token_file).stat()  # follows the links by which Kubernetes rotates secrets
            mark = (at.st_mtime_ns, at.st_ino, at.st_size)
            if self._read.get("mark") != mark:
                self._read.update(mark=mark, token=Path(self.token_file).read_text().strip())
            token = self._read["token"]
        return (("authorization", f"Bearer {token}"),) if token else ()


class Patience:
    """How long a call may go on, and when it is tried again."""

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout
        self._pause = 0.2

    def left(self) -> float | None:
        """Seconds that are left; None without end."""
        return None if self._end is None else max(self._end - time.monotonic(), 0.001)

    def progress(self) -> None:
        """Begin again with short pauses: something came."""
        self._pause = 0.2

    def pause(self, error: LoopError, kind: Kind = Kind.WRITE) -> float:
        """Seconds to wait before the next attempt; raises the error where there is none, or no time for it."""
        told = error.retry_after.total_seconds() if error.retry_after else None
        # An unknown outcome answers the same until somebody has looked.
        hopeless = error.code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL) and error.reason_name
        gave_up = error.code is grpc.StatusCode.CANCELLED and not error.reason_name
        if not error.repeatable or hopeless or gave_up or kind is Kind.ONCE or (kind is Kind.READ and told is None):
            raise error
        wait = told if told is not None else random.uniform(self._pause / 2, self._pause)  # noqa: S311
        self._pause = min(self._pause * 2, 5)
        left = self.left()
        if left is not None and wait >= left:
            raise error
        return wait


class Watch:
    """A watch of an import, which goes on wherever it is cut: it yields the import when that is not as it was."""

    path = "/cegid.loop.v1.ImportService/WatchImport"
    response = m.WatchImportResponse

    def __init__(self, request: m.WatchImportRequest) -> None:
        self.request = request
        self._last = m.Import()

    def take(self, answer: m.WatchImportResponse) -> Iterable[m.Import]:
        """Take an answer: one comes every 15 seconds and after each connection, too."""
        last, self._last = self._last, answer.import_record
        if any(getattr(last, name) != getattr(self._last, name) for name in ("state", "update_time", "follow_error")):
            yield self._last

    def ended(self) -> bool:
        """Whether there is nothing more to wait for."""
        return bool(self._last.state) and self._last.state not in ON_THEIR_WAY


@dataclasses.dataclass(frozen=True)
class Upload:
    """A file to send, and what is said of it."""

    path: str
    request: Any
    metadata: Any
    file: PathLike | BinaryIO
    progress: Callable[[int, int], None] | None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Callable[[], Iterator[Any]]]:
        """Open the file; what is yielded tells it from its start, as often as it is called."""
        if isinstance(self.file, str | os.PathLike):
            self.metadata.file_name = self.metadata.file_name or Path(self.file).name
            with Path(self.file).open("rb") as content:
                yield lambda: self._pieces(content, 0)
        else:
            given, start = self.file, self.file.tell()
            yield lambda: self._pieces(given, start)

    def _pieces(self, content: BinaryIO, start: int) -> Iterator[Any]:
        total = content.seek(0, os.SEEK_END) - start
        content.seek(start)
        yield self.request(metadata=self.metadata)
        sent = 0
        while piece := content.read(PIECE):
            yield self.request(data=piece)
            sent += len(piece)
            if self.progress is not None:
                self.progress(sent, total)


class Following:
    """Events behind a cursor, which moves with what was yielded."""

    path = "/cegid.loop.v1.EventService/StreamEvents"
    response = m.StreamEventsResponse

    def __init__(self, request: m.StreamEventsRequest) -> None:
        self.request = request
        self._told = False

    def take(self, answer: m.StreamEventsResponse) -> Iterable[m.Event]:
        """Take an answer."""
        for event in answer.events:
            self.request.after = event.id
            yield event
        self.request.after = answer.cursor or self.request.after

    def ended(self) -> bool:
        """Whether all was told: asked when a stream has ended well, and before the first."""
        told, self._told = self._told, True
        return told and self.request.catch_up
