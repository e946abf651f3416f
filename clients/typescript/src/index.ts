/** Client of the Cegid Loop gateway. This module is for browsers, too; `loop-gateway/node` adds gRPC. */
export { type Calls, Client, type ClientOptions, type Events } from "./client.js";
export { Code, type Fault, LoopError, type Reason, type Violation } from "./errors.js";
export { restClient, type RestOptions } from "./rest.js";
export type { CallOptions, Token, Transport, UploadOptions } from "./transport.js";
export * from "./gen/messages.js";
