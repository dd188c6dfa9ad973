// People: inviting somebody, who makes their account; a new password by a link; sessions and accounts of others.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";

const PASSWORD = "Quiet-Beacon-Harbour-77!";
const NEW = "Slow-Tide-Compass-58!";

/** The link that the page shows this once, without the house in front. */
async function shownLink(visitor) {
  const text = await visitor.page.locator(".secret code").innerText();
  const link = new URL(text);
  return `${link.pathname}${link.hash}`;
}

story("somebody is invited by a link, makes their account, forgets the password and is kept out", async ({ visitor, arrive }) => {
  await visitor.setUp();
  await visitor.go("/access/people");
  await visitor.sees(/invitations that wait/i);
  await visitor.page.locator('select[name="role"]').selectOption("viewer");
  await visitor.page.locator('form[action="/access/people/invite"] button').click();
  await visitor.sees(/shown this once/i);
  await visitor.look("people-invited");
  const invitation = await shownLink(visitor);

  const bob = await arrive();
  await bob.go(invitation);
  assert.ok(!bob.page.url().includes("#"), "the code has left the address");
  await bob.look("invitation");
  const submit = () => bob.page.locator('form[action="/invitation"] button[type="submit"]').click();
  await bob.page.locator('[name="username"]').fill("bob");
  await bob.page.locator('[name="password"]').pressSequentially("weak");
  await bob.sees(/easy to guess.*at least 12 characters/i);
  await bob.look("invitation-strength");
  await bob.page.locator('[name="password"]').fill(PASSWORD);
  await bob.sees(/hard to guess/i);
  await bob.fill({ username: "bob", password: "weak", confirm_password: "weak" });
  bob.expect(/400/);
  await submit();
  await bob.sees(/use at least 12 characters/i);
  await bob.look("invitation-refused");
  await bob.fill({ password: PASSWORD, confirm_password: PASSWORD });
  await submit();
  await bob.sees(/your account is made/i);

  const mallory = await arrive();
  await mallory.go(invitation);
  await mallory.fill({ username: "mallory", password: PASSWORD, confirm_password: PASSWORD });
  mallory.expect(/410/);
  await mallory.page.locator('form[action="/invitation"] button[type="submit"]').click();
  await mallory.sees(/was used, is too old, or never was/i);

  await visitor.go("/access/people");
  const row = visitor.page.locator('[aria-labelledby="people"] tbody tr', { hasText: "bob" });
  await row.locator("summary").click();
  await visitor.look("people-acts");
  await row.locator('form[action$="/reset-link"] button').click();
  await visitor.sees(/a link to a new password/i);
  await bob.go(await shownLink(visitor));
  await bob.look("reset-password");
  await bob.fill({ new_password: NEW, confirm_password: NEW });
  await bob.page.locator('form[action="/reset-password"] button[type="submit"]').click();
  await bob.sees(/your password is set/i);
  await bob.signIn({ username: "bob", password: NEW });

  await visitor.go("/access/people");
  await row.locator("summary").click();
  await row.locator('form[action$="/disable"] button').click();
  await visitor.sees(/bob is disabled/i);
  await visitor.look("people-disabled");
  await bob.go("/servers");
  assert.equal(bob.path(), "/login");
});
