"""The one error of this package, made of a status of gRPC's and its details."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from loop_gateway._reasons import FAULTS, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

DOMAIN = "loop.cegid.internal"
SAFE_TO_REPEAT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
}


class Fault(str, enum.Enum):
    """Whose fault it is, and so who can do something about it."""

    CALLER = "caller"
    """The request, or what this caller may do."""
    PRACTICE = "practice"
    """The practice: its keys, what it has shared in LoopHub."""
    OPERATOR = "operator"
    """The configuration of the service."""
    SERVICE = "service"
    """The service, for now."""
    LOOP = "loop"
    """Loop, for now."""
    NETWORK = "network"
    """The way to the service."""
    UNCLEAR = "unclear"
    """Time ran out, or somebody gave up."""


@dataclasses.dataclass(frozen=True)
class Violation:
    """A place of the request, and what is wrong there."""

    field: str
    """Path of the field: `entries[0].lines[2].account`; of a file `line 5, column 12`."""
    message: str
    """What is wrong and what to do, in English."""
    message_fr: str
    """The same in French, for the accountant; empty where there is none."""
    reason: str
    """Code of the finding, such as `ENTRY_UNBALANCED`; empty where the shape of the field is wrong."""


class LoopError(Exception):
    """A call that failed.

    Attributes:
        code: Status code of gRPC's.
        reason: Why, for your code; UNKNOWN where the service said nothing, or something newer than this package.
        reason_name: The reason as the service wrote it; empty where it said nothing.
        message: What happened and what to do, in English.
        message_fr: A sentence in French for the accountant: of the first violation, Loop's own, or the service's.
        violations: Places of the request that are wrong, ten at most.
        retry_after: When to come back, where that is known.
        fault: Whose fault it is.
        repeatable: Whether the same call, with the same request_id and nothing changed, is safe and may go better.
        metadata: Further facts, such as the state of an import.
        request_id: The service's id of the call, which its log has.

    """

    def __init__(
        self,
        code: grpc.StatusCode,
        status: status_pb2.Status,
        *,
        idempotent: bool = True,
        request_id: str = "",
    ) -> None:
        super().__init__(status.message)
        info = error_details_pb2.ErrorInfo()
        retry, bad = error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
        localized = error_details_pb2.LocalizedMessage()
        for detail in status.details:
            for known in (info, retry, bad, localized):
                detail.Unpack(known)
        self.code = code
        self.message: str = status.message
        self.reason_name: str = info.reason if info.domain == DOMAIN else ""
        self.reason = Reason.__members__.get(self.reason_name, Reason.UNKNOWN)
        self.metadata: Mapping[str, str] = dict(info.metadata)
        self.request_id = request_id
        self.violations = tuple(
            Violation(
                each.field,
                each.description,
                each.localized_message.message if each.localized_message.locale == "fr" else "",
                each.reason,
            )
            for each in bad.field_violations
        )
        french = [each.message_fr for each in self.violations if each.message_fr]
        self.message_fr: str = (french or [localized.message if localized.locale == "fr" else ""])[0]
        seconds = retry.retry_delay.ToTimedelta()
        self.retry_after: datetime.timedelta | None = seconds if seconds > datetime.timedelta() else None
        self.fault = self._whose()
        # Without a reason it is gRPC's own word: the message is too large, which it will be the next time.
        too_large = code is grpc.StatusCode.RESOURCE_EXHAUSTED and not self.reason_name
        self.repeatable = idempotent and code in SAFE_TO_REPEAT and not too_large

    def _whose(self) -> Fault:
        if self.reason is not Reason.UNKNOWN:
            return Fault(FAULTS[self.reason])
        if self.reason_name:  # newer than this package
            return Fault.UNCLEAR if self.code in SAFE_TO_REPEAT else Fault.CALLER
        if self.code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
            return Fault.UNCLEAR
        return Fault.NETWORK if self.code in SAFE_TO_REPEAT - {grpc.StatusCode.RESOURCE_EXHAUSTED} else Fault.CALLER

    def __str__(self) -> str:
        return f"{self.reason_name or self.code.name}: {self.message}"


def of(error: Any, *, idempotent: bool = True) -> LoopError:
    """Make a LoopError of an RpcError, of either kind of client."""
    trailer = {key: value for key, value in error.trailing_metadata() or () if value}
    status = status_pb2.Status()
    try:
        status.ParseFromString(trailer.get("grpc-status-details-bin", b""))
    except DecodeError:
        status.Clear()
    if not status.message:
        status.message = error.details() or "the connection was lost"
    return LoopError(error.code(), status, idempotent=idempotent, request_id=str(trailer.get("x-request-id", "")))
