// How calls, files and errors travel over REST and gRPC.
import assert from "node:assert/strict";
import { mkdtemp, rename, symlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { type Client, Code, grpcClient, ImportState, LoopError, restClient, tokenFile } from "loop-gateway/node";
import * as m from "loop-gateway/messages";
import { ErrorInfoSchema } from "../dist/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../dist/gen/google/rpc/status_pb.js";

const at = { practice: "demo", dossier: "A/B" };

async function rest(
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void,
  doing: (loop: Client) => Promise<void>,
): Promise<void> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (piece: string) => (body += piece));
    request.on("end", () => {
      answer(request, body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const loop = restClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { token: () => "secret", writeTimeoutMs: 300 });
  try {
    await doing(loop);
  } finally {
    loop.close();
    server.closeAllConnections();
    server.close();
  }
}

async function fails(doing: Promise<unknown>): Promise<LoopError> {
  const error: unknown = await doing.then(() => undefined).catch((it: unknown) => it);
  assert.ok(error instanceof LoopError, String(error));
  return error;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

void test("REST: a read is a path with a query", async () => {
  await rest(
    ({ method, url, headers }, _, response) => {
      assert.equal(method, "GET");
      assert.equal(url, "/v1/practices/demo/dossiers/A%2FB/imports?pageSize=5&states=IMPORT_STATE_FAILED&states=IMPORT_STATE_RUNNING");
      assert.equal(headers.authorization, "Bearer secret");
      assert.match(String(headers["grpc-timeout"]), /^\d+m$/);
      response.end('{"imports":[{"requestId":"1","state":"IMPORT_STATE_OF_TOMORROW","newer":true}]}');
    },
    async (loop) => {
      const states = [ImportState.FAILED, ImportState.RUNNING];
      const imports = await all(loop.imports.listImports({ ...at, pageSize: 5, states }));
      assert.deepEqual(
        imports.map(({ requestId }) => requestId),
        ["1"],
      );
    },
  );
});

void test("REST: a write is a body, without what is in the path", async () => {
  await rest(
    (_, body, response) => {
      assert.deepEqual(JSON.parse(body), { requestId: "FA-1", entries: [{ journal: "ACH" }] });
      response.end('{"replayed":true}');
    },
    async (loop) => {
      assert.equal((await loop.imports.importEntries({ ...at, requestId: "FA-1", entries: [{ journal: "ACH" }] })).replayed, true);
    },
  );
});

void test("REST: an error, a page of something before the service, and no service", async () => {
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "ENTRY_UNBALANCED", domain: "loop.cegid.internal" };
  const told = { code: 3, message: "no", reason: "ENTRY_UNBALANCED", details: [info, { "@type": "type.googleapis.com/of.Tomorrow" }] };
  const bodies = [JSON.stringify({ ...told, details: [info] }), JSON.stringify(told), "<html>"];
  await rest(
    (_, __, response) => {
      response.writeHead(400, { "X-Request-Id": "abc" }).end(bodies.shift());
    },
    async (loop) => {
      const error = await fails(loop.imports.validateEntries(at));
      assert.deepEqual([error.code, error.reason, error.requestId], [Code.INVALID_ARGUMENT, "ENTRY_UNBALANCED", "abc"]);
      assert.equal((await fails(loop.imports.validateEntries(at))).reason, "ENTRY_UNBALANCED");
      assert.equal((await fails(loop.imports.validateEntries(at))).fault, "network");
    },
  );
  const nobody = restClient("http://127.0.0.1:1", { timeoutMs: 100 });
  assert.equal((await fails(nobody.imports.getImport({ ...at, requestId: "1" }))).code, Code.UNAVAILABLE);
});

void test("REST: lines of a stream, however they are cut; an error at its end; a connection that is lost", async () => {
  const [one, two] = ['{"result":{"accounts":[{"number":"1"}]}}\n', '{"result":{"accounts":[{"number":"é"}]}}\n'];
  const bytes = Buffer.from(two);
  const streams: ((response: ServerResponse) => void)[] = [
    (response) => {
      response.write(one + two.slice(0, 5));
      setImmediate(() => {
        response.end(bytes.subarray(5));
      });
    },
    (response) => response.end(`${one}{"error":{"code":14,"message":"gone","details":[]}}\n`),
    (response) => {
      response.write(one);
      setTimeout(() => response.destroy(), 20);
    },
  ];
  await rest(
    (_, __, response) => streams.shift()?.(response),
    async (loop) => {
      const numbers = await all(loop.referenceData.streamAccounts(at));
      assert.deepEqual(
        numbers.map(({ number }) => number),
        ["1", "é"],
      );
      assert.equal((await fails(all(loop.referenceData.streamAccounts(at)))).message, "gone");
      const cut = await fails(all(loop.referenceData.streamAccounts(at)));
      assert.deepEqual([cut.code, cut.fault, cut.repeatable], [Code.UNAVAILABLE, "network", true]);
    },
  );
});

void test("REST: a file is the body, and tells how much of it has gone", async () => {
  const content = "x".repeat(300_000);
  await rest(
    ({ url, headers }, body, response) => {
      assert.equal(
        url,
        "/v1/practices/demo/dossiers/A%2FB/documents?fileName=a.pdf&transaction=DOCUMENT_TRANSACTION_SALE&metadata%5Bsource%5D=crm",
      );
      assert.deepEqual([headers["idempotency-key"], headers["content-type"], body], ["DOC-1", "application/pdf", content]);
      response.end('{"document":{"state":"WRITE_STATE_SUCCEEDED"}}');
    },
    async (loop) => {
      const said = {
        ...at,
        requestId: "DOC-1",
        contentType: "application/pdf",
        transaction: m.DocumentTransaction.SALE,
        metadata: { source: "crm" },
      };
      const file = new File([content], "a.pdf");
      const progress: number[] = [];
      assert.equal((await loop.documents.storeDocument(said, file)).document?.state, m.WriteState.SUCCEEDED);
      await loop.documents.storeDocument(said, file, { progress: (sent, total) => progress.push(sent / total) });
      assert.equal(progress.at(-1), 1);
    },
  );
});

void test("REST: in a browser an XMLHttpRequest tells how much has gone", async () => {
  class Fake extends EventTarget {
    readonly upload = new EventTarget();
    readonly headers: Record<string, string> = {};
    responseType = "";
    status = 200;
    response = new Blob(['{"document":{"state":"WRITE_STATE_SUCCEEDED"}}']);
    open(method: string): void {
      assert.equal(method, "POST");
    }
    setRequestHeader(name: string, value: string): void {
      this.headers[name] = value;
    }
    getAllResponseHeaders(): string {
      return "content-type: application/json\r\nx-request-id: abc\r\n";
    }
    abort(): void {
      this.dispatchEvent(new Event("abort"));
    }
    send(file: Blob): void {
      assert.equal(this.headers.authorization, "Bearer secret");
      this.upload.dispatchEvent(Object.assign(new Event("progress"), { loaded: file.size, total: file.size }));
      this.dispatchEvent(new Event("load"));
    }
  }
  Object.assign(globalThis, { XMLHttpRequest: Fake });
  try {
    const loop = restClient("http://127.0.0.1:1", { token: "secret" });
    const progress: number[] = [];
    const answer = await loop.documents.storeDocument({ ...at, requestId: "1" }, new Blob(["abc"]), {
      progress: (sent) => progress.push(sent),
    });
    assert.deepEqual([answer.document?.state, progress], [m.WriteState.SUCCEEDED, [3]]);
  } finally {
    Reflect.deleteProperty(globalThis, "XMLHttpRequest");
  }
});

void test("gRPC: who calls, what is sent in pieces, and an error in the trailer", async () => {
  const tokens: unknown[] = [];
  const pieces: m.DepositFileRequest[] = [];
  const passes = (value: Uint8Array): Buffer => Buffer.from(value);
  const server = new grpc.Server();
  const codec = { requestSerialize: passes, responseSerialize: passes, requestDeserialize: passes, responseDeserialize: passes };
  const path = (name: string) => `/cegid.loop.v1.ImportService/${name}`;
  server.addService(
    {
      getImport: { path: path("GetImport"), requestStream: false, responseStream: false, ...codec },
      depositFile: { path: path("DepositFile"), requestStream: true, responseStream: false, ...codec },
      report: { path: path("StreamFileReport"), requestStream: true, responseStream: true, ...codec },
    },
    {
      getImport: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
        tokens.push(call.metadata.get("authorization")[0]);
        const info = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "IMPORT_UNKNOWN", domain: "loop.cegid.internal" }));
        const trailer = new grpc.Metadata();
        trailer.set(
          "grpc-status-details-bin",
          Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code: 5, message: "no", details: [info] }))),
        );
        trailer.set("x-request-id", "abc");
        done({ code: grpc.status.NOT_FOUND, details: "no", metadata: trailer });
      },
      depositFile: (call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
        call.on("data", (piece: Buffer) => pieces.push(fromBinary(m.DepositFileRequestSchema, piece)));
        call.on("end", () => {
          done(null, passes(toBinary(m.DepositFileResponseSchema, create(m.DepositFileResponseSchema, { deposit: { depositId: "d1" } }))));
        });
      },
      report: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call
          .on("data", () => undefined)
          .on("end", () => {
            for (let part = 0; part < 2; part++)
              call.write(passes(toBinary(m.StreamFileReportResponseSchema, create(m.StreamFileReportResponseSchema, { valid: true }))));
            call.end();
          });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  const folder = await mkdtemp(join(tmpdir(), "token-"));
  const loop = grpcClient(`127.0.0.1:${port}`, { plaintext: true, token: tokenFile(join(folder, "token")) });
  try {
    for (const name of ["one", "two"]) {
      await writeFile(join(folder, name), `${name}\n`);
      await symlink(name, join(folder, "new"));
      await rename(join(folder, "new"), join(folder, "token")); // as Kubernetes does
      const error = await fails(loop.imports.getImport({ ...at, requestId: "1" }));
      assert.deepEqual([error.reason, error.code, error.requestId], ["IMPORT_UNKNOWN", Code.NOT_FOUND, "abc"]);
    }
    assert.deepEqual(tokens, ["Bearer one", "Bearer two"]);

    const content = new Uint8Array(1_000_000).map((_, i) => i);
    const progress: [number, number][] = [];
    const answer = await loop.imports.depositFile(at, new Blob([content]), { progress: (...told) => progress.push(told) });
    assert.equal(answer.deposit?.depositId, "d1");
    assert.equal(pieces[0]?.piece.case, "metadata");
    const data = pieces.slice(1).map(({ piece }) => (piece.case === "data" ? piece.value : new Uint8Array()));
    assert.ok(Buffer.concat(data).equals(content));
    assert.deepEqual(progress.at(-1), [content.length, content.length]);
    assert.equal((await all(loop.imports.streamFileReport(at, new Blob([content])))).length, 2);
  } finally {
    loop.close();
    server.forceShutdown();
  }
});

void test("gRPC: settings that exclude each other are refused", () => {
  assert.throws(() => grpcClient("127.0.0.1:1", { plaintext: true, authority: "x" }), /excludes/);
});
