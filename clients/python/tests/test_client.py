"""What the client does when the service answers so."""

import io
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from service import Failure, Service, come_back

from loop_gateway import Client, Fault, LoopError, Reason
from loop_gateway import messages as m

IMPORT, WATCH, EVENTS = "ImportService/ImportEntries", "ImportService/WatchImport", "EventService/StreamEvents"
LIST, STREAM = "ReferenceDataService/ListAccounts", "ReferenceDataService/StreamAccounts"
BUSY = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "LOOP_QUOTA", come_back(0.3))
DOWN = Failure(grpc.StatusCode.UNAVAILABLE, "LOOP_UNAVAILABLE", state="NOT_SENT")
STOPPING = Failure(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN", come_back(0.05), resume="true")


def send(client: Any, timeout: float | None = None) -> Any:
    return client.import_entries("demo", "D1", "FA-1", [m.Entry(journal="ACH")], timeout=timeout)


def state(value: m.ImportState) -> m.WatchImportResponse:
    return m.WatchImportResponse(import_record=m.Import(request_id="FA-1", state=value))


def test_an_import_keeps_its_id_and_waits_as_it_is_told(caller: Any, service: Service) -> None:
    service.answers[IMPORT] = [BUSY, DOWN, m.ImportEntriesResponse(replayed=False)]
    began = time.monotonic()
    assert caller.call(send).replayed is False
    assert time.monotonic() - began >= 0.3 + 0.1  # what RetryInfo says, then a pause of the client's own
    assert [call[1].request_id for call in service.calls] == ["FA-1"] * 3
    assert len({call[1].SerializeToString(deterministic=True) for call in service.calls}) == 1


def test_an_import_does_not_wait_for_what_comes_too_late(caller: Any, service: Service) -> None:
    service.answers[IMPORT] = [Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "LOOP_QUOTA", come_back(3600))]
    with pytest.raises(LoopError) as caught:
        caller.call(lambda client: send(client, timeout=30))
    assert caught.value.reason is Reason.LOOP_QUOTA
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 3600
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    "failure",
    [
        Failure(grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN"),
        Failure(grpc.StatusCode.INVALID_ARGUMENT, "ENTRY_UNBALANCED"),
        Failure(grpc.StatusCode.INTERNAL, "INTERNAL"),
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_what_will_not_go_better_is_not_repeated(caller: Any, service: Service, failure: Failure) -> None:
    service.answers[IMPORT] = [failure]
    with pytest.raises(LoopError) as caught:
        caller.call(send)
    assert caught.value.code is failure.code
    assert len(service.calls) == 1


def test_what_is_no_write_of_an_id_is_sent_once(caller: Any, service: Service) -> None:
    service.answers["ChangeFeedService/ReplayChanges"] = [BUSY]
    with pytest.raises(LoopError) as caught:
        caller.call(lambda client: client.replay_changes("demo"))
    assert not caught.value.repeatable
    assert len(service.calls) == 1


def test_a_read_waits_only_where_it_is_told(caller: Any, service: Service) -> None:
    service.answers[LIST] = [BUSY, m.ListAccountsResponse(accounts=[m.Account(number="1")]), DOWN]
    assert len(caller.items(lambda client: client.list_accounts("demo", "D1"))) == 1
    with pytest.raises(LoopError, match="LOOP_UNAVAILABLE"):
        caller.items(lambda client: client.list_accounts("demo", "D1"))
    assert len(service.calls) == 3


def test_pages_follow_one_another(caller: Any, service: Service) -> None:
    service.answers[LIST] = [
        m.ListAccountsResponse(accounts=[m.Account(number="1")], next_page_token="two"),
        m.ListAccountsResponse(next_page_token="three"),  # a page may be empty and not be the last
        m.ListAccountsResponse(accounts=[m.Account(number="2"), m.Account(number="3")]),
    ]
    accounts = caller.items(lambda client: client.list_accounts("demo", "D1", filter='label = "x"', page_size=2))
    assert [account.number for account in accounts] == ["1", "2", "3"]
    assert [call[1].page_token for call in service.calls] == ["", "two", "three"]
    assert all(call[1].filter == 'label = "x"' and call[1].page_size == 2 for call in service.calls)


def test_a_list_that_is_cut_is_no_list_that_ended(caller: Any, service: Service) -> None:
    service.answers[STREAM] = [[STOPPING], [m.StreamAccountsResponse(accounts=[m.Account(number="1")]), STOPPING]]
    seen = []

    def stream(client: Any) -> Any:
        return client.stream_accounts("demo", "D1")

    with pytest.raises(LoopError, match="SHUTTING_DOWN"):
        seen += caller.items(stream)
    assert len(service.calls) == 2  # before anything came it was begun anew; afterwards it was not


def test_a_watch_goes_on_to_the_end(caller: Any, service: Service) -> None:
    waiting, done = m.ImportState.IMPORT_STATE_WAITING, m.ImportState.IMPORT_STATE_SUCCEEDED
    service.answers[WATCH] = [
        [state(waiting), state(waiting), STOPPING],
        [Failure(grpc.StatusCode.UNAVAILABLE)],
        [state(waiting)],  # ten minutes are over
        [state(waiting), state(done)],
    ]
    states = caller.items(lambda client: client.watch_import("demo", "D1", "FA-1"))
    assert [each.state for each in states] == [waiting, done]


def test_a_watch_ends_when_its_time_is_over(caller: Any, service: Service) -> None:
    service.answers[WATCH] = [[state(m.ImportState.IMPORT_STATE_RUNNING), Failure(grpc.StatusCode.UNAVAILABLE)]] * 100
    with pytest.raises(LoopError) as caught:
        caller.items(lambda client: client.watch_import("demo", "D1", "FA-1", timeout=0.5))
    assert caught.value.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_a_watch_of_what_is_not_there_fails(caller: Any, service: Service) -> None:
    service.answers[WATCH] = [[Failure(grpc.StatusCode.NOT_FOUND, "IMPORT_UNKNOWN")]]
    with pytest.raises(LoopError) as caught:
        caller.items(lambda client: client.watch_import("demo", "D1", "FA-1"))
    assert caught.value.reason is Reason.IMPORT_UNKNOWN


def test_events_go_on_behind_the_last_one(caller: Any, service: Service) -> None:
    def told(*ids: str, cursor: str = "") -> m.StreamEventsResponse:
        return m.StreamEventsResponse(events=[m.Event(id=each) for each in ids], cursor=cursor)

    service.answers[EVENTS] = [
        [told(cursor="c0"), told("e1", "e2", cursor="c2"), told(), STOPPING],
        [told("e3", cursor="c3")],
        [told("e4", "e5", cursor="c5")],
    ]
    events, cursor = caller.first(4, lambda client: client.events("now", kinds=["EVENT_KIND_FINAL"]))
    assert [event.id for event in events] == ["e1", "e2", "e3", "e4"]
    assert cursor == "e4"  # e5 was not handled
    assert [call[1].after for call in service.calls] == ["now", "c2", "c3"]


def test_events_end_once_all_is_told(caller: Any, service: Service) -> None:
    service.answers[EVENTS] = [[m.StreamEventsResponse(events=[m.Event(id="e1")], cursor="c1")]]
    assert len(caller.items(lambda client: client.events(catch_up=True))) == 1


def test_a_file_is_told_from_its_start_each_time(caller: Any, service: Service, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096  # four pieces
    file = tmp_path / "123456782FEC20261231.txt"
    file.write_bytes(content)
    open_file = io.BytesIO(b"head" + content)
    open_file.seek(4)
    deposit = m.DepositFileResponse(deposit=m.FileDeposit(deposit_id="d1"))
    service.answers["ImportService/DepositFile"] = [DOWN, deposit, deposit]
    progress: list[tuple[int, int]] = []

    def send_file(source: Any) -> Any:
        kind = m.ImportFormat.IMPORT_FORMAT_FEC
        return lambda client: client.deposit_file(
            "demo", "D1", source, format=kind, progress=lambda sent, total: progress.append((sent, total))
        )

    assert caller.call(send_file(file)).deposit.deposit_id == "d1"
    assert caller.call(send_file(open_file)).deposit.deposit_id == "d1"
    assert len(service.calls) == 3
    for _, pieces, _ in service.calls:
        assert b"".join(piece.data for piece in pieces) == content
        assert pieces[0].metadata.dossier == "D1"
    assert [call[1][0].metadata.file_name for call in service.calls] == [file.name, file.name, ""]
    assert progress[-1] == (len(content), len(content))


def test_a_report_comes_in_parts(caller: Any, service: Service) -> None:
    service.answers["ImportService/StreamFileReport"] = [[m.StreamFileReportResponse(valid=True)] * 2]
    parts = caller.items(lambda client: client.stream_file_report("demo", "D1", io.BytesIO(b"x")))
    assert len(parts) == 2


def test_a_token_is_read_again_when_its_file_changes(service: Service, tmp_path: Path) -> None:
    service.answers[LIST] = [m.ListAccountsResponse()] * 3
    (tmp_path / "one").write_text("one\n")
    (tmp_path / "two").write_text("two\n")
    link = tmp_path / "token"
    link.symlink_to("one")
    with Client(service.address, plaintext=True, token_file=link) as client:
        for name in ("one", "two", "two"):
            (tmp_path / "new").symlink_to(name)
            (tmp_path / "new").rename(link)  # as Kubernetes does
            list(client.list_accounts("demo", "D1"))
    assert [call[2]["authorization"] for call in service.calls] == ["Bearer one", "Bearer two", "Bearer two"]
    assert "loop-gateway-python" in service.calls[0][2]["user-agent"]


def test_an_error_says_all_that_is_known(caller: Any, service: Service) -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(
        field="entries[0].lines[1]",
        description="wrong",
        reason="AMOUNT_INVALID",
        localized_message=error_details_pb2.LocalizedMessage(locale="fr", message="faux"),
    )
    service.answers[IMPORT] = [Failure(grpc.StatusCode.INVALID_ARGUMENT, "AMOUNT_INVALID", bad, requestId="FA-0")]
    with pytest.raises(LoopError) as caught:
        caller.call(send)
    error = caught.value
    assert error.reason is Reason.AMOUNT_INVALID
    assert (error.fault, error.repeatable, error.request_id) == (Fault.CALLER, False, "abc")
    assert error.metadata == {"requestId": "FA-0"}
    violation = error.violations[0]
    assert (violation.field, violation.message, violation.message_fr) == ("entries[0].lines[1]", "wrong", "faux")
    assert error.message_fr == "faux"
    assert str(error) == "AMOUNT_INVALID: AMOUNT_INVALID happened"


def test_an_error_without_a_field_speaks_french_too(caller: Any, service: Service) -> None:
    local = error_details_pb2.LocalizedMessage(locale="fr", message="Ce serveur s'arrête.")
    service.answers[IMPORT] = [Failure(grpc.StatusCode.ALREADY_EXISTS, "DUPLICATE_CONTENT", local)]
    with pytest.raises(LoopError) as caught:
        caller.call(send)
    assert (caught.value.message_fr, caught.value.violations) == ("Ce serveur s'arrête.", ())


@pytest.mark.parametrize(
    ("failure", "reason", "fault", "repeatable"),
    [
        (
            Failure(grpc.StatusCode.FAILED_PRECONDITION, "ADVANCED_KEY_REQUIRED"),
            "ADVANCED_KEY_REQUIRED",
            "practice",
            False,
        ),
        (
            Failure(grpc.StatusCode.FAILED_PRECONDITION, "LOOP_CREDENTIAL_REJECTED"),
            "LOOP_CREDENTIAL_REJECTED",
            "operator",
            False,
        ),
        (Failure(grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN"), "OUTCOME_UNKNOWN", "loop", True),
        (Failure(grpc.StatusCode.ABORTED, "OF_TOMORROW"), "UNKNOWN", "caller", False),
        (Failure(grpc.StatusCode.INTERNAL, "OF_TOMORROW"), "UNKNOWN", "unclear", True),
        (Failure(grpc.StatusCode.UNIMPLEMENTED), "UNKNOWN", "caller", False),
        (Failure(grpc.StatusCode.INTERNAL), "UNKNOWN", "network", True),
    ],
)
def test_an_error_says_whose_fault_it_is(
    service: Service, failure: Failure, reason: str, fault: str, *, repeatable: bool
) -> None:
    service.answers[LIST] = [failure]  # a read, which the client does not repeat by itself
    with Client(service.address, plaintext=True) as client, pytest.raises(LoopError) as caught:
        list(client.list_accounts("demo", "D1"))
    assert (caught.value.reason.value, caught.value.fault.value) == (reason, fault)
    assert caught.value.repeatable is repeatable


def test_a_service_that_is_not_there_is_a_fault_of_the_network() -> None:
    with Client("127.0.0.1:1", plaintext=True) as client, pytest.raises(LoopError) as caught:
        send(client, timeout=0.5)
    assert caught.value.fault in (Fault.NETWORK, Fault.UNCLEAR)
    assert caught.value.repeatable


@pytest.mark.parametrize("settings", [{"token": "a", "token_file": "b"}, {"plaintext": True, "authority": b"x"}])
def test_settings_that_exclude_each_other_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exclude"):
        Client("127.0.0.1:1", **settings)


def test_a_token_is_not_shown() -> None:
    with Client("127.0.0.1:1", plaintext=True, token="secret") as client:
        assert "secret" not in repr(client.settings)
