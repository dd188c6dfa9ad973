// Second factors: enrolling at the first sign-in, the second step, and one's own on the profile page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { code } from "../harness/authenticator.mjs";
import { story } from "../harness/story.mjs";

const PASSWORD = "Tidal-Harbour-Lantern-42!";

/** Types name and password, and stops there. */
async function halfWay(visitor, username = "ada") {
  await visitor.go("/login");
  await visitor.fill({ username, password: PASSWORD });
  await visitor.page.locator('form[action="/login"] button[type="submit"]').click();
  await visitor.page.waitForURL((url) => url.pathname !== "/login");
}

story("the first administrator is led into enrolment and sees nothing before", async ({ house, visitor, arrive }) => {
  await visitor.go(`/setup#code=${await house.setupCode()}`);
  await visitor.fill({ username: "ada", password: PASSWORD, confirm_password: PASSWORD });
  await visitor.page.locator('form button[type="submit"]').last().click();
  await visitor.page.waitForURL(/\/mfa\/setup/);
  await visitor.look("mfa-setup");
  assert.ok((await visitor.page.locator("svg.qr").boundingBox()).width > 150, "the picture can be scanned");
  for (const path of ["/", "/servers", "/profile", "/audit"]) {
    await visitor.go(path);
    assert.equal(visitor.path(), "/mfa/setup", path);
  }

  visitor.expect(/400/);
  await visitor.fill({ code: "000000" });
  await visitor.page.locator('form[action="/mfa/setup"] button[type="submit"]').click();
  await visitor.sees(/the code is wrong/i);

  const secret = await visitor.page.locator(".secret code").innerText();
  await visitor.fill({ code: code(secret) });
  await visitor.page.locator('form[action="/mfa/setup"] button[type="submit"]').click();
  await visitor.sees("Recovery codes");
  await visitor.look("recovery-codes");
  const codes = await visitor.page.locator(".codes li").allInnerTexts();
  const saved = visitor.page.waitForEvent("download");
  await visitor.link(/text file/).click();
  const text = await readFile(await (await saved).path(), "utf8");
  assert.deepEqual(text.trim().split("\n"), codes);
  await visitor.link(/kept them/).click();
  await visitor.sees(/overview/i);

  const other = await arrive();
  await halfWay(other);
  assert.equal(other.path(), "/login/mfa");
  await other.look("mfa");
  await other.go("/servers");
  assert.equal(other.path(), "/login/mfa", "half a session leads nowhere else");
  other.expect(/401/);
  await other.fill({ code: "000000" });
  await other.page.locator('form[action="/login/mfa"] button[type="submit"]').click();
  await other.sees(/4 attempts are left/);
  await other.typeCode(code(secret, 1));
  assert.equal(other.path(), "/servers", "and then to where one wanted");
  other.assertContent();
});

story("who leaves half-way is nobody again", async ({ visitor, arrive }) => {
  await visitor.setUp();
  const other = await arrive();
  await halfWay(other);
  await other.button(/somebody else/).click();
  await other.page.waitForURL(/\/login$/);
  await other.go("/login/mfa");
  assert.equal(other.path(), "/login");
  other.assertContent();
});

story("a device is added and removed on the profile page, and recovery codes made anew", async ({ house, visitor }) => {
  await house.does(["user", "create", "vera", "--role", "viewer", "--password-file", "-"], `${PASSWORD}\n`);
  await visitor.signIn({ username: "vera" });
  await visitor.go("/profile");
  await visitor.sees(/a stolen password opens nothing/i);
  await visitor.link("Add an authenticator").click();
  await visitor.enrol({ username: "vera" });
  assert.equal(visitor.path(), "/profile");
  await visitor.sees(/Recovery codes left: 10/);
  await visitor.look("profile-with-factor");

  await visitor.button("Make new ones").click();
  await visitor.sees(/Each signs you in once/);
  const fresh = await visitor.page.locator(".codes li").allInnerTexts();
  assert.ok(fresh.every((one) => !house.kept.get("vera").codes.includes(one)));
  await visitor.link(/kept them/).click();

  await visitor.button(/^Remove/).click();
  await visitor.sees(/The second factor was removed/);
  await visitor.sees(/a stolen password opens nothing/i);
});

story("after ten minutes the password and a code are asked for before a factor goes", async ({ house, visitor }) => {
  await house.does(["user", "create", "vera", "--role", "viewer", "--password-file", "-"], `${PASSWORD}\n`);
  await visitor.signIn({ username: "vera" });
  await visitor.go("/mfa/setup?next=/profile");
  await visitor.enrol({ username: "vera" });
  await visitor.page.goto("about:blank"); // The house starts anew in a moment.
  await house.stop();
  await house.age(11);
  await house.start();

  await visitor.go("/profile");
  await visitor.sees(/asked again, since this changes how somebody signs in/i);
  await visitor.look("profile-asks-again");
  const row = visitor.page.locator('form[action$="/remove"]');
  await row.locator('[name="password"]').fill(PASSWORD);
  await row.locator("button").click();
  assert.equal(visitor.path(), "/profile", "the browser itself asks for the code");
  await row.locator('[name="code"]').fill("000000");
  await row.locator("button").click();
  await visitor.sees(/that code is wrong or was used before/i);
  await row.locator('[name="password"]').fill(PASSWORD);
  await row.locator('[name="code"]').fill(house.kept.get("vera").codes.pop());
  await row.locator("button").click();
  await visitor.sees(/The second factor was removed/);
});

story("the second step works without scripts", async ({ house, visitor, arrive }) => {
  await visitor.setUp();
  const other = await arrive({ scripts: false });
  await halfWay(other);
  await other.typeCode(house.kept.get("ada").codes.pop());
  await other.sees(/overview/i);
  other.assertContent();
});
