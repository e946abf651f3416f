import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { create, type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { Client, type ClientOptions } from "./client.js";
import { LoopError, statusFromBinary, statusOf } from "./errors.js";
import { SERVICE_CONFIG } from "./gen/service_config.js";
import { VERSION } from "./gen/version.js";
import { type CallOptions, kindOf, type Token, type Transport, type UploadOptions } from "./transport.js";

export * from "./index.js";

const PIECE = 256 << 10; // bytes of a file in one message
const MAX_MESSAGE = 64 << 20; // bytes of an answer: a page of a thousand rows with all that Loop says of them

export interface GrpcOptions extends ClientOptions {
  /** Without TLS; for the sandbox, or a proxy on the same machine that ends TLS. */
  readonly plaintext?: boolean | undefined;
  /** File of PEM, or its content, with the authorities to trust instead of the usual ones. */
  readonly authority?: string | Uint8Array | undefined;
  /** Name in the server's certificate, where it is not the host of the address. */
  readonly serverName?: string | undefined;
  /** Who calls; `tokenFile(path)` reads it from a file. */
  readonly token?: Token | undefined;
  /** Files of a client certificate and its key in PEM, which say who calls instead of a token. */
  readonly certificate?: { readonly chain: string; readonly key: string } | undefined;
}

/** Connects over gRPC: `grpcClient("loop.example.com:9090", { token })`. */
export function grpcClient(address: string, options: GrpcOptions = {}): Client {
  if (options.plaintext && (options.authority ?? options.certificate ?? options.serverName))
    throw new TypeError("plaintext excludes authority, certificate and serverName");
  return new Client(new Grpc(address, options), options);
}

/** A token in a file, which is read again whenever it changes. */
export function tokenFile(path: string): () => Promise<string> {
  let mark = "";
  let token = "";
  return async () => {
    const { mtimeMs, ino, size } = await stat(path); // follows the links by which Kubernetes rotates secrets
    const now = `${mtimeMs} ${ino} ${size}`;
    if (now !== mark) [mark, token] = [now, (await readFile(path, "utf8")).trim()];
    return token;
  };
}

class Grpc implements Transport {
  readonly #client: grpc.Client;
  readonly #token: Token | undefined;

  constructor(address: string, options: GrpcOptions) {
    this.#token = options.token;
    this.#client = new grpc.Client(address, credentialsOf(options), {
      "grpc.service_config": SERVICE_CONFIG,
      "grpc.max_receive_message_length": MAX_MESSAGE,
      "grpc.primary_user_agent": `loop-gateway-node/${VERSION}`,
      "grpc.keepalive_time_ms": 30_000,
      ...(options.serverName ? { "grpc.ssl_target_name_override": options.serverName } : {}),
    });
  }

  close(): void {
    this.#client.close();
  }

  async unary(method: DescMethod, request: Message, options: CallOptions): Promise<Message> {
    const metadata = await this.#metadata();
    return answered(method, options, (done) => this.#client.makeUnaryRequest(...codec(method), request, metadata, deadline(options), done));
  }

  async *stream(method: DescMethod, request: Message, options: CallOptions): AsyncGenerator<Message> {
    const call = this.#client.makeServerStreamRequest(...codec(method), request, await this.#metadata(), deadline(options));
    yield* answers(method, call, options);
  }

  async *upload(method: DescMethod, said: Message, file: Blob, options: UploadOptions): AsyncGenerator<Message> {
    const metadata = await this.#metadata();
    if (method.methodKind === "bidi_streaming") {
      const call = this.#client.makeBidiStreamRequest<Message, Message>(...codec(method), metadata, deadline(options));
      pieces(method, call, said, file, options);
      yield* answers(method, call, options);
    } else
      yield await answered(method, options, (done) => {
        const call = this.#client.makeClientStreamRequest<Message, Message>(...codec(method), metadata, deadline(options), done);
        pieces(method, call, said, file, options);
        return call;
      });
  }

  async #metadata(): Promise<grpc.Metadata> {
    const metadata = new grpc.Metadata();
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    if (token) metadata.set("authorization", `Bearer ${token}`);
    return metadata;
  }
}

function credentialsOf(options: GrpcOptions): grpc.ChannelCredentials {
  if (options.plaintext) return grpc.credentials.createInsecure();
  const { authority, certificate } = options;
  const root = typeof authority === "string" ? readFileSync(authority) : authority ? Buffer.from(authority) : null;
  if (!certificate) return grpc.credentials.createSsl(root);
  return grpc.credentials.createSsl(root, readFileSync(certificate.key), readFileSync(certificate.chain));
}

function codec(method: DescMethod): [string, (message: Message) => Buffer, (bytes: Buffer) => Message] {
  return [
    `/${method.parent.typeName}/${method.name}`,
    (message) => Buffer.from(toBinary(method.input, message)),
    (bytes) => fromBinary(method.output, bytes),
  ];
}

function deadline({ timeoutMs }: CallOptions): grpc.CallOptions {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function givenUp(call: grpc.ClientUnaryCall | grpc.ClientReadableStream<Message>, { signal }: CallOptions): void {
  const cancel = () => void call.cancel();
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel);
  (call as grpc.ClientUnaryCall).on("status", () => void signal?.removeEventListener("abort", cancel));
}

function answered(
  method: DescMethod,
  options: CallOptions,
  start: (done: grpc.requestCallback<Message>) => grpc.ClientUnaryCall,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const call = start((error, answer) => {
      if (error || !answer) reject(failure(method, error));
      else resolve(answer);
    });
    givenUp(call, options);
  });
}

async function* answers(method: DescMethod, call: grpc.ClientReadableStream<Message>, options: CallOptions): AsyncGenerator<Message> {
  givenUp(call, options);
  try {
    for await (const answer of call) yield answer;
  } catch (error) {
    throw failure(method, error);
  } finally {
    call.on("error", () => undefined); // of what nobody reads any more
    call.cancel();
  }
}

/** Tells a file piece by piece, as fast as the connection takes it: first what is said of it. */
function pieces(
  method: DescMethod,
  call: grpc.ClientWritableStream<Message>,
  metadata: Message,
  file: Blob,
  { progress }: UploadOptions,
): void {
  async function* told() {
    yield create(method.input, { piece: { case: "metadata", value: metadata } });
    for (let sent = 0; sent < file.size;) {
      const value = new Uint8Array(await file.slice(sent, sent + PIECE).arrayBuffer());
      yield create(method.input, { piece: { case: "data", value } });
      sent += value.byteLength;
      progress?.(sent, file.size);
    }
  }
  // A call that has ended tells why itself; what cannot be read ends the call.
  pipeline(Readable.from(told()), call as unknown as Writable).catch(() => void call.cancel());
}

function failure(method: DescMethod, error: unknown): LoopError {
  if (error instanceof LoopError) return error;
  const { code, details, metadata } = error as grpc.ServiceError;
  const trailer = metadata.get("grpc-status-details-bin")[0];
  const status = statusFromBinary(trailer instanceof Uint8Array ? trailer : undefined) ?? statusOf(code, details);
  const requestId = String(metadata.get("x-request-id")[0] ?? "");
  return new LoopError(status, { idempotent: kindOf(method) !== "once", requestId, cause: error });
}
