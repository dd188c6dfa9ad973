// The job: from a bare folder to a running server that does not notice the death of its agent.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";
import { isAlive, until } from "../harness/waiting.mjs";

const ECHO = ["/bin/sh", "-c", 'echo ready; while read l; do echo "got $l"; done'];
const TICKS = ["/bin/sh", "-c", 'i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.1; done'];

/** What a browser says while the Host is away. */
const AWAY = /ERR_(CONNECTION_\w+|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|HTTP2_\w+|SOCKET_NOT_CONNECTED)/;

story("a first administrator brings up a server, watches it, and finds it all written down", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/");
  await visitor.sees(/overview/i);

  await visitor.go("/nodes");
  await visitor.page.locator('[data-live="nodes"]').getByText(/online/i).first().waitFor();

  const id = await visitor.createServer("echo", ECHO);
  await visitor.seesState(/stopped/i);
  await visitor.act("start");
  await visitor.seesState(/running/i);
  await visitor.seesLine("ready");
  await visitor.send("hello");
  await visitor.seesLine("got hello");

  const before = await visitor.ask(`/api/servers/${id}`);
  await visitor.act("restart");
  const restarted = async () => {
    const now = await visitor.ask(`/api/servers/${id}`);
    return now.status === "running" && now.pid !== before.pid;
  };
  await until("a new process", restarted);
  await visitor.send("again");
  await visitor.seesLine("got again");

  await visitor.act("stop");
  await visitor.seesState(/stopped/i);
  const stopped = await visitor.ask(`/api/servers/${id}`);
  assert.equal(stopped.desired, "stopped");
  assert.match(stopped.reason, /ada/, "the reason names who stopped it");

  await visitor.go("/audit");
  for (const act of ["server.create", "server.start", "server.console.send", "server.restart", "server.stop"]) {
    await visitor.sees(act);
  }
  await visitor.button(/verify/i).first().click();
  await visitor.sees(/intact/i);
});

story("a server does not notice that its agent was killed", async ({ house, visitor }) => {
  await visitor.setUp();
  const id = await visitor.createServer("ticks", TICKS);
  await visitor.act("start");
  await visitor.seesState(/running/i);
  await visitor.seesLine("tick 5");
  await visitor.seesLink("live");
  const before = await visitor.ask(`/api/servers/${id}`);
  const shownPid = () => visitor.page.locator('[data-live="server"]').getByText(String(before.pid), { exact: true });
  await shownPid().waitFor();
  await visitor.page.evaluate(() => (window.isTheSamePage = true));

  visitor.expect(AWAY);
  await house.kill();
  assert.ok(isAlive(before.pid), "the server's process lives on without its agent");
  await visitor.seesLink("stale");
  await visitor.sees(/last heard \d+ s ago/);
  await visitor.look("server-host-away");
  await house.start();

  const adopted = async () => (await visitor.ask(`/api/servers/${id}`)).status === "running";
  await until("the server to be adopted", adopted);
  const after = await visitor.ask(`/api/servers/${id}`);
  assert.equal(after.pid, before.pid, "it is the same process");

  // The open page goes on by itself, and what was said meanwhile is in it.
  await visitor.seesLink("live");
  await visitor.seesState(/running/i);
  await shownPid().waitFor();
  assert.ok(await visitor.page.evaluate(() => window.isTheSamePage), "nobody had to load the page again");
  const seen = ticks(await visitor.consoleLines()).at(-1) ?? 0;
  await visitor.seesLine(`tick ${seen + 30}`);
  const all = ticks(await visitor.consoleLines());
  assert.deepEqual(all, all.map((_, place) => all[0] + place), "no line is lost, none is doubled");
});

function ticks(lines) {
  return lines.map((line) => /^tick (\d+)$/.exec(line.trim())?.[1]).filter(Boolean).map(Number);
}
