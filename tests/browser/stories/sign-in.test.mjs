// Who comes in, who does not, and what they are told.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";

story("a wrong password is refused, says how many tries remain, and the right one comes in", async ({ visitor, arrive }) => {
  await visitor.setUp();
  const other = await arrive();
  other.expect(/401/);
  const refused = async (username) => {
    await other.go("/login");
    await other.fill({ username, password: "not-the-password" });
    const answer = other.page.waitForResponse((response) => response.request().method() === "POST");
    await other.page.locator('form[action="/login"] button[type="submit"]').click();
    assert.equal((await answer).status(), 401);
    await other.sees(/\d+ attempts (are left|remain)/i);
    assert.equal(await other.page.locator('[name="username"]').inputValue(), username, "what was typed is kept");
    assert.equal(await other.page.locator('[name="password"]').inputValue(), "", "but not the password");
    return other.page.locator("main").innerText();
  };
  const known = await refused("ada");
  const unknown = await refused("nobody-of-that-name");
  assert.equal(known, unknown, "a name that does not exist is not told apart");

  await other.signIn();
  await other.sees(/overview/i);
  other.assertContent();
});

story("whoever is not signed in is led to the sign-in page and then to where they wanted", async ({ visitor, arrive }) => {
  await visitor.setUp();
  const other = await arrive();
  await other.go("/servers/new");
  assert.equal(new URL(other.page.url()).pathname, "/login");
  await other.signIn();
  assert.equal(new URL(other.page.url()).pathname, "/servers/new");
  other.assertContent();
});

story("a session that was ended opens nothing any more", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/profile");
  await visitor.button(/sign out/i).first().click();
  await visitor.page.waitForURL(/login/);
  visitor.expect(/401/);
  await visitor.go("/servers");
  assert.match(new URL(visitor.page.url()).pathname, /login|session-expired/);
});

story("all other sessions are ended on the profile page, and what they have open shows nothing more", async ({ visitor, arrive }) => {
  await visitor.setUp();
  const other = await arrive();
  await other.signIn();
  await other.go("/servers");
  await other.seesLink("live");
  await visitor.go("/profile");
  const rows = visitor.page.locator('[aria-labelledby="sessions"] tbody tr');
  assert.equal(await rows.count(), 2);
  await visitor.look("profile-sessions");
  await visitor.button("End all others").click();
  await visitor.sees(/all your other sessions have ended/i);
  assert.equal(await rows.count(), 1);
  assert.equal(await visitor.button("End all others").count(), 0, "there are no others");
  await visitor.look("profile-one-session");

  // The page that was open notices by itself.
  other.expect(/401/);
  await other.page.waitForURL(/session-expired|login/);
  await other.go("/servers");
  assert.match(other.path(), /login|session-expired/);
  other.assertContent();
});

story("the set-up code works once", async ({ house, visitor, arrive }) => {
  const code = await house.setupCode();
  await visitor.setUp();
  const other = await arrive();
  other.expect(/40[0-9]|410/);
  await other.go(`/setup#code=${code}`);
  assert.equal(await other.page.locator('[name="confirm_password"]').count(), 0, "no second first administrator");
});

story("a form with an old token is refused in words, and nothing is changed", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/servers/new");
  await visitor.fill({ name: "never", command: "/bin/true" });
  await visitor.page.locator('[action="/servers/new"] [name="csrf_token"]').evaluate((field) => (field.value = "old"));
  visitor.expect(/403/);
  const answer = visitor.page.waitForResponse((response) => response.request().method() === "POST");
  await visitor.page.locator('main form[action="/servers/new"] button[type="submit"]').click();
  assert.equal((await answer).status(), 403);
  assert.equal((await visitor.ask("/api/servers")).items.length, 0);
});

story("the page warns two minutes before the session ends, and a click or a key moves the end", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.page.clock.install();
  await visitor.go("/servers");
  const { page } = visitor;
  const left = Number(await page.locator('meta[name="session-expires-in"]').getAttribute("content"));
  assert.ok(left > 7 * 3600 && left <= 8 * 3600, `${left}`);
  const warning = page.locator("dialog:has([data-stay])");
  await page.clock.fastForward((left - 130) * 1000);
  assert.equal(await warning.isVisible(), false, "it is too soon");
  await page.clock.fastForward(20 * 1000);
  await warning.waitFor({ state: "visible" });
  assert.match(await warning.locator("[data-left]").innerText(), /^1:[0-5][0-9]$/);
  const renewed = page.waitForResponse((response) => response.url().endsWith("/api/session/activity"));
  await warning.locator("[data-stay]").click();
  assert.equal((await renewed).status(), 200);
  await warning.waitFor({ state: "hidden" });

  // Nobody does anything any more.
  visitor.expect(/401/);
  await page.clock.fastForward((left + 1) * 1000);
  await page.waitForURL(/session-expired/);
  await visitor.sees(/sign in/i);
});
