// Makes src/gen from the contract: messages and services, reasons, routes and the service config.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const contract = join(here, "..", "..", "gen");
const out = join(here, "src", "gen");
const head = "// Made by stubs.mjs from the contract. Do not edit.\n";

// The tools are those of this package, whether npm has put them here or further up.
const require = createRequire(import.meta.url);
const bins = ["@bufbuild/buf", "@bufbuild/protoc-gen-es"].map((name) => dirname(require.resolve(`${name}/package.json`)));
const buf = join(bins[0], "bin", "buf");
rmSync(out, { recursive: true, force: true });
const plugin = {
  local: ["node", join(bins[1], "bin", "protoc-gen-es")],
  out,
  opt: ["target=ts", "import_extension=js"],
};
const template = JSON.stringify({ version: "v2", plugins: [plugin] });
execFileSync(process.execPath, [buf, "generate", join(contract, "bundle"), "--template", template], {
  stdio: "inherit",
  env: { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) },
});

mkdirSync(out, { recursive: true });
const files = readdirSync(join(out, "cegid", "loop", "v1")).sort();
const exported = files.map((file) => `export * from "./cegid/loop/v1/${file.replace(/\.ts$/, ".js")}";\n`);
writeFileSync(join(out, "messages.ts"), head + exported.join(""));

const proto = readFileSync(join(contract, "bundle", "cegid", "loop", "v1", "error_reason.proto"), "utf8");
const reasons = [...proto.matchAll(/ERROR_REASON_(\w+) = (\d+);/g)].filter((each) => each[2] !== "0").map((each) => each[1]);
const faults = JSON.parse(readFileSync(join(here, "..", "reasons.json"), "utf8"));
const fault = Object.fromEntries(Object.entries(faults).flatMap(([who, list]) => list.map((reason) => [reason, who])));
const told = Object.keys(fault).filter((reason) => /^[A-Z_]+$/.test(reason));
for (const reason of told) if (!reasons.includes(reason)) throw new Error(`reasons.json names ${reason}, which the contract has not`);
writeFileSync(
  join(out, "reasons.ts"),
  `${head}
/** Why a call failed, and whose fault that is. */
export const FAULTS = {
${reasons.map((reason) => `  ${reason}: "${fault[reason] ?? "caller"}",`).join("\n")}
} as const;
`,
);

const document = JSON.parse(readFileSync(join(contract, "openapi", "openapi.json"), "utf8"));
const routes = {};
for (const [path, verbs] of Object.entries(document.paths))
  for (const [verb, { operationId }] of Object.entries(verbs))
    if (operationId) routes[operationId.replace("_", ".")] = [verb.toUpperCase(), path];
writeFileSync(
  join(out, "routes.ts"),
  `${head}\n/** Verb and path of each call over REST. */\nexport const ROUTES: Readonly<Record<string, readonly [string, string]>> = ${JSON.stringify(routes, null, 2)};\n`,
);

const config = readFileSync(join(contract, "bundle", "service_config.json"), "utf8");
writeFileSync(
  join(out, "service_config.ts"),
  `${head}\nexport const SERVICE_CONFIG = ${JSON.stringify(JSON.stringify(JSON.parse(config)))};\n`,
);
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
writeFileSync(join(out, "version.ts"), `${head}\nexport const VERSION = "${version}";\n`);
