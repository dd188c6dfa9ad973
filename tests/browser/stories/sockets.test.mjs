// WebSockets as a browser opens them: from a page of the panel, and from a page of somebody else's.

import assert from "node:assert/strict";
import { createServer } from "node:http";

import { story } from "../harness/story.mjs";
import { until } from "../harness/waiting.mjs";

const WAITS = ["/bin/sh", "-c", "exec sleep 1000"];

/** A page of somebody else's on this machine: from further away the browser itself opens nothing here. */
async function elsewhere() {
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<p>somebody else's"));
  await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
  const close = () => new Promise((closed) => server.close(closed).closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}

/** Opens a socket in a tab; all that is heard on it, its end included. */
async function open(tab, url) {
  const heard = [];
  const name = `told${Math.random().toString(36).slice(2)}`;
  await tab.exposeFunction(name, (what) => heard.push(what));
  await tab.evaluate(
    ([url, told]) => {
      const socket = new WebSocket(url, "watchroom.v1");
      socket.onopen = () => socket.send(JSON.stringify({ do: "subscribe", topics: ["server"] }));
      socket.onmessage = ({ data }) => window[told](JSON.parse(data));
      socket.onclose = ({ code, reason }) => window[told]({ code, reason });
    },
    [url, name],
  );
  return heard;
}

const event = (heard, name) => until(`${name} among ${JSON.stringify(heard)}`, async () => heard.find((one) => one.event === name));
const end = (heard) => until("the end of a socket", async () => heard.find((one) => one.code));

story("a page of the panel hears by WebSocket what changes until its session ends, and other pages hear nothing", async ({ house, visitor }) => {
  await visitor.setUp();
  const id = await visitor.createServer("buoy", WAITS);
  const address = `${house.panel.replace(/^https/, "wss").replace(/\/$/, "")}/api/ws`;
  const tab = await visitor.context.newPage();
  await tab.goto("/api/openapi.json");
  const heard = await open(tab, address);
  await event(heard, "subscribed");
  await house.does(["server", "start", "buoy"]);
  assert.equal((await event(heard, "server")).data.id, id);

  const { ticket } = await visitor.page.evaluate(async () => {
    const me = await (await fetch("/api/auth/me")).json();
    const headers = { "x-csrf-token": me.csrf_token };
    return (await fetch("/api/ws/ticket", { method: "POST", headers })).json();
  });
  const [other, page] = [await visitor.context.newPage(), await elsewhere()];
  try {
    await other.goto(page.url);
    for (const url of [address, `${address}?ticket=${ticket}`]) {
      assert.deepEqual(await end(await open(other, url)), { code: 1008, reason: "refused" });
    }
  } finally {
    await other.close();
    await page.close();
  }
  const byTicket = await open(tab, `${address}?ticket=${ticket}`);
  await event(byTicket, "subscribed");

  visitor.expect(/401/);
  await house.does(["session", "end", "ada", "--all"]);
  for (const one of [heard, byTicket]) {
    assert.deepEqual(await end(one), { code: 1008, reason: "session ended" });
    assert.equal(one.at(-2).event, "ended");
  }
});
