// Drives what people read with a real Chromium, against a sandbox that runs:
//   node pages.mjs CHROMIUM HTTP SIMULATOR OPERATIONS [FOLDER]     such as http://127.0.0.1:8080 http://127.0.0.1:8089 http://127.0.0.1:9091
// It searches, sends the examples of an import and of files as the page offers them, and injects a fault by the form; the page of operators tells of another. No request may leave the
// three listeners, no page may break its own content policy, none may scroll sideways on a phone, and axe-core may find nothing serious, in
// light and dark. With FOLDER it leaves pictures there, for people to look at.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const [chromium, http, simulator, operations, folder] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const problems = [];
const complain = (what) => problems.push(what);

const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
});
const page = await browser.newPage();
page.setDefaultTimeout(20_000);
let requests = 0;
page.on("request", (request) => {
  requests++;
  const url = request.url();
  if (![http, simulator, operations].some((server) => url.startsWith(`${server}/`)) && !url.startsWith("data:")) complain(`a request leaves: ${url}`);
});
page.on("console", (message) => {
  if (message.type() === "error") complain(`${page.url()}: ${message.text()}`);
});
page.on("pageerror", (error) => complain(`${page.url()}: ${error.message}`));

const text = (selector) => page.$eval(selector, (element) => element.textContent);
const expect = (holds, what) => holds || complain(what);

// Each page is looked at wide and narrow, light and dark.
let looks = 0;
async function look(name) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const width of [1280, 390]) {
      await page.setViewport({ width, height: 900 });
      const over = await page.evaluate(() => document.scrollingElement.scrollWidth - window.innerWidth);
      expect(over <= 0, `${name}: at ${width} px it is ${over} px too wide`);
      if (folder) await page.screenshot({ path: `${folder}/${name}-${width}-${scheme}.png`, fullPage: false });
    }
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    for (const found of violations.filter((each) => ["serious", "critical"].includes(each.impact)))
      complain(`${name}, ${scheme}: ${found.id} (${found.impact}): ${found.nodes.length} times, such as ${found.nodes[0].html.slice(0, 160)} ${found.nodes[0].failureSummary.replace(/\s+/g, " ").slice(0, 200)}`);
    looks++;
  }
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await page.setViewport({ width: 1280, height: 900 });
}

try {
  await page.goto(`${http}/`);
  expect((await text("main")).includes("This is a sandbox"), "/ does not say that it is a sandbox");
  await look("home");

  await page.goto(`${http}/docs/`);
  await look("documents");
  await page.type("input[type=search]", "lost answer");
  await Promise.all([page.waitForNavigation(), page.click("form[role=search] button")]);
  await look("search");
  expect((await page.$$(".results li")).length > 0, "the search finds nothing");
  const first = await page.$eval(".results a", (link) => link.getAttribute("href"));
  await Promise.all([page.waitForNavigation(), page.click(".results a")]);
  expect(page.url() === `${http}${first}` && (await page.$("main h1")), `the first result leads to ${page.url()}`);
  await page.goto(`${http}/docs/reference/import`);
  await look("reference");
  await page.goto(`${http}/protos/`);
  await look("protos");

  // A token is given once, and is there after a reload.
  await page.goto(`${http}/docs/api/`);
  await page.waitForSelector(".opblock");
  await page.click(".auth-wrapper .authorize");
  await page.waitForSelector(".modal-ux input");
  await page.type(".modal-ux input", "pages");
  await page.click(".modal-ux button[type=submit]");
  await page.waitForSelector(".modal-ux .btn-done");
  await page.click(".modal-ux .btn-done");
  await page.reload();
  const tried = async (rpc, says) => {
    const operation = `#operations-${rpc.split("_")[0]}-${rpc}`;
    await page.waitForSelector(`${operation} .opblock-summary-control`);
    await page.waitForSelector(".auth-wrapper .authorize.locked");
    await page.$eval(`${operation} .opblock-summary-control`, (button) => button.click());
    await page.waitForSelector(`${operation} textarea.body-param__text`);
    await page.$eval(`${operation} .execute`, (button) => button.click());
    await page.waitForSelector(`${operation} .live-responses-table tbody .response-col_status`);
    await page.waitForFunction((at, says) => document.querySelector(`${at} .live-responses-table tbody .response-col_description`)?.textContent.includes(says), {}, operation, says);
    const status = await text(`${operation} .live-responses-table tbody .response-col_status`);
    expect(status.includes("200"), `the example of ${rpc} is answered ${status}`);
    return `${operation} .opblock-summary-control`;
  };
  // Of uploads, too, the page shows a file to send.
  for (const [rpc, says] of [["DocumentService_StoreDocument", "WRITE_STATE"], ["ImportService_ValidateFile", "valid"], ["ImportService_StreamFileReport", "valid"]])
    await page.$eval(await tried(rpc, says), (button) => button.click()); // closed again: the page stays quick
  await tried("ImportService_DepositFile", "depositId");
  await tried("ImportService_ImportEntries", "IMPORT_STATE");
  await look("api");

  await page.goto(`${simulator}/_sim/`);
  expect((await text("main")).includes("POST /importJson"), "the simulator's page does not list its routes");
  await page.select("select[name=kind]", "status");
  await page.select("select[name=route]", "GET /journal");
  await Promise.all([page.waitForNavigation(), page.click("form[action='/_sim/faults'] button")]);
  expect((await text("#faults ~ .wide tbody")).includes("GET /journal"), "the fault of the form is not listed");
  await Promise.all([page.waitForNavigation(), page.click("form[action='/_sim/clock'] button")]);
  expect((await text("main")).includes("ahead of this machine"), "the time is not moved by the form");
  await look("simulator");

  // Loop fails for a caller, and who has no token is refused.
  await fetch(`${simulator}/_sim/faults`, { method: "POST", body: new URLSearchParams({ kind: "status", status: "503", route: "GET /journal" }) });
  for (const [authorization, status] of [["Bearer pages", 503], ["Bearer pages", 503], ["", 401]]) {
    const answer = await fetch(`${http}/v1/practices/demo/dossiers/CEGID001/journals`, authorization ? { headers: { authorization } } : {});
    expect(answer.status === status, `the journals are answered ${answer.status}`);
  }
  await page.goto(`${operations}/status`);
  for (const [section, says] of [["server", "ready"], ["practices", "Loop fails often"], ["ledger", "SUCCEEDED"], ["callers", "[nobody]"], ["refusals", "no credential"]])
    expect((await text(`section[aria-labelledby=${section}]`)).includes(says), `the page of operators does not say ${says} in ${section}`);
  expect(await page.$eval("svg .others", (path) => path.getBoundingClientRect().height > 0), "the plot shows no failure");
  await look("status");
} catch (error) {
  complain(`${page.url()}: ${error.message}`);
  if (folder) await page.screenshot({ path: `${folder}/failed.png` });
}
await browser.close();
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`${requests} requests, none of them elsewhere; ${looks} looks by axe-core ${JSON.parse(await readFile(createRequire(import.meta.url).resolve("axe-core/package.json"), "utf8")).version}, nothing serious`);
