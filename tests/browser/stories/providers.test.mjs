// Signing in at an OpenID provider: a new account, a second factor all the same, and an identity tied to one's account.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import { join } from "node:path";

import { IdentityProvider } from "../harness/provider.mjs";
import { story } from "../harness/story.mjs";

const PEOPLE = {
  "id-1": { preferred_username: "ann", name: "Ann Bee", email: "ann@example.org", email_verified: true, groups: ["crew"] },
  "id-2": { preferred_username: "otto", name: "Otto", email: "otto@example.org", email_verified: true, groups: ["ops"] },
  "id-3": { preferred_username: "mallory", email: "mallory@example.org", email_verified: false, groups: ["ops"] },
  "id-4": { preferred_username: "a.lovelace", email: "a.lovelace@elsewhere.example", email_verified: true, groups: [] },
};

/** The same house, which now knows a provider. */
async function withProvider(house, tell) {
  const provider = await IdentityProvider.open(house, PEOPLE);
  try {
    const secret = join(house.state, "provider.secret");
    await writeFile(secret, provider.secret, { mode: 0o600 });
    house.config = join(house.state, "watchroom.toml");
    const lines = [
      "[[identity.oidc]]",
      'name = "example"',
      'title = "Example"',
      `issuer = "${provider.issuer}"`,
      `client_id = "${provider.clientId}"`,
      `client_secret_file = "${secret}"`,
      `ca_file = "${join(house.state, "keys", "panel-ca.crt")}"`,
      "[identity.oidc.admit]",
      "create = true",
      'domains = ["example.org"]',
      'rules = ["groups contains ops -> operator", "groups contains crew -> viewer"]',
      "[shield.limits]",
      "sign_in = [{ limit = 100000, per_s = 60 }]",
      "anonymous = [{ limit = 100000, per_s = 60 }]",
    ];
    await writeFile(house.config, lines.join("\n"));
    await house.stop();
    await house.start();
    await tell(provider);
  } finally {
    await provider.close();
  }
}

story("somebody whom the provider knows comes in, and whoever needs a second factor adds one first", async ({ house, visitor, arrive }) => {
  await visitor.setUp();
  await visitor.page.goto("about:blank"); // The house starts anew in a moment.
  await withProvider(house, async (provider) => {
    const ann = await arrive();
    await ann.go("/login");
    await ann.look("sign-in-providers");
    await ann.go("/login?next=/profile");
    await ann.link("Sign in with Example").click();
    await ann.page.waitForURL((url) => url.pathname === "/profile");
    await ann.sees("ann@example.org");
    await ann.look("profile-with-identity");
    ann.assertContent();

    provider.person = "id-2";
    const otto = await arrive();
    await otto.go("/login");
    await otto.link("Sign in with Example").click();
    await otto.page.waitForURL((url) => url.pathname === "/mfa/setup");
    for (const path of ["/", "/servers", "/profile"]) {
      await otto.go(path);
      assert.equal(otto.path(), "/mfa/setup", path);
    }
    otto.assertContent();

    // Whose address nobody has made sure of gets no account, and no provider sends anybody to another site.
    provider.person = "id-3";
    const mallory = await arrive();
    await mallory.go("/login");
    await mallory.link("Sign in with Example").click();
    await mallory.sees(/opens no account here/);
    await mallory.go("/login/oidc/example?next=//evil.example/");
    assert.equal(new URL(mallory.page.url()).origin, house.panel);
    mallory.assertContent();
  });
});

story("an identity is tied to one's account, and what comes back counts once and in one browser", async ({ house, visitor, arrive }) => {
  await visitor.setUp();
  await visitor.page.goto("about:blank"); // The house starts anew in a moment.
  await withProvider(house, async (provider) => {
    provider.person = "id-4";
    const ada = await arrive();
    await ada.signIn();
    await ada.go("/profile");
    await ada.link("Tie Example").click();
    await ada.page.waitForURL((url) => url.pathname === "/profile/identities/tie");
    await ada.look("tie-identity");
    await ada.button("Tie it").click();
    await ada.sees(/identity was tied/);
    ada.assertContent();

    const again = await arrive();
    await again.go("/login");
    const came = again.page.waitForRequest((request) => request.url().includes("/login/oidc/example/callback?"));
    await again.link("Sign in with Example").click();
    const callback = (await came).url();
    await again.page.waitForURL((url) => url.pathname === "/login/mfa");
    await again.go("/profile");
    assert.equal(again.path(), "/login/mfa", "the provider's word alone opens nothing");
    await again.typeCode(house.kept.get("ada").codes.pop());
    again.assertContent();

    const thief = await arrive();
    for (const browser of [again, thief]) {
      await browser.context.clearCookies({ name: "__Host-watchroom_session" });
      await browser.go(callback);
      await browser.sees(/Begin again/);
      assert.equal(browser.path(), "/login");
    }

    await ada.go("/profile");
    await ada.button(/^Untie/).click();
    await ada.sees(/identity was untied/);
    ada.assertContent();
  });
});

/** One request, of a program that keeps cookies by host and follows nothing. */
async function ask(url, jar, agent) {
  const cookie = Object.entries(jar[new URL(url).host] ?? {}).map(([name, value]) => `${name}=${value}`);
  const headers = { accept: "text/html", "user-agent": "program", cookie: cookie.join("; ") };
  const response = await new Promise((resolve, reject) => get(url, { agent, headers }, resolve).on("error", reject));
  response.resume();
  const set = (response.headers["set-cookie"] ?? []).map((line) => line.split(";")[0].split(/=(.*)/s));
  return { status: response.statusCode, to: response.headers.location, set };
}

story("of a thousand that come back with one answer at once, one comes in", async ({ house, visitor }) => {
  await visitor.setUp();
  await visitor.page.goto("about:blank"); // The house starts anew in a moment.
  await withProvider(house, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 50, rejectUnauthorized: false });
    const jar = {};
    let url = `${house.panel}/login/oidc/example`;
    while (!url.startsWith(`${house.panel}/login/oidc/example/callback`)) {
      const { to, set } = await ask(url, jar, agent);
      Object.assign((jar[new URL(url).host] ??= {}), Object.fromEntries(set));
      url = new URL(to, url).href;
    }
    const all = await Promise.all(Array.from({ length: 1000 }, () => ask(url, jar, agent)));
    agent.destroy();
    const isIn = ({ set }) => set.some(([name, value]) => name === "__Host-watchroom_session" && value);
    assert.equal(all.filter(isIn).length, 1);
    assert.ok(all.every(({ status }) => status === 303), [...new Set(all.map(({ status }) => status))].join(" "));
  });
});
