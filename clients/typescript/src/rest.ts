import { type DescMethod, fromJson, type JsonObject, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { Client, type ClientOptions } from "./client.js";
import { Code, LoopError, statusFromJson, statusOf } from "./errors.js";
import { ROUTES } from "./gen/routes.js";
import { type CallOptions, kindOf, type Token, type Transport, type UploadOptions } from "./transport.js";

export interface RestOptions extends ClientOptions {
  readonly token?: Token | undefined;
  /** Instead of the environment's own fetch: for a private authority or a client certificate, say. */
  readonly fetch?: typeof fetch | undefined;
}

/** Connects over REST, in a browser or in Node.js: `restClient("https://loop.example.com", { token })`. */
export function restClient(url: string, options: RestOptions = {}): Client {
  return new Client(new Rest(url.replace(/\/$/, ""), options), options);
}

class Rest implements Transport {
  readonly #closed = new AbortController();
  readonly #fetch: typeof fetch;

  constructor(
    readonly url: string,
    readonly options: RestOptions,
  ) {
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  close(): void {
    this.#closed.abort();
  }

  async unary(method: DescMethod, request: Message, options: CallOptions): Promise<Message> {
    const response = await this.#send(method, request, options);
    return this.#read(method, messageIn(method, response));
  }

  async *stream(method: DescMethod, request: Message, options: CallOptions): AsyncGenerator<Message> {
    yield* this.#lines(method, await this.#send(method, request, options));
  }

  async *upload(method: DescMethod, metadata: Message, file: Blob, options: UploadOptions): AsyncGenerator<Message> {
    const response = await this.#send(method, metadata, options, file);
    if (method.methodKind === "bidi_streaming") yield* this.#lines(method, response);
    else yield await this.#read(method, messageIn(method, response));
  }

  /** A stream is a JSON object a line: a result each, or at its end an error. */
  async *#lines(method: DescMethod, response: Response): AsyncGenerator<Message> {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (let rest = ""; reader;) {
        const { value = "", done } = await this.#read(method, reader.read());
        const lines = (rest + value).split("\n");
        rest = done ? "" : (lines.pop() ?? "");
        for (const line of lines.filter((each) => each !== "")) {
          const { result = {}, error } = (await this.#read(method, new Response(line).json())) as { result?: JsonValue; error?: unknown };
          if (error !== undefined) throw this.#failure(method, error, response);
          yield messageOf(method, result);
        }
        if (done) return;
      }
    } finally {
      await reader?.cancel().catch(() => undefined); // of what nobody reads any more
    }
  }

  async #send(method: DescMethod, request: Message, options: CallOptions, file?: Blob): Promise<Response> {
    const schema = file ? (method.input.field.metadata?.message ?? method.input) : method.input;
    const said = new Map(Object.entries(toJson(schema, request) as JsonObject));
    const taken = (name: string): string => {
      const value = said.get(name);
      said.delete(name);
      return typeof value === "string" ? value : "";
    };
    const headers = new Headers({ "Content-Type": "application/json" });
    const token = typeof this.options.token === "function" ? await this.options.token() : this.options.token;
    if (token) headers.set("Authorization", `Bearer ${token}`);
    if (options.timeoutMs !== undefined) headers.set("Grpc-Timeout", `${Math.min(Math.ceil(options.timeoutMs), 99_999_999)}m`);

    const [verb, template] = ROUTES[`${method.parent.name}.${method.name}`] ?? [];
    if (!verb || !template) throw new TypeError(`${method.name} is not served over REST`);
    const path = template.replace(/\{(\w+)\}/g, (_, field: string) => encodeURIComponent(taken(camel(field))));
    if (file) {
      headers.set("Content-Type", taken("contentType") || "application/octet-stream");
      const id = taken("requestId");
      if (id) headers.set("Idempotency-Key", id);
    }
    if (verb === "GET") headers.delete("Content-Type");
    const query = file || verb === "GET" ? queryOf(said) : "";
    const body = file ?? (verb === "GET" ? null : JSON.stringify(Object.fromEntries(said)));
    const signals = [this.#closed.signal, options.signal];
    if (options.timeoutMs !== undefined) signals.push(AbortSignal.timeout(Math.ceil(options.timeoutMs)));
    const signal = AbortSignal.any(signals.filter((each) => each !== undefined));
    const init = { method: verb, headers, body, signal };
    const response = await this.#read(method, sending(this.#fetch, `${this.url}${path}${query}`, init, file, options));
    if (response.ok) return response;
    throw this.#failure(method, await response.json().catch(() => undefined), response);
  }

  #failure(method: DescMethod, body: unknown, response: Response): LoopError {
    const status = statusFromJson(body) ?? statusOf(Code.UNAVAILABLE, `HTTP ${response.status} of something before the service`);
    const requestId = response.headers.get("X-Request-Id") ?? "";
    return new LoopError(status, { idempotent: kindOf(method) !== "once", requestId });
  }

  /** Waits for what the network does; what it fails becomes a LoopError. */
  async #read<T>(method: DescMethod, reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (cause) {
      const name = cause instanceof Error || cause instanceof DOMException ? cause.name : "";
      const code = { TimeoutError: Code.DEADLINE_EXCEEDED, AbortError: Code.CANCELLED }[name] ?? Code.UNAVAILABLE;
      throw new LoopError(statusOf(code, String(cause)), { idempotent: kindOf(method) !== "once", cause });
    }
  }
}

function messageOf(method: DescMethod, body: JsonValue): Message {
  return fromJson(method.output, body, { ignoreUnknownFields: true });
}

async function messageIn(method: DescMethod, response: Response): Promise<Message> {
  return messageOf(method, (await response.json()) as JsonValue);
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Fields as parameters of a query: those of a list several times, those of a map as name[key]. */
function queryOf(said: Map<string, JsonValue>): string {
  const query = new URLSearchParams();
  const add = (name: string, value: JsonValue) => {
    if (Array.isArray(value)) for (const each of value) add(name, each);
    else if (typeof value === "object" && value) for (const [key, each] of Object.entries(value)) add(`${name}[${key}]`, each);
    else query.append(name, String(value));
  };
  for (const [name, value] of said) add(name, value);
  const text = query.toString();
  return text && `?${text}`;
}

type Init = RequestInit & { readonly method: string; readonly headers: Headers; readonly signal: AbortSignal };

/** Sends, and tells how much of a file has gone: browsers tell that of an XMLHttpRequest alone, Node.js of a stream. */
function sending(ask: typeof fetch, url: string, init: Init, file: Blob | undefined, { progress }: UploadOptions): Promise<Response> {
  if (!file || !progress) return ask(url, init);
  if (typeof XMLHttpRequest !== "undefined") return sendingXhr(url, init, file, progress);
  let sent = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, out) {
      out.enqueue(piece);
      sent += piece.byteLength;
      progress(sent, file.size);
    },
  });
  return ask(url, { ...init, body: file.stream().pipeThrough(counted), duplex: "half" } as RequestInit);
}

function sendingXhr(url: string, init: Init, file: Blob, progress: (sent: number, total: number) => void): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(init.method, url);
    for (const [name, value] of init.headers) request.setRequestHeader(name, value);
    request.responseType = "blob";
    request.upload.addEventListener("progress", (event) => void progress(event.loaded, event.total));
    request.addEventListener("load", () => {
      const headers = new Headers();
      for (const [, name, value] of request.getAllResponseHeaders().matchAll(/^([^:\r\n]+): *(.*?)\r?$/gm))
        headers.set(name ?? "", value ?? "");
      resolve(new Response(request.response as Blob, { status: request.status, headers }));
    });
    request.addEventListener("error", () => void reject(new TypeError("the connection was lost")));
    request.addEventListener("abort", () => void reject(init.signal.reason as Error));
    init.signal.addEventListener("abort", () => void request.abort());
    request.send(file);
  });
}
