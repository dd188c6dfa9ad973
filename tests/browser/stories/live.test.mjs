// An open page tells the truth without being asked: states, consoles, the session's own end.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";
import { until } from "../harness/waiting.mjs";

const WAITS = ["/bin/sh", "-c", "echo ready; exec sleep 1000"];
/** Says 200,000 lines as fast as it can, then one that is told apart, and waits. */
const FLOODS = ["/bin/sh", "-c", "yes 'the tide comes in and goes out again' | head -200000 | cat -n; echo ebb; exec sleep 1000"];
const TICKS = ["/bin/sh", "-c", 'i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.05; done'];

/** How many lines the console keeps in the page. */
const MOST = 5000;
/** How long a page under a flood may keep a person waiting. Far above what it takes: the machine may be busy too. */
const ANSWERS_MS = 5000;

story("what is done elsewhere shows on every open page by itself", async ({ house, visitor, arrive }) => {
  await visitor.setUp();
  const id = await visitor.createServer("buoy", WAITS);
  const pages = { "/": /1\s*running/, "/servers": /running/, [`/servers/${id}`]: /running/ };
  const watchers = [];
  for (const path of Object.keys(pages)) {
    const watcher = await arrive();
    await watcher.signIn();
    await watcher.go(path);
    await watcher.seesLink("live");
    await watcher.page.evaluate(() => (window.isTheSamePage = true));
    watchers.push(watcher);
  }
  await house.does(["server", "start", "buoy"]);
  for (const [place, pattern] of Object.values(pages).entries()) {
    const { page } = watchers[place];
    const live = page.locator("[data-live]");
    await until(`"${pattern}" on ${page.url()}`, async () => pattern.test(await live.innerText()), 5000);
    assert.ok(await page.evaluate(() => window.isTheSamePage), "it was not loaded again");
  }
  await watchers[0].sees(/asked to start|started/);
  for (const watcher of watchers) watcher.assertContent();
});

story("a flood on the console leaves the page quick and its memory bounded", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.createServer("flood", FLOODS);
  await visitor.act("start");
  const list = visitor.page.locator(".console-lines");
  const slowest = { ms: 0 };
  const ebbed = async () => {
    const asked = performance.now();
    const [count, last] = await list.evaluate((lines) => [
      lines.childElementCount,
      lines.lastElementChild?.querySelector(".said")?.textContent,
    ]);
    slowest.ms = Math.max(slowest.ms, performance.now() - asked);
    assert.ok(count <= MOST, `${count} lines are in the page`);
    return last === "ebb";
  };
  await until("the end of the flood", ebbed, 60_000);
  assert.ok(slowest.ms < ANSWERS_MS, `the page was deaf for ${Math.round(slowest.ms)} ms`);
  const isAtEnd = () => list.evaluate((lines) => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24);
  await until("the console to follow", isAtEnd);

  const said = (items) => items.map((item) => (item.querySelector(".said") ?? item).textContent.trim());
  assertNothingUnsaid(await list.locator("li").evaluateAll(said));

  await visitor.page.locator("[data-search]").fill("199999");
  const found = visitor.page.locator(".console-lines li:visible");
  await until("the one line that fits", async () => (await found.count()) === 1);
  await visitor.page.locator("[data-search]").fill("");
  await until("all lines again", async () => (await found.count()) > 100);
});

/** Every numbered line follows the one before, or a remark between them says how many are not shown. */
function assertNothingUnsaid(lines) {
  let last;
  let skipped = 0;
  for (const line of lines) {
    const remark = /^(\d+) lines are not shown/.exec(line);
    const number = Number(/^(\d+)\s+the tide/.exec(line)?.[1]);
    if (remark) skipped += Number(remark[1]);
    if (!number) continue;
    if (last !== undefined) assert.equal(number, last + skipped + 1, `after ${last} and ${skipped} skipped: ${line}`);
    [last, skipped] = [number, 0];
  }
  assert.equal(last, 200_000);
}

story("a paused console stays where its reader is, and follows again when told to", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.createServer("ticks", TICKS);
  await visitor.act("start");
  await visitor.seesLine("tick 60");
  const list = visitor.page.locator(".console-lines");
  const follow = visitor.button("Follow");
  assert.equal(await follow.getAttribute("aria-pressed"), "true");

  await follow.click();
  await list.evaluate((lines) => (lines.scrollTop = 20));
  const count = () => list.evaluate((lines) => lines.childElementCount);
  const before = await count();
  await until("more lines", async () => (await count()) > before + 20);
  assert.equal(await list.evaluate((lines) => lines.scrollTop), 20);
  assert.equal(await follow.getAttribute("aria-pressed"), "false");

  await follow.click();
  const isAtEnd = () => list.evaluate((lines) => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24);
  await until("the end of the console", isAtEnd);
});

story("a session says that it is about to end, and stays if somebody is there", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.page.clock.install();
  await visitor.go("/profile");
  const endsIn = Number(await visitor.page.locator('meta[name="session-expires-in"]').getAttribute("content"));
  assert.ok(endsIn > 300, `the session ends in ${endsIn} s`);
  const warning = visitor.page.getByRole("dialog");
  assert.equal(await warning.isVisible(), false);

  await visitor.page.clock.fastForward((endsIn - 90) * 1000);
  await warning.waitFor();
  await visitor.sees(/1:[0-3]\d/);
  await visitor.look("session-warning");
  const renewed = visitor.page.waitForResponse(/\/api\/session\/activity$/);
  await visitor.button("Stay signed in").click();
  assert.equal((await renewed).status(), 200);
  await warning.waitFor({ state: "hidden" });
});
