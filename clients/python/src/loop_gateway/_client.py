"""The client for threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from google.protobuf.message import Message

from loop_gateway import _errors
from loop_gateway import messages as m
from loop_gateway._base import Following, Kind, Patience, Settings, Upload, Watch, serialized
from loop_gateway._calls import Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from types import TracebackType

    from typing_extensions import Self

R = TypeVar("R", bound=Message)
T = TypeVar("T")


class Events:
    """Events as they happen."""

    def __init__(self, following: Following, made: Generator[m.Event]) -> None:
        self._following, self._made = following, made

    @property
    def cursor(self) -> str:
        """Where to go on, once the event that came last is handled: note it with what you did."""
        return str(self._following.request.after)

    def __iter__(self) -> Iterator[m.Event]:
        return self

    def __next__(self) -> m.Event:
        return next(self._made)

    def close(self) -> None:
        """Stop following."""
        self._made.close()


class Client(Calls):
    """A connection to the service, for as many threads as you like. Close it, or use it in a `with`.

    A call that fails raises LoopError, whether the service or the network failed it.
    """

    def __init__(self, address: str, **settings: Any) -> None:
        """Connect when the first call is made; see Settings for what can be said."""
        self.settings = Settings(address, **settings)
        credentials, options = self.settings.credentials(), self.settings.options()
        self.channel = (
            grpc.secure_channel(address, credentials, options)
            if credentials
            else grpc.insecure_channel(address, options)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End what is under way, and the connection."""
        self.channel.close()

    def watch_import(
        self, practice: str, dossier: str, request_id: str, *, timeout: float | None = None
    ) -> Iterator[m.Import]:
        """Follow an import until it is final: its state at once, and whenever it changes.

        Goes on through lost connections and restarts of the service.

        Args:
            practice: Practice, as the service's configuration names it.
            dossier: Dossier code in Loop.
            request_id: Id of the import.
            timeout: Seconds until a LoopError ends it; without one it goes on for as long as Loop takes.

        """
        request = m.WatchImportRequest(practice=practice, dossier=dossier, request_id=request_id)
        return self._follow(Watch(request), timeout)

    def events(
        self,
        cursor: str = "",
        *,
        practice: str = "-",
        kinds: Iterable[m.EventKind | str] = (),
        catch_up: bool = False,
        timeout: float | None = None,
    ) -> Events:
        """Follow what happens to writes and connections, through lost connections and restarts of the service.

        Args:
            cursor: Where to go on: the id of the last event that you handled. Empty begins with the oldest that is
                kept, which is for 30 days; `now` with what happens next.
            practice: Practice, or `-` for all that you may use.
            kinds: Kinds of events; all when empty.
            catch_up: End once all that has happened is told.
            timeout: Seconds until a LoopError ends it.

        """
        request = m.StreamEventsRequest(practice=practice, after=cursor, kinds=kinds, catch_up=catch_up)
        following = Following(request)
        return Events(following, self._follow(following, timeout))

    def _open(self, path: str, said: Any, response: type[R], patience: Patience) -> Iterator[R]:
        kind = self.channel.unary_stream if isinstance(said, Message) else self.channel.stream_stream
        multi = kind(path, serialized, response.FromString)
        call = multi(said, timeout=patience.left(), metadata=self.settings.metadata())
        try:
            yield from call
        except grpc.RpcError as error:
            raise _errors.of(error) from None
        finally:
            call.cancel()

    def _follow(self, what: Any, timeout: float | None) -> Generator[Any]:
        patience = Patience(timeout)
        while not what.ended():
            try:
                for answer in self._open(what.path, what.request, what.response, patience):
                    patience.progress()
                    yield from what.take(answer)
            except _errors.LoopError as error:
                time.sleep(patience.pause(error))

    def _call(self, path: str, request: Any, response: type[R], kind: Kind, timeout: float | None) -> R:
        usual = self.settings.timeout if kind is Kind.READ else self.settings.write_timeout
        patience = Patience(usual if timeout is None else timeout)
        multi = self.channel.unary_unary(path, serialized, response.FromString)
        while True:
            try:
                return multi(request, timeout=patience.left(), metadata=self.settings.metadata())
            except grpc.RpcError as error:
                failed = _errors.of(error, idempotent=kind is not Kind.ONCE)
            time.sleep(patience.pause(failed, kind))

    def _stream(
        self, path: str, request: Any, response: type[R], items: Callable[[R], Iterable[T]], timeout: float | None
    ) -> Iterator[T]:
        patience, began = Patience(timeout), False
        while True:
            try:
                for answer in self._open(path, request, response, patience):
                    began = True
                    yield from items(answer)
            except _errors.LoopError as error:
                if began:  # a list has no place to go on from: its reader begins anew
                    raise
                time.sleep(patience.pause(error, Kind.READ))
            else:
                return

    def _pages(
        self, path: str, request: Any, response: type[R], items: Callable[[R], Iterable[T]], timeout: float | None
    ) -> Iterator[T]:
        while True:
            page: Any = self._call(path, request, response, Kind.READ, timeout)
            yield from items(page)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def _upload(self, upload: Upload, response: type[R], timeout: float | None) -> R:
        patience = Patience(self.settings.write_timeout if timeout is None else timeout)
        multi = self.channel.stream_unary(upload.path, serialized, response.FromString)
        with upload.opened() as pieces:
            while True:
                try:
                    return multi(pieces(), timeout=patience.left(), metadata=self.settings.metadata())
                except grpc.RpcError as error:
                    failed = _errors.of(error)
                time.sleep(patience.pause(failed))

    def _report(self, upload: Upload, response: type[R], timeout: float | None) -> Iterator[R]:
        with upload.opened() as pieces:
            yield from self._open(upload.path, pieces(), response, Patience(timeout))
