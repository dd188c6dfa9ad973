// Passkeys with the browser's own authenticator: enrolling, signing in, the second step, a fresh proof, and what is refused.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";

const PASSWORD = "Tidal-Harbour-Lantern-42!";
const MAKE = 'form[action="/mfa/passkey"]';
const ENTER = 'form[action="/login/passkey/verify"]';
const SECOND = 'form[action="/login/mfa/passkey"]';

async function viewer(house, visitor) {
  await house.does(["user", "create", "vera", "--role", "viewer", "--password-file", "-"], `${PASSWORD}\n`);
  await visitor.signIn({ username: "vera" });
}

async function leave(visitor) {
  await visitor.page.locator('footer form[action="/logout"] button').click();
  await visitor.page.waitForURL(/\/login/);
}

async function halfWay(visitor, username) {
  await visitor.go("/login");
  await visitor.fill({ username, password: PASSWORD });
  await visitor.page.locator('form[action="/login"] button[type="submit"]').click();
  await visitor.page.waitForURL(/\/login\/mfa/);
}

story("a passkey is all that the first administrator needs", async ({ house, visitor }) => {
  await visitor.plugIn();
  await visitor.go(`/setup#code=${await house.setupCode()}`);
  await visitor.fill({ username: "ada", password: PASSWORD, confirm_password: PASSWORD });
  await visitor.page.locator('form button[type="submit"]').last().click();
  await visitor.page.waitForURL(/\/mfa\/setup/);
  await visitor.look("mfa-setup-passkey");
  await visitor.page.locator(`${MAKE} button`).click();
  await visitor.sees("Recovery codes");
  await visitor.link(/kept them/).click();
  await visitor.sees(/overview/i);

  await leave(visitor);
  await visitor.look("sign-in-passkey");
  await visitor.page.locator(`${ENTER} button`).click();
  await visitor.sees(/overview/i);
  await visitor.go("/profile");
  await visitor.sees("passkey");
  await visitor.look("profile-with-passkey");
  await visitor.button(/^Remove/).click();
  await visitor.sees(/your role requires a second factor/i);
});

story("a passkey is the second step after a password, and without its person not the only one", async ({ house, visitor }) => {
  await visitor.plugIn({ verifies: false });
  await viewer(house, visitor);
  await visitor.go("/profile");
  await visitor.link("Add a passkey").click();
  await visitor.page.locator(`${MAKE} button`).click();
  await visitor.sees("Recovery codes");
  await visitor.link(/kept them/).click();
  await visitor.sees("localhost");

  await leave(visitor);
  await halfWay(visitor, "vera");
  await visitor.look("mfa-passkey");
  await visitor.page.locator(`${SECOND} button`).click();
  await visitor.sees(/overview/i);

  await leave(visitor);
  await visitor.page.locator(`${ENTER} button`).click();
  await visitor.sees(/brought no passkey/);
});

story("what a browser brought once is worth nothing a second time, or elsewhere", async ({ house, visitor, arrive }) => {
  await visitor.plugIn();
  await viewer(house, visitor);
  await visitor.go("/mfa/setup?next=/profile");
  await visitor.page.locator(`${MAKE} button`).click();
  await visitor.link(/kept them/).click();
  await leave(visitor);
  const sent = visitor.page.waitForRequest((request) => request.url().endsWith("/login/passkey/verify"));
  await visitor.page.locator(`${ENTER} button`).click();
  await visitor.sees(/overview/i);
  const brought = Object.fromEntries(new URLSearchParams((await sent).postData()));
  delete brought.csrf_token;

  await leave(visitor);
  visitor.expect(/409|401/);
  assert.equal(await visitor.post("/login/passkey/verify", brought), 409, "the browser has another pre-session now");
  const other = await arrive();
  await other.go("/login");
  other.expect(/409/);
  assert.equal(await other.post("/login/passkey/verify", brought), 409);
  await other.sees(/took too long/);
  other.assertContent();
});

story("a passkey answers where the page asks again, and what was typed stays", async ({ house, visitor }) => {
  await visitor.plugIn();
  await viewer(house, visitor);
  await visitor.go("/mfa/setup?next=/profile");
  await visitor.page.locator(`${MAKE} button`).click();
  await visitor.link(/kept them/).click();
  await visitor.go("/profile");
  // As a page has it whose last proof is ten minutes old.
  await visitor.page.evaluate(async () => {
    const { offerProof } = await import(document.querySelector('script[type="module"]').src.replace("main.js", "passkey.js"));
    const field = Object.assign(document.createElement("div"), { className: "field" });
    field.append(Object.assign(document.createElement("input"), { type: "password", name: "password", autocomplete: "current-password" }));
    const form = document.createElement("form");
    form.append(field);
    document.getElementById("main").append(form);
    const place = document.createElement("div");
    const said = { words: "Use a passkey instead", asking: "waiting", failed: "failed", done: "proven now" };
    Object.assign(place.dataset, { options: "/step-up/passkey/options", action: "/step-up/passkey", ...said });
    offerProof(place);
  });
  await visitor.page.locator('form[action="/profile/tokens"] [name="name"]').fill("kept as it was");
  await visitor.page.locator("#main > form .field + div button").click();
  await visitor.sees("proven now");
  assert.equal(await visitor.page.locator('form[action="/profile/tokens"] [name="name"]').inputValue(), "kept as it was");
  await visitor.go("/profile");
  await visitor.sees("localhost");
});

story("without scripts there is no button for passkeys, and the rest works", async ({ house, arrive }) => {
  await house.does(["user", "create", "vera", "--role", "viewer", "--password-file", "-"], `${PASSWORD}\n`);
  const visitor = await arrive({ scripts: false });
  await visitor.go("/login");
  assert.equal(await visitor.page.locator(ENTER).isVisible(), false);
  await visitor.signIn({ username: "vera" });
  await visitor.sees(/overview/i);
  visitor.assertContent();
});
