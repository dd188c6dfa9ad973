// What looks like an attack on browsers is kept as it was typed and shown as text, also where nothing inspects it on its way in.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { story } from "../harness/story.mjs";

/** Every kind of route only reports; nothing counts what is sensitive. */
const UNINSPECTED = `
[shield.inspection]
report_only = ["sign_in", "read", "change", "sensitive", "administration", "page", "stream"]
[shield.limits]
sensitive = []
`;
/** So many attacks are arguments, variables and lines of one server. */
const OF_ONE_SERVER = 100;

/** The inspector's own samples, or those of a file of many: a line each, as text or as JSON with a "payload". */
async function attacks() {
  const samples = new URL("../../../crates/inspect/tests/samples/xss.txt", import.meta.url);
  const text = await readFile(process.env.CROSS_SITE_CORPUS ?? samples, "utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  if (!process.env.CROSS_SITE_CORPUS) return lines;
  return lines.map((line) => JSON.parse(line)).filter((line) => line.class === "xss").map((line) => line.payload);
}

/** Posts JSON as a script of the page would; the answer. */
async function post(visitor, path, json) {
  return visitor.page.evaluate(
    async ([to, body]) => {
      const token = document.querySelector("meta[name=csrf-token]").content;
      const headers = { "content-type": "application/json", "x-csrf-token": token };
      const answer = await fetch(to, { method: "POST", headers, body: JSON.stringify(body) });
      return { status: answer.status, json: await answer.json().catch(() => null) };
    },
    [path, json],
  );
}

story("what attacks browsers is shown as text wherever it was kept", async ({ house, visitor }) => {
  await house.stop();
  house.config = join(house.state, "watchroom.toml");
  await writeFile(house.config, UNINSPECTED);
  await house.start();
  visitor.page.on("dialog", async (dialog) => {
    visitor.complaints.push(`a dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  await visitor.setUp();

  // Where one runs, or tries to, the browser says so: else this story would see nothing.
  await visitor.page.evaluate(() => document.body.insertAdjacentHTML("beforeend", "<img src='data:,' onerror='alert(1)'>"));
  await visitor.page.waitForTimeout(200);
  assert.match(visitor.complaints.join("\n"), /CSP: script-src/);
  visitor.complaints.length = 0;

  const all = (await attacks()).filter((attack) => !attack.includes("\0"));
  assert.ok(all.length >= 100, `${all.length}`);
  const servers = [];
  for (let at = 0; at < all.length; at += OF_ONE_SERVER) {
    const some = all.slice(at, at + OF_ONE_SERVER);
    const env = Object.fromEntries(some.map((attack, number) => [`A${number}`, attack]));
    const printf = ["/usr/bin/printf", "%s\\n", ...some];
    const made = await post(visitor, "/api/servers", { name: `kept-${at}`, command: printf, env, restart_policy: "never" });
    assert.equal(made.status, 201, JSON.stringify(made.json));
    servers.push(made.json.server.id);
    await post(visitor, `/api/servers/${servers.at(-1)}/start`, {});
  }
  // Some are no reason, for a space at their end, and some are too long to be searched for.
  visitor.expect(/: answer 400: \/(api\/security\/bans|servers|audit)$|status of 400/);
  let banned = 0;
  for (const [number, attack] of all.slice(0, OF_ONE_SERVER).entries()) {
    const ban = { network: `192.0.2.${number}`, reason: attack, for_s: 3600 };
    banned += (await post(visitor, "/api/security/bans", ban)).status === 201 ? 1 : 0;
  }
  assert.ok(banned > OF_ONE_SERVER / 2, `${banned} reasons were kept`);

  for (const server of servers) {
    await visitor.go(`/servers/${server}`);
    await visitor.page.locator("[data-console] .console-lines .said").first().waitFor({ state: "attached" });
    const shown = await visitor.page.locator("body").textContent();
    assert.ok(shown.includes("printf"), "the command is shown");
  }
  for (const path of ["/", "/servers", "/security", "/security/findings", "/audit", "/audit?limit=100"]) {
    await visitor.go(path);
    await visitor.page.waitForTimeout(300);
  }
  // What is searched for stands in the page again.
  for (const attack of all.slice(0, OF_ONE_SERVER)) {
    for (const list of [`/servers?name=`, `/audit?text=`]) await visitor.go(list + encodeURIComponent(attack));
  }
});
