"""A service that answers what a test wants, over gRPC on loopback."""

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from loop_gateway import messages as m

# Request and answer of each method that is served, and whether they are streams.
METHODS: dict[str, tuple[Any, Any, bool, bool]] = {
    "ImportService/ImportEntries": (m.ImportEntriesRequest, m.ImportEntriesResponse, False, False),
    "ImportService/WatchImport": (m.WatchImportRequest, m.WatchImportResponse, False, True),
    "ImportService/DepositFile": (m.DepositFileRequest, m.DepositFileResponse, True, False),
    "ImportService/StreamFileReport": (m.StreamFileReportRequest, m.StreamFileReportResponse, True, True),
    "EventService/StreamEvents": (m.StreamEventsRequest, m.StreamEventsResponse, False, True),
    "ReferenceDataService/ListAccounts": (m.ListAccountsRequest, m.ListAccountsResponse, False, False),
    "ReferenceDataService/StreamAccounts": (m.StreamAccountsRequest, m.StreamAccountsResponse, False, True),
    "ChangeFeedService/ReplayChanges": (m.ReplayChangesRequest, m.ReplayChangesResponse, False, False),
}


class Failure(Exception):
    """An answer that is an error, as the service makes them."""

    def __init__(self, code: grpc.StatusCode, reason: str = "", *details: Message, **metadata: str) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status_pb2.Status(code=code.value[0], message=f"{reason or code.name} happened")
        if reason:
            info = error_details_pb2.ErrorInfo(reason=reason, domain="loop.cegid.internal", metadata=metadata)
            details = (info, *details)
        for each in details:
            self.status.details.add().Pack(each)


def come_back(seconds: float) -> error_details_pb2.RetryInfo:
    """Say when to come back."""
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(int(seconds * 1000))
    return retry


class Service:
    """Answers each call of a method with the next of its list: messages, failures, or lists of both for a stream."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.calls: list[tuple[str, Any, dict[str, str]]] = []
        self._lock = threading.Lock()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers([self._handlers()])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        """Stop."""
        self._server.stop(None).wait()

    def _handlers(self) -> grpc.GenericRpcHandler:
        service = self

        class Handlers(grpc.GenericRpcHandler):
            def service(self, details: grpc.HandlerCallDetails) -> Any:
                name = details.method.removeprefix("/cegid.loop.v1.")
                request, answer, streams_in, streams_out = METHODS[name]
                kind = f"{'stream' if streams_in else 'unary'}_{'stream' if streams_out else 'unary'}"
                make: Callable[..., Any] = getattr(grpc, f"{kind}_rpc_method_handler")
                serve = service._serve_stream if streams_out else service._serve
                return make(
                    lambda said, context: serve(name, said, context), request.FromString, answer.SerializeToString
                )

        return Handlers()

    def _next(self, name: str, said: Any, context: grpc.ServicerContext) -> Any:
        said = list(said) if hasattr(said, "__next__") else said
        with self._lock:
            metadata = {key: str(value) for key, value in context.invocation_metadata()}
            self.calls.append((name, said, metadata))
            return self.answers[name].pop(0)

    def _serve(self, name: str, said: Any, context: grpc.ServicerContext) -> Any:
        return self._answer(self._next(name, said, context), context)

    def _serve_stream(self, name: str, said: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        for each in self._next(name, said, context):
            yield self._answer(each, context)

    @staticmethod
    def _answer(what: Any, context: grpc.ServicerContext) -> Any:
        if isinstance(what, Failure):
            details = ("grpc-status-details-bin", what.status.SerializeToString())
            # The service has repeated what may be repeated: the channel is told not to.
            context.set_trailing_metadata((details, ("grpc-retry-pushback-ms", "-1"), ("x-request-id", "abc")))
            context.abort(what.code, what.status.message)
        return what
