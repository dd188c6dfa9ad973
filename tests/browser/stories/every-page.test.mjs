// Every page is looked at in light, dark and phone width: no complaint of the browser, of axe, or of the width.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";

const COLOURS = ["/bin/sh", "-c", 'printf "\\033[32mready\\033[0m to go\\n"; echo oops >&2; while read l; do echo "got $l"; done'];

/** What every answer carries, refusals included. */
const HEADERS = [
  "content-security-policy",
  "cross-origin-opener-policy",
  "permissions-policy",
  "referrer-policy",
  "x-content-type-options",
  "x-request-id",
];

story("every page is legible in light, dark and on a phone", async ({ house, visitor, arrive }) => {
  await visitor.go(`/setup#code=${await house.setupCode()}`);
  await visitor.look("setup");
  await visitor.setUp();

  const stranger = await arrive();
  await stranger.go("/login");
  await stranger.look("sign-in");
  stranger.assertContent();

  await visitor.go("/servers");
  await visitor.look("servers-empty");
  await visitor.go("/servers/new");
  await visitor.look("server-create");
  await visitor.createServer("lighthouse", COLOURS);
  await visitor.act("start");
  await visitor.seesState(/running/i);
  await visitor.seesLine("ready to go");
  await visitor.send("hello");
  await visitor.seesLine("got hello");
  await visitor.look("server");

  const [node] = (await visitor.ask("/api/nodes")).items;
  const pages = {
    overview: "/",
    nodes: "/nodes",
    node: `/nodes/${node.id}`,
    servers: "/servers",
    audit: "/audit",
    people: "/access/people",
    roles: "/access/roles",
    role: "/access/roles/viewer",
    "role-new": "/access/new-role",
    "groups-empty": "/access/groups",
    locks: "/access/locks",
    mail: "/settings/mail",
    profile: "/profile",
    "session-expired": "/session-expired",
  };
  visitor.expect(/401/); // The page after a session's end says so in its status too.
  for (const [name, path] of Object.entries(pages)) {
    await visitor.go(path);
    await visitor.look(name);
  }
});

/** Names, reasons and commands as long as they may be. */
const LONG_NAME = "the-lighthouse-of-the-outermost-skerry-beyond-the-north-pier-eas";
const LONG_WORD = "x".repeat(300);

story("pages hold when things go wrong and names are long", async ({ house, visitor }) => {
  await visitor.setUp();
  await visitor.go("/servers/new");
  await visitor.fill({ name: "not a name", command: "/bin/true" });
  visitor.expect(/400/);
  await visitor.page.locator('main form[action="/servers/new"] button[type="submit"]').click();
  await visitor.sees(/name/i);
  await visitor.look("server-create-refused");
  await visitor.fill({ name: "missing", command: "/usr/bin/no-such-program" });
  await visitor.page.locator('main form[action="/servers/new"] button[type="submit"]').click();
  await visitor.sees(/no-such-program/);
  await visitor.look("server-create-no-command");

  const id = await visitor.createServer(LONG_NAME, ["/bin/sh", "-c", `echo ${LONG_WORD}; exit 3`, LONG_WORD], "never");
  await visitor.act("start");
  await visitor.seesState(/crash loop|failed/i);
  await visitor.look("server-failed");
  await visitor.createServer("anchor", ["/bin/sleep", "1000"]);
  await house.does(["server", "start", "anchor"]);
  for (const [name, path] of Object.entries({ "overview-trouble": "/", "servers-trouble": "/servers", "servers-none-found": "/servers?name=nothing" })) {
    await visitor.go(path);
    await visitor.look(name);
  }

  await visitor.go(`/servers/${id}`);
  await visitor.page.locator("#remove summary").click();
  await visitor.fill({ confirm_name: "another" });
  await visitor.page.locator("#remove button").click();
  await visitor.sees("this is not the server's name");
  await visitor.look("server-remove-refused");

  await visitor.go("/profile");
  await visitor.fill({ name: "backup" });
  await visitor.page.locator('form[action="/profile/tokens"] button').click();
  await visitor.sees(/wr_pat_/);
  await visitor.look("token-made");

  await visitor.go("/audit");
  await visitor.page.locator(".log details summary").nth(2).click();
  await visitor.look("audit-entry-open");
});

story("every refusal is a friendly page with the request id and all headers", async ({ visitor }) => {
  await visitor.setUp();
  visitor.expect(/40[0-9]|429/);
  for (const [path, status] of [["/nowhere", 404], ["/servers/not-an-id", 404], ["/logout", 405]]) {
    const answer = await visitor.page.goto(path);
    assert.equal(answer.status(), status, path);
    const headers = answer.headers();
    for (const name of HEADERS) assert.ok(headers[name], `${name} is there`);
    await visitor.sees(headers["x-request-id"]);
    await visitor.look(`error-${status}`);
  }
});

story("too many requests are answered with a page that says to wait", async ({ visitor }) => {
  await visitor.go("/login");
  visitor.expect(/4\d\d/);
  let status = 0;
  for (let tries = 0; tries < 200 && status !== 429; tries += 1) {
    const answer = await visitor.context.request.post(new URL("/login", visitor.house.panel).href, {
      form: { username: "nobody", password: "nothing" }, headers: { accept: "text/html" }, failOnStatusCode: false,
    });
    status = answer.status();
  }
  assert.equal(status, 429, "sign-in is limited");
  const answer = await visitor.post("/login");
  assert.equal(answer, 429);
  await visitor.sees("Too many requests");
  await visitor.look("error-429");
});

story("every page can be used with the keyboard alone", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/servers/new");
  const focused = () => visitor.page.evaluate(() => document.activeElement?.getAttribute("name") ?? document.activeElement?.tagName);
  const reached = new Set();
  for (let presses = 0; presses < 40; presses += 1) {
    await visitor.page.keyboard.press("Tab");
    reached.add(await focused());
  }
  for (const name of ["name", "command", "restart_policy", "BUTTON"]) assert.ok(reached.has(name), `Tab reaches ${name}`);
});
