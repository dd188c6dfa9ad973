// Somebody who may look and nothing else: what they may not do is not offered, and asking anyway changes nothing.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";

const WAITS = ["/bin/sh", "-c", "echo ready; exec sleep 1000"];
const PASSWORD = "Quiet-Pier-Evening-42!";

story("a viewer is offered nothing they may not do, and a form written by hand is refused with a page", async ({ house, visitor, arrive }) => {
  await visitor.setUp();
  const id = await visitor.createServer("lighthouse", WAITS);
  await visitor.act("start");
  await visitor.seesState(/running/i);
  await house.does(["user", "create", "vera", "--role", "viewer", "--password-file", "-"], PASSWORD);

  const vera = await arrive();
  await vera.signIn({ username: "vera", password: PASSWORD });
  assert.equal(await vera.page.locator('nav a[href="/audit"]').count(), 0, "the log is not hers to read");
  await vera.look("viewer-overview");
  for (const path of ["/", "/nodes", "/servers", `/servers/${id}`]) {
    await vera.go(path);
    assert.equal(await vera.page.locator('main form[method="post"]:not([action="/logout"])').count(), 0, `${path} offers no act`);
    assert.equal(await vera.page.locator('main a[href^="/servers/new"]').count(), 0, `${path} offers no new server`);
  }
  await vera.seesLine("ready");
  await vera.look("viewer-server");

  vera.expect(/403|404/);
  const tried = [`/servers/${id}/stop`, `/servers/${id}/restart`, `/servers/${id}/send`, `/servers/${id}/remove`, "/servers/new"];
  for (const path of tried) {
    await vera.go(`/servers/${id}`);
    const status = await vera.post(path, { line: "x", name: "mine", command: "/bin/true", confirm_name: "lighthouse" });
    assert.equal(status, 403, `${path} is refused`);
    await vera.sees("That is not for you to do");
    await vera.sees(/Request/);
  }
  await vera.look("error-403");
  for (const path of ["/servers/new", "/audit"]) {
    assert.equal((await vera.page.goto(path)).status(), 403, path);
  }
  vera.assertContent();

  const server = await visitor.ask(`/api/servers/${id}`);
  assert.equal(server.status, "running");
  assert.equal((await visitor.ask("/api/servers")).items.length, 1);
  await visitor.go("/audit?result=denied");
  await visitor.sees(/was not allowed to stop/);
  await visitor.look("audit-denied");
});
