import { createRegistry, fromBinary, fromJson, type Message } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { Code } from "./gen/google/rpc/code_pb.js";
import { BadRequestSchema, ErrorInfoSchema, LocalizedMessageSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "./gen/google/rpc/status_pb.js";
import { FAULTS } from "./gen/reasons.js";

export { Code };

const DOMAIN = "loop.cegid.internal";
const registry = createRegistry(BadRequestSchema, ErrorInfoSchema, LocalizedMessageSchema, RetryInfoSchema);
const { UNAVAILABLE, RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED, CANCELLED, UNKNOWN, INTERNAL } = Code;
const SAFE_TO_REPEAT = new Set([UNAVAILABLE, RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED, CANCELLED, UNKNOWN, INTERNAL]);

/** Why a call failed, for your code. UNKNOWN: the service said nothing, or something newer than this package. */
export type Reason = keyof typeof FAULTS | "UNKNOWN";

/**
 * Whose fault it is, and so who can do something about it: the request, or what this caller may do (`caller`); the practice's keys,
 * or what it has shared in LoopHub (`practice`); the configuration of the service (`operator`); the service or Loop, for now; the
 * way to the service (`network`); `unclear` where time ran out.
 */
export type Fault = (typeof FAULTS)[keyof typeof FAULTS] | "network";

/** A place of the request, and what is wrong there. */
export interface Violation {
  /** Path of the field: `entries[0].lines[2].account`; of a file `line 5, column 12`. */
  readonly field: string;
  /** What is wrong and what to do, in English. */
  readonly message: string;
  /** The same in French, for the accountant; empty where there is none. */
  readonly messageFr: string;
  /** Code of the finding, such as `ENTRY_UNBALANCED`; empty where the shape of the field is wrong. */
  readonly reason: string;
}

/** A call that failed, whether the service or the network failed it. `message` is in English. */
export class LoopError extends Error {
  override readonly name = "LoopError";
  /** Status code of gRPC's, also over REST. */
  readonly code: Code;
  readonly reason: Reason;
  /** The reason as the service wrote it; empty where it said nothing. */
  readonly reasonName: string;
  /** A sentence in French for the person at the end, where there is one. */
  readonly messageFr: string;
  /** Places of the request that are wrong, ten at most. */
  readonly violations: readonly Violation[];
  readonly fault: Fault;
  /** When to come back, in milliseconds, where that is known. */
  readonly retryAfterMs: number | undefined;
  /** Whether the same call, with the same requestId and nothing changed, is safe and may go better. */
  readonly repeatable: boolean;
  /** Further facts, such as the state of an import. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The service's id of the call, which its log has. */
  readonly requestId: string;

  constructor(status: Status, options: { idempotent?: boolean; requestId?: string; cause?: unknown } = {}) {
    super(status.message, { cause: options.cause });
    const detail = <T extends Message>(schema: GenMessage<T>): T | undefined => {
      for (const each of status.details) {
        const found = anyUnpack(each, schema);
        if (found) return found;
      }
      return undefined;
    };
    const info = detail(ErrorInfoSchema);
    const delay = detail(RetryInfoSchema)?.retryDelay;
    const localized = detail(LocalizedMessageSchema);
    this.code = status.code;
    this.reasonName = info?.domain === DOMAIN ? info.reason : "";
    this.reason = this.reasonName in FAULTS ? (this.reasonName as Reason) : "UNKNOWN";
    this.metadata = info?.metadata ?? {};
    this.requestId = options.requestId ?? "";
    this.violations = (detail(BadRequestSchema)?.fieldViolations ?? []).map((each) => ({
      field: each.field,
      message: each.description,
      messageFr: each.localizedMessage?.locale === "fr" ? each.localizedMessage.message : "",
      reason: each.reason,
    }));
    const french = this.violations.find((each) => each.messageFr)?.messageFr;
    this.messageFr = french ?? (localized?.locale === "fr" ? localized.message : "");
    const wait = delay ? Number(delay.seconds) * 1000 + delay.nanos / 1e6 : 0;
    this.retryAfterMs = wait > 0 ? wait : undefined;
    this.fault = this.#whose();
    // Without a reason it is gRPC's own word: the message is too large, which it will be the next time.
    const tooLarge = this.code === RESOURCE_EXHAUSTED && !this.reasonName;
    this.repeatable = (options.idempotent ?? true) && SAFE_TO_REPEAT.has(this.code) && !tooLarge;
  }

  #whose(): Fault {
    if (this.reason !== "UNKNOWN") return FAULTS[this.reason];
    if (this.reasonName) return SAFE_TO_REPEAT.has(this.code) ? "unclear" : "caller"; // newer than this package
    if (this.code === DEADLINE_EXCEEDED || this.code === CANCELLED) return "unclear";
    return SAFE_TO_REPEAT.has(this.code) && this.code !== RESOURCE_EXHAUSTED ? "network" : "caller";
  }

  override toString(): string {
    return `${this.reasonName || Code[this.code]}: ${this.message}`;
  }
}

/** Makes a status of a code and a sentence. */
export function statusOf(code: number, message: string): Status {
  return { $typeName: "google.rpc.Status", code, message, details: [] };
}

/** Reads the status in a trailer of gRPC's; nothing where there is none, or it is damaged. */
export function statusFromBinary(bytes: Uint8Array | undefined): Status | undefined {
  try {
    return bytes && fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}

/** Reads the status in a body of REST's, without details of tomorrow; nothing where that is none. */
export function statusFromJson(body: unknown): Status | undefined {
  try {
    const { code = 0, message = "", details = [] } = body as { code?: number; message?: string; details?: { "@type": string }[] };
    const known = details.filter((each) => registry.getMessage(each["@type"].replace(/^.*\//, "")));
    return fromJson(StatusSchema, { code, message, details: known }, { registry, ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}
