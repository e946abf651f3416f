// What the client does when the service answers so, over whatever transport.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { anyPack, type Any } from "@bufbuild/protobuf/wkt";
import { Client, Code, type ClientOptions, ImportState, LoopError, type Transport } from "loop-gateway";
import * as m from "loop-gateway/messages";
import { BadRequestSchema, ErrorInfoSchema, LocalizedMessageSchema, RetryInfoSchema } from "../dist/gen/google/rpc/error_details_pb.js";

function failure(code: Code, reason = "", ...details: Any[]): LoopError {
  const info = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: "loop.cegid.internal" }));
  return new LoopError({ $typeName: "google.rpc.Status", code, message: "happened", details: reason ? [info, ...details] : details });
}

function comeBack(ms: number): Any {
  const retryDelay = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
  return anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay }));
}

const busy = failure(Code.RESOURCE_EXHAUSTED, "LOOP_QUOTA", comeBack(200));
const down = failure(Code.UNAVAILABLE, "LOOP_UNAVAILABLE");
const stopping = failure(Code.UNAVAILABLE, "SHUTTING_DOWN", comeBack(20));

/** Answers each call with the next of the list: a message or a failure each, for a stream a list of them. */
class Scripted implements Transport {
  readonly calls: [string, Message][] = [];
  readonly sent: string[] = [];
  constructor(readonly answers: (object | object[])[]) {}

  #next(method: DescMethod, request: Message): object {
    this.calls.push([method.name, structuredClone(request)]);
    return this.answers.shift() ?? failure(Code.INTERNAL, "INTERNAL");
  }

  #take(method: DescMethod, answer: object): Message {
    if (answer instanceof LoopError) throw answer;
    return create(method.output, answer as never);
  }

  async unary(method: DescMethod, request: Message): Promise<Message> {
    return Promise.resolve(this.#take(method, this.#next(method, request)));
  }

  async *stream(method: DescMethod, request: Message): AsyncGenerator<Message> {
    for (const answer of this.#next(method, request) as object[]) yield await Promise.resolve(this.#take(method, answer));
  }

  async *upload(method: DescMethod, metadata: Message, file: Blob): AsyncGenerator<Message> {
    this.sent.push(await file.text());
    yield this.#take(method, this.#next(method, metadata));
  }

  close(): void {
    this.answers.length = 0;
  }
}

function scripted(answers: (object | object[])[], options?: ClientOptions): [Client, Scripted] {
  const transport = new Scripted(answers);
  return [new Client(transport, options), transport];
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const at = { practice: "demo", dossier: "D1" };
const send = (loop: Client, timeoutMs?: number) =>
  loop.imports.importEntries({ ...at, requestId: "FA-1", entries: [{ journal: "ACH" }] }, { timeoutMs });
const fails = async (doing: Promise<unknown>): Promise<LoopError> => {
  const error: unknown = await doing.then(() => undefined).catch((it: unknown) => it);
  assert.ok(error instanceof LoopError);
  return error;
};

void test("an import keeps its id and waits as it is told", async () => {
  const [loop, { calls }] = scripted([busy, down, { replayed: false }]);
  const began = performance.now();
  assert.equal((await send(loop)).replayed, false);
  assert.ok(performance.now() - began >= 200 + 99); // what RetryInfo says, then a pause of the client's own
  assert.deepEqual(
    calls.map(([, request]) => (request as m.ImportEntriesRequest).requestId),
    ["FA-1", "FA-1", "FA-1"],
  );
});

void test("an import does not wait for what comes too late", async () => {
  const [loop, { calls }] = scripted([failure(Code.RESOURCE_EXHAUSTED, "LOOP_QUOTA", comeBack(3_600_000))]);
  const error = await fails(send(loop, 30_000));
  assert.deepEqual([error.reason, error.retryAfterMs, calls.length], ["LOOP_QUOTA", 3_600_000, 1]);
});

void test("what will not go better is not repeated", async () => {
  for (const hopeless of [
    failure(Code.UNKNOWN, "OUTCOME_UNKNOWN"),
    failure(Code.INVALID_ARGUMENT, "ENTRY_UNBALANCED"),
    failure(Code.INTERNAL, "INTERNAL"),
    failure(Code.RESOURCE_EXHAUSTED),
  ]) {
    const [loop, { calls }] = scripted([hopeless]);
    assert.equal(await fails(send(loop)), hopeless);
    assert.equal(calls.length, 1);
  }
});

void test("what is no write of an id is sent once", async () => {
  const [loop, { calls }] = scripted([busy]);
  await fails(loop.changeFeed.replayChanges({ practice: "demo" }));
  assert.equal(calls.length, 1);
});

void test("who gives up waits no longer", async () => {
  const [loop] = scripted([failure(Code.UNAVAILABLE, "LOOP_UNAVAILABLE", comeBack(60_000))]);
  const given = new AbortController();
  setTimeout(() => {
    given.abort();
  }, 20);
  const error = await fails(loop.imports.importEntries({ ...at, requestId: "FA-1" }, { signal: given.signal }));
  assert.equal(error.code, Code.CANCELLED);
});

void test("pages follow one another, and a page may be empty", async () => {
  const pages = [{ accounts: [{ number: "1" }], nextPageToken: "two" }, { nextPageToken: "three" }, busy, { accounts: [{ number: "2" }] }];
  const [loop, { calls }] = scripted(pages);
  const accounts = await all(loop.referenceData.listAccounts({ ...at, filter: "x" }));
  assert.deepEqual(
    accounts.map((account: m.Account) => account.number),
    ["1", "2"],
  );
  assert.deepEqual(
    calls.map(([, it]) => (it as m.ListAccountsRequest).pageToken),
    ["", "two", "three", "three"],
  );
});

void test("a read waits only where it is told", async () => {
  const [loop, { calls }] = scripted([down]);
  assert.equal(await fails(all(loop.referenceData.listAccounts(at))), down);
  assert.equal(calls.length, 1);
});

void test("a list that is cut is no list that ended", async () => {
  const [loop, { calls }] = scripted([[stopping], [{ accounts: [{ number: "1" }] }, stopping]]);
  assert.equal(await fails(all(loop.referenceData.streamAccounts(at))), stopping);
  assert.equal(calls.length, 2); // before anything came it was begun anew; afterwards it was not
});

void test("a watch goes on to the end", async () => {
  const is = (state: ImportState) => ({ importRecord: { state } });
  const { WAITING, SUCCEEDED } = ImportState;
  const [loop] = scripted([[is(WAITING), is(WAITING), stopping], [failure(Code.UNAVAILABLE)], [is(WAITING)], [is(WAITING), is(SUCCEEDED)]]);
  const states = await all(loop.imports.watchImport({ ...at, requestId: "FA-1" }));
  assert.deepEqual(
    states.map(({ state }) => state),
    [WAITING, SUCCEEDED],
  );
});

void test("events go on behind the last one, and end once all is told", async () => {
  const told = (cursor: string, ...ids: string[]) => ({ events: ids.map((id) => ({ id })), cursor });
  const [loop, { calls }] = scripted([
    [told("c0"), told("c2", "e1", "e2"), told(""), stopping],
    [told("c3", "e3")],
    [told("c5", "e4", "e5")],
  ]);
  const events = loop.events.streamEvents({ practice: "-", after: "now" });
  const seen: string[] = [];
  for await (const event of events) {
    seen.push(event.id);
    if (event.id === "e4") break;
  }
  assert.deepEqual([seen, events.cursor], [["e1", "e2", "e3", "e4"], "e4"]); // e5 was not handled
  assert.deepEqual(
    calls.map(([, it]) => (it as m.StreamEventsRequest).after),
    ["now", "c2", "c3"],
  );
  const [other] = scripted([[told("c1", "e1")]]);
  assert.equal((await all(other.events.streamEvents({ practice: "-", catchUp: true }))).length, 1);
});

void test("a file is told from its start each time, with its name", async () => {
  const [loop, transport] = scripted([down, { deposit: { depositId: "d1" } }]);
  const file = new File(["12;34"], "123456782FEC20261231.txt");
  const { deposit } = await loop.imports.depositFile({ ...at, format: m.ImportFormat.FEC }, file);
  assert.equal(deposit?.depositId, "d1");
  assert.deepEqual(transport.sent, ["12;34", "12;34"]);
  assert.equal((transport.calls[1]?.[1] as m.FileMetadata).fileName, file.name);
});

void test("an error says all that is known", () => {
  const violation = {
    field: "entries[0]",
    description: "wrong",
    reason: "AMOUNT_INVALID",
    localizedMessage: { locale: "fr", message: "faux" },
  };
  const error = failure(
    Code.INVALID_ARGUMENT,
    "AMOUNT_INVALID",
    anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [violation] })),
  );
  assert.deepEqual(error.violations, [{ field: "entries[0]", message: "wrong", messageFr: "faux", reason: "AMOUNT_INVALID" }]);
  assert.deepEqual([error.reason, error.messageFr, error.fault, error.repeatable], ["AMOUNT_INVALID", "faux", "caller", false]);
  assert.equal(String(error), "AMOUNT_INVALID: happened");
});

void test("an error without a field speaks French too", () => {
  const local = create(LocalizedMessageSchema, { locale: "fr", message: "Ce serveur s'arrête." });
  const error = failure(Code.UNAVAILABLE, "SHUTTING_DOWN", anyPack(LocalizedMessageSchema, local));
  assert.deepEqual([error.messageFr, error.violations], ["Ce serveur s'arrête.", []]);
});

void test("an error says whose fault it is", () => {
  const faults: [LoopError, string, string, boolean][] = [
    [failure(Code.FAILED_PRECONDITION, "ADVANCED_KEY_REQUIRED"), "ADVANCED_KEY_REQUIRED", "practice", false],
    [failure(Code.FAILED_PRECONDITION, "LOOP_CREDENTIAL_REJECTED"), "LOOP_CREDENTIAL_REJECTED", "operator", false],
    [failure(Code.UNKNOWN, "OUTCOME_UNKNOWN"), "OUTCOME_UNKNOWN", "loop", true],
    [failure(Code.ABORTED, "OF_TOMORROW"), "UNKNOWN", "caller", false],
    [failure(Code.INTERNAL, "OF_TOMORROW"), "UNKNOWN", "unclear", true],
    [failure(Code.DEADLINE_EXCEEDED), "UNKNOWN", "unclear", true],
    [failure(Code.UNAVAILABLE), "UNKNOWN", "network", true],
  ];
  for (const [error, reason, fault, repeatable] of faults)
    assert.deepEqual([error.reason, error.fault, error.repeatable], [reason, fault, repeatable]);
});
