import { create, type DescMethod, type DescService, type Message, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import { Code, LoopError, statusOf } from "./errors.js";
import * as m from "./gen/messages.js";
import { type CallOptions, type Kind, kindOf, Patience, type Transport, type UploadOptions } from "./transport.js";

type Own<O> = Omit<O, keyof Message>;
/** What the one list of a message holds. */
type Item<O> = { [K in keyof Own<O>]: O[K & keyof O] extends (infer T extends Message)[] ? T : never }[keyof Own<O>];
type IsUnion<T, U = T> = T extends unknown ? ([U] extends [T] ? false : true) : never;
/** A message that holds nothing but a list stands for what the list holds. */
type Flat<O> = IsUnion<keyof Own<O>> extends true ? O : Item<O>;
/** What is said of a file that is sent. */
type Metadata<I> = I extends { piece: infer P }
  ? Partial<Own<Extract<P, { case: "metadata" }> extends { value: infer V } ? V : never>>
  : never;

type Call<Kind, I, Request, O> = Kind extends "client_streaming"
  ? (metadata: Metadata<I>, file: Blob, options?: UploadOptions) => Promise<O>
  : Kind extends "bidi_streaming"
    ? (metadata: Metadata<I>, file: Blob, options?: UploadOptions) => AsyncIterable<O>
    : (
        request: Request,
        options?: CallOptions,
      ) => Kind extends "server_streaming"
        ? O extends m.StreamEventsResponse
          ? Events
          : AsyncIterable<O extends m.WatchImportResponse ? m.Import : Flat<O>>
        : "nextPageToken" extends keyof O
          ? AsyncIterable<Item<O>>
          : Promise<O>;

/**
 * The calls of a service, under the names of the contract.
 *
 * A list that comes in pages is iterated, and so is a stream. `watchImport` yields the import at once and whenever it changes, until it
 * is final, and `streamEvents` events as they happen: both go on through lost connections and restarts of the service. What sends a
 * file takes what is said of it, and a Blob; a File gives its name, too.
 */
export type Calls<S extends GenServiceMethods> = {
  [K in keyof S]: Call<S[K]["methodKind"], MessageShape<S[K]["input"]>, MessageInitShape<S[K]["input"]>, MessageShape<S[K]["output"]>>;
};

/** Events as they happen. */
export interface Events extends AsyncIterable<m.Event> {
  /** Where to go on (`after`), once the event that came last is handled: note it with what you did. */
  readonly cursor: string;
}

export interface ClientOptions {
  /** Milliseconds for a read, repetitions included; 60,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds for a write, repetitions included; 300,000 by default. */
  readonly writeTimeoutMs?: number | undefined;
}

/** A connection to the service. A call that fails throws a LoopError. */
export class Client {
  readonly changeFeed = this.#calls(m.ChangeFeedService);
  readonly diagnostics = this.#calls(m.DiagnosticsService);
  readonly documents = this.#calls(m.DocumentService);
  readonly entries = this.#calls(m.EntryService);
  readonly events = this.#calls(m.EventService);
  readonly imports = this.#calls(m.ImportService);
  readonly practice = this.#calls(m.PracticeService);
  readonly raw = this.#calls(m.RawService);
  readonly referenceData = this.#calls(m.ReferenceDataService);

  readonly #transport: Transport;
  readonly #timeouts: Record<Kind, number>;

  /** @param transport how to reach the service: grpcClient and restClient make it. */
  constructor(transport: Transport, options: ClientOptions = {}) {
    const write = options.writeTimeoutMs ?? 300_000;
    this.#transport = transport;
    this.#timeouts = { read: options.timeoutMs ?? 60_000, write, once: write };
  }

  /** Ends what is under way, and the connection. */
  close(): void {
    this.#transport.close();
  }

  #calls<S extends GenServiceMethods>(service: GenService<S>): Calls<S> {
    const methods = (service as DescService).methods.map((method) => [method.localName, this.#call(method)] as const);
    return Object.fromEntries(methods) as Calls<S>;
  }

  #call(method: DescMethod): unknown {
    const list = method.output.fields.find((field) => field.fieldKind === "list");
    const items = (answer: Message) => (list ? ((answer as unknown as Record<string, Message[]>)[list.localName] ?? []) : []);
    const asked = (make: (request: Message, options: CallOptions) => unknown) => {
      return (request: object, options: CallOptions = {}) => make(create(method.input, request as never), options);
    };
    switch (method.methodKind) {
      case "unary":
        if ("pageToken" in method.input.field) return asked((request, options) => this.#pages(method, request, items, options));
        return asked((request, options) => this.#unary(method, request, options));
      case "server_streaming":
        if (method === m.ImportService.method.watchImport) return asked((request, options) => this.#watch(request, options));
        if (method === m.EventService.method.streamEvents)
          return asked((request, options) => this.#events(request as m.StreamEventsRequest, options));
        if (method.output.fields.length > 1) return asked((request, options) => this.#stream(method, request, (it) => [it], options));
        return asked((request, options) => this.#stream(method, request, items, options));
      case "client_streaming":
        return (metadata: object, file: Blob, options: UploadOptions = {}) => this.#upload(method, metadata, file, options);
      case "bidi_streaming":
        return (metadata: object, file: Blob, options: UploadOptions = {}) =>
          this.#transport.upload(method, said(method, metadata, file), file, options);
    }
  }

  async #unary(method: DescMethod, request: Message, options: CallOptions): Promise<Message> {
    const kind = kindOf(method);
    const patience = new Patience(options.timeoutMs ?? this.#timeouts[kind], options.signal);
    for (;;) {
      try {
        return await this.#transport.unary(method, request, patience.options());
      } catch (error) {
        await patience.pause(error, kind);
      }
    }
  }

  async *#pages(method: DescMethod, request: Message, items: (answer: Message) => Message[], options: CallOptions) {
    const asked = request as Message & { pageToken: string };
    do {
      const page = (await this.#unary(method, asked, options)) as Message & { nextPageToken: string };
      yield* items(page);
      asked.pageToken = page.nextPageToken;
    } while (asked.pageToken);
  }

  async *#stream(method: DescMethod, request: Message, items: (answer: Message) => Message[], options: CallOptions) {
    const patience = new Patience(options.timeoutMs, options.signal);
    for (;;) {
      let began = false;
      try {
        for await (const answer of this.#transport.stream(method, request, patience.options())) {
          began = true;
          yield* items(answer);
        }
        return;
      } catch (error) {
        if (began) throw error; // a list has no place to go on from: its reader begins anew
        await patience.pause(error, "read");
      }
    }
  }

  /** Goes on where a stream was cut, or has ended too early. */
  async *#follow(method: DescMethod, request: Message, ended: () => boolean, options: CallOptions) {
    const patience = new Patience(options.timeoutMs, options.signal);
    do {
      try {
        for await (const answer of this.#transport.stream(method, request, patience.options())) {
          patience.progress();
          yield answer;
        }
      } catch (error) {
        await patience.pause(error, "write");
        continue;
      }
      if (ended()) return;
    } while (true); // eslint-disable-line @typescript-eslint/no-unnecessary-condition
  }

  async *#watch(request: Message, options: CallOptions): AsyncGenerator<m.Import> {
    const onTheirWay = [m.ImportState.RECEIVED, m.ImportState.SUBMITTING, m.ImportState.WAITING, m.ImportState.RUNNING];
    const seen: { last?: m.Import } = {};
    const ended = () => seen.last !== undefined && !onTheirWay.includes(seen.last.state);
    for await (const answer of this.#follow(m.ImportService.method.watchImport, request, ended, options)) {
      const now = (answer as m.WatchImportResponse).importRecord;
      // The same comes every 15 seconds and after each connection, too.
      if (now && (now.state !== seen.last?.state || now.followError !== seen.last.followError)) yield (seen.last = now);
      if (ended()) return;
    }
  }

  #events(request: m.StreamEventsRequest, options: CallOptions): Events {
    const follow = () => this.#follow(m.EventService.method.streamEvents, request, () => request.catchUp, options);
    return {
      get cursor() {
        return request.after;
      },
      async *[Symbol.asyncIterator]() {
        for await (const answer of follow() as AsyncIterable<m.StreamEventsResponse>) {
          for (const event of answer.events) {
            request.after = event.id;
            yield event;
          }
          request.after = answer.cursor || request.after;
        }
      },
    };
  }

  async #upload(method: DescMethod, metadata: object, file: Blob, options: UploadOptions): Promise<Message> {
    const patience = new Patience(options.timeoutMs ?? this.#timeouts.write, options.signal);
    for (;;) {
      try {
        for await (const answer of this.#transport.upload(method, said(method, metadata, file), file, {
          ...options,
          ...patience.options(),
        }))
          return answer;
        throw new LoopError(statusOf(Code.UNAVAILABLE, "no answer came"));
      } catch (error) {
        await patience.pause(error, "write");
      }
    }
  }
}

/** What is said of a file: also its name, where it has one. */
function said(method: DescMethod, metadata: object, file: Blob): Message {
  const name = file instanceof File ? { fileName: file.name } : {};
  return create(method.input.field.metadata?.message ?? method.input, { ...name, ...metadata });
}
