import type { DescMethod, Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { Code, LoopError, statusOf } from "./errors.js";

/** What a single call may be told. */
export interface CallOptions {
  /** Milliseconds for all of it, repetitions included; that of the client by default. */
  readonly timeoutMs?: number | undefined;
  /** Ends the call. */
  readonly signal?: AbortSignal | undefined;
}

/** What an upload may be told. */
export interface UploadOptions extends CallOptions {
  /** Called with the bytes that were sent, and with those there are. */
  readonly progress?: ((sent: number, total: number) => void) | undefined;
}

/** Who calls: a token, or what fetches it for each call, so that it may change. */
export type Token = string | (() => string | Promise<string>);

/** A way to the service: over gRPC or REST. Each of its calls is one attempt, and fails with a LoopError. */
export interface Transport {
  unary(method: DescMethod, request: Message, options: CallOptions): Promise<Message>;
  stream(method: DescMethod, request: Message, options: CallOptions): AsyncIterable<Message>;
  upload(method: DescMethod, metadata: Message, file: Blob, options: UploadOptions): AsyncIterable<Message>;
  close(): void;
}

/** What repeating a call does: nothing (read), nothing more than the first time (write), or the same again (once). */
export type Kind = "read" | "write" | "once";

export function kindOf(method: DescMethod): Kind {
  if (method.idempotency === Level.NO_SIDE_EFFECTS) return "read";
  return method.idempotency === Level.IDEMPOTENT ? "write" : "once";
}

/** How long a call may go on, and when it is tried again. */
export class Patience {
  readonly #end: number | undefined;
  readonly #signal: AbortSignal | undefined;
  #pause = 200;

  constructor(timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    this.#end = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    this.#signal = signal;
  }

  /** What is left for the next attempt. */
  options(): CallOptions {
    const timeoutMs = this.#end === undefined ? undefined : Math.max(1, Math.ceil(this.#end - performance.now()));
    return { timeoutMs, signal: this.#signal };
  }

  /** Begins again with short pauses: something came. */
  progress(): void {
    this.#pause = 200;
  }

  /** Waits until the next attempt; throws the error where there is none, or no time for it. */
  async pause(error: unknown, kind: Kind): Promise<void> {
    if (!(error instanceof LoopError)) throw error;
    // An unknown outcome answers the same until somebody has looked.
    const hopeless = (error.code === Code.UNKNOWN || error.code === Code.INTERNAL) && error.reasonName !== "";
    const told = error.retryAfterMs;
    if (!error.repeatable || hopeless || this.#signal?.aborted || kind === "once" || (kind === "read" && !told)) throw error;
    const wait = told ?? this.#pause * (0.5 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, 5000);
    if (this.#end !== undefined && performance.now() + wait >= this.#end) throw error;
    const signal = this.#signal;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, wait);
      signal?.addEventListener("abort", done);
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      }
    });
    if (signal?.aborted) throw new LoopError(statusOf(Code.CANCELLED, "the caller gave up"));
  }
}
