// A second machine joins: a person invites it, compares six words, lets it in, and sends it away again.

import assert from "node:assert/strict";

import { Machine } from "../harness/machine.mjs";
import { story } from "../harness/story.mjs";
import { until } from "../harness/waiting.mjs";

story("a second machine joins by six words, and is revoked", async ({ visitor }) => {
  const attic = await Machine.open("attic");
  try {
    await visitor.setUp();
    await visitor.go("/nodes");
    await visitor.page.getByRole("link", { name: /add a node/i }).click();
    await visitor.look("node-new");
    await visitor.page.locator('form[action="/nodes/new"] button[type="submit"]').click();
    const url = await visitor.page.locator(".secret code").first().innerText();
    assert.match(url, /^https:\/\/.*\/join#wr_join_/);
    await visitor.look("node-invited");

    await visitor.go("/nodes");
    attic.join(url);
    // Nobody reloads: the page hears of the machine by itself.
    await visitor.page.locator('[data-live="nodes"]').getByRole("link", { name: "attic" }).waitFor();
    await until("the words on its screen", () => attic.words(), 20_000, () => attic.said);
    await visitor.sees(attic.words());
    await visitor.look("nodes-waiting");
    await visitor.page.getByRole("link", { name: "attic" }).click();
    await visitor.sees(attic.words());
    await visitor.look("join-request");
    await visitor.page.getByLabel(/same six words/i).check();
    await visitor.page.getByRole("button", { name: /let it in/i }).click();
    await visitor.sees(/attic is let in/i);
    assert.deepEqual(await attic.joined, [0, null], attic.said);

    await attic.run();
    const row = visitor.page.locator('[data-live="nodes"] tr', { hasText: "attic" });
    await row.getByText(/online/i).waitFor();
    await visitor.look("nodes-two");
    await row.getByRole("link", { name: "attic" }).click();
    await visitor.page.getByRole("button", { name: /^ping$/i }).click();
    await visitor.sees(/attic answered within \d/i);

    await visitor.page.locator("#revoke summary").click();
    await visitor.fill({ confirm_name: "attic" });
    await visitor.look("node-revoke");
    await visitor.page.locator('#revoke button[type="submit"]').click();
    await visitor.sees(/attic is revoked/i);
    await until("word on the machine", () => /revoked/.test(attic.said), 20_000, () => attic.said);
  } finally {
    await attic.close();
  }
});
