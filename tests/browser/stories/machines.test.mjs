// What is done to the machines themselves: invitations taken back, a new cluster CA, a restart, a copied disk.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { Machine } from "../harness/machine.mjs";
import { story } from "../harness/story.mjs";
import { until } from "../harness/waiting.mjs";

/** Joins a machine that lets itself in, by the command line. */
async function joined(house, name) {
  const machine = await Machine.open(name);
  const made = JSON.parse(await house.does(["cluster", "token", "create", "--auto-approve", "-o", "json"]));
  machine.join(made.join_url);
  assert.deepEqual(await machine.joined, [0, null], machine.said);
  return machine;
}

story("an invitation is taken back, and opens nothing any more", async ({ visitor }) => {
  const attic = await Machine.open("attic");
  try {
    await visitor.setUp();
    await visitor.go("/nodes/new");
    await visitor.page.locator('form[action="/nodes/new"] button[type="submit"]').click();
    const url = await visitor.page.locator(".secret code").first().innerText();
    await visitor.go("/nodes");
    await visitor.sees(/open invitations/i);
    await visitor.look("nodes-invitations");
    await visitor.page.locator('form[action^="/nodes/invites/"] button').click();
    await until("the list without it", async () => (await visitor.page.locator('form[action^="/nodes/invites/"]').count()) === 0);
    attic.join(url);
    const [code] = await attic.joined;
    assert.notEqual(code, 0, attic.said);
    assert.match(attic.said, /revoked/i);
  } finally {
    await attic.close();
  }
});

story("a new cluster CA is made, and the page follows until all have moved", async ({ house, visitor }) => {
  await visitor.setUp();
  await visitor.go("/nodes");
  const card = visitor.page.locator('[aria-labelledby="cluster-ca"]');
  const before = await card.locator("code").innerText();
  await visitor.page.locator("#rotate summary").click();
  await visitor.look("nodes-new-ca");
  await visitor.page.locator("#rotate button").click();
  await visitor.sees(/there is a new cluster ca/i);
  await until("another fingerprint", async () => (await card.locator("code").innerText()) !== before);
  // Nobody reloads: it ends by itself once the node has moved.
  await visitor.look("nodes-ca-rotated");
  await until("the end of the overlap", async () => (await card.getByText(/changing/i).count()) === 0, 60_000);
  const { ca } = await visitor.ask("/api/cluster/status");
  assert.deepEqual([ca.retires_at, ca.moved, ca.left], [null, 1, 0]);
  assert.ok(ca.fingerprint.startsWith((await card.locator("code").innerText()).slice(0, -1)));
  assert.match(await house.does(["cluster", "nodes"]), /online/);
});

story("a form for a new cluster CA that is not of our page is refused", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/nodes");
  visitor.expect(/40[03]/);
  assert.equal(await visitor.post("/cluster/ca/rotate", { csrf_token: "wrong" }), 403);
});

story("a machine is restarted from its page, which shows how it went and what it measured", async ({ house, visitor }) => {
  const attic = await joined(house, "attic");
  try {
    const told = join(attic.state, "told");
    const command = JSON.stringify(["/bin/sh", "-c", `echo restart >> ${told}`]);
    await attic.run(`[power]\nrestart = true\nrestart_command = ${command}\n`);
    await visitor.setUp();
    await visitor.go("/nodes");
    const row = visitor.page.locator('[data-live="nodes"] tr', { hasText: "attic" });
    await row.getByText(/online/i).waitFor();
    await row.getByRole("link", { name: "attic" }).click();
    await visitor.page.waitForURL(/\/nodes\/[0-9a-f-]{36}$/);
    await visitor.sees(/^Role$/);
    const charts = visitor.page.locator("#last-hour figure");
    await until("charts that came by themselves", async () => (await charts.count()) > 0, 60_000);
    const drawn = () => visitor.page.locator("#last-hour polyline").first().getAttribute("points");
    await until("a line", drawn, 60_000);
    const first = await drawn();
    await until("a line that has grown", async () => (await drawn()) !== first, 60_000);

    await visitor.page.locator("#restart summary").click();
    await visitor.fill({ confirm_name: "basement" });
    visitor.expect(/400/);
    await visitor.page.locator('#restart button[type="submit"]').click();
    await visitor.sees(/not the/i);
    await visitor.look("node-restart-refused");
    await visitor.fill({ confirm_name: "attic" });
    await visitor.page.locator('#restart button[type="submit"]').click();
    const operation = visitor.page.locator('[aria-labelledby="operation-title"]');
    await operation.getByText(/restart of the machine, ordered by ada/i).waitFor();
    await until("the machine's own word", async () => (await readFile(told, "utf8")).includes("restart"), 30_000);
    await until("the end of it", async () => /done/i.test(await operation.innerText()), 30_000);
    await visitor.look("node-restarted");
  } finally {
    await attic.close();
  }
});

story("a copied disk is fenced, and a person lets the right machine back in", async ({ house, visitor }) => {
  const attic = await joined(house, "attic");
  let copy;
  try {
    await attic.run();
    await visitor.setUp();
    await visitor.go("/nodes");
    const row = visitor.page.locator('[data-live="nodes"] tr', { hasText: "attic" });
    await row.getByText(/online/i).waitFor();
    copy = await attic.copied();
    await copy.run();
    await row.getByText(/locked/i).waitFor({ timeout: 60_000 });
    await copy.close();
    copy = undefined;
    await row.getByRole("link", { name: "attic" }).click();
    await visitor.sees(/two machines have its key/i);
    await visitor.page.locator("#unfence summary").click();
    await visitor.look("node-fenced");
    await visitor.fill({ confirm_name: "attic" });
    await visitor.page.locator('#unfence button[type="submit"]').click();
    await visitor.sees(/attic may come back/i);
    await visitor.page.locator('[data-live="node"]').getByText(/online/i).first().waitFor({ timeout: 60_000 });
  } finally {
    await copy?.close();
    await attic.close();
  }
});

story("the link of node open shows the node's own page, and the browser keeps its cookie without TLS", async ({ house, visitor }) => {
  const { url } = JSON.parse(await house.does(["node", "open", "-o", "json"]));
  await visitor.page.goto(url);
  await visitor.page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  await visitor.sees(/link to the host/i);
  const cookies = await visitor.page.context().cookies();
  const own = cookies.filter((cookie) => cookie.name.startsWith("__Host-watchroom_node_"));
  assert.deepEqual(own.map(({ secure, httpOnly, sameSite, path }) => [secure, httpOnly, sameSite, path]), [[true, true, "Strict", "/"]]);
  await visitor.look("node-page");
  visitor.expect(/401/);
  await visitor.button("Sign out").click();
  await visitor.sees(/watchroom node open/);
  await visitor.look("node-page-stranger");
});
