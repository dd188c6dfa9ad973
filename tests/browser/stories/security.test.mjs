// Who is kept out, and what input looked like an attack: seen and decided on the pages.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Fail2ban } from "../harness/fail2ban.mjs";
import { story } from "../harness/story.mjs";
import { until } from "../harness/waiting.mjs";

story("a network is banned and let back in, and one's own is held until it is confirmed", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/security");
  await visitor.sees(/nobody is kept out/i);
  const ban = async (network, reason) => {
    await visitor.fill({ network, reason });
    await visitor.page.locator('form[action="/security/bans"] button[type="submit"]').click();
  };
  await ban("not a network", "slip");
  visitor.expect(/400/);
  await visitor.sees(/network/i);
  await visitor.look("security-refused");
  await ban("198.51.100.0/24", "scans all night");
  await visitor.sees(/198\.51\.100\.0\/24 is banned/i);
  await ban("127.0.0.0/8", "a slip");
  await visitor.sees(/is held: it would hit/i);
  const rows = visitor.page.locator('[aria-labelledby="bans"] tbody tr');
  assert.equal(await rows.count(), 2);
  await visitor.look("security-bans");
  // Held, it hits nobody: the page still answers.
  for (const network of ["127.0.0.0/8", "198.51.100.0/24"]) {
    await rows.filter({ hasText: network }).locator('form[action$="/lift"] button').click();
    await visitor.sees(new RegExp(`the ban of ${network.replaceAll(".", "\\.")} is lifted`, "i"));
  }
  await visitor.sees(/nobody is kept out/i);
});

story("the certificate stands on the page, and a decoy is made there, touched and removed", async ({ house, visitor, arrive }) => {
  await visitor.setUp();
  await visitor.go("/security");
  const certificate = visitor.page.locator('[aria-labelledby="certificate"]');
  assert.match(await certificate.innerText(), /localhost[\s\S]*own authority[\s\S]*([0-9A-F]{2}:){31}[0-9A-F]{2}[\s\S]*days left/);
  const decoys = visitor.page.locator('[aria-labelledby="decoys"]');
  await visitor.sees(/no decoy tokens/i);
  const make = async (name) => {
    await decoys.locator('[name="name"]').fill(name);
    await decoys.locator('form[action="/security/decoys"] button[type="submit"]').click();
  };
  await make("no spaces");
  visitor.expect(/400/);
  await visitor.sees(/a token name has/i);
  assert.equal(await visitor.page.evaluate(() => document.activeElement.name), "name");
  await visitor.look("decoy-refused");
  await make("old-backup");
  await visitor.sees(/shown this once/i);
  const text = await visitor.page.locator(".secret code").innerText();
  await visitor.look("decoy-made");
  // A ban of this machine itself is held: the page still answers.
  const bearer = { headers: { Authorization: `Bearer ${text}` }, failOnStatusCode: false };
  const thief = await visitor.page.context().browser().newContext({ ignoreHTTPSErrors: true });
  assert.equal((await thief.request.get(new URL("/api/nodes", house.panel).href, bearer)).status(), 401);
  await thief.close();
  await until("the touch", async () => {
    await visitor.go("/security");
    return /from (127\.0\.0\.1|::1)/.test(await decoys.innerText());
  });
  assert.doesNotMatch(await visitor.page.content(), new RegExp(text));
  await visitor.look("decoy-touched");
  // The forms need no scripts.
  const plain = await arrive({ scripts: false });
  await plain.signIn();
  await plain.go("/security");
  await plain.page.locator('form[action$="/remove"] button').click();
  await plain.sees(/the decoy old-backup is removed/i);
  await plain.sees(/no decoy tokens/i);
  await plain.page.locator('[aria-labelledby="decoys"] [name="name"]').fill("wiki");
  await plain.page.locator('form[action="/security/decoys"] button[type="submit"]').click();
  assert.match(await plain.page.locator(".secret code").innerText(), /^wr_pat_/);
  await plain.go("/security");
  await plain.sees("wiki");
  assert.equal(await plain.page.locator(".secret").count(), 0);
  plain.assertContent();
});

story("input that looks like an attack is refused and stands on the page of findings, without what was sent", async ({ visitor }) => {
  await visitor.setUp();
  visitor.expect(/400/);
  const answer = await visitor.page.goto(`/servers?name=${encodeURIComponent("x' or '1'='1")}`);
  assert.equal(answer.status(), 400);
  await visitor.look("input-refused");
  await visitor.go("/security");
  await visitor.link(/input findings/i).click();
  const found = visitor.page.locator("tbody tr", { hasText: "name" });
  await until("the finding", async () => {
    await visitor.page.reload();
    return (await found.count()) > 0;
  });
  assert.doesNotMatch(await visitor.page.locator("main").innerText(), /'1'='1/);
  await visitor.look("findings");
});

story("what the policy keeps out of a page is reported by the browser and stands on the page", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/security");
  await visitor.sees(/no browser has reported anything/i);
  visitor.expect(/Content Security Policy|CSP: script-src/i);
  // As markup would that somebody got into a page.
  await visitor.page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'taken over'";
    document.body.append(script);
  });
  assert.notEqual(await visitor.page.title(), "taken over");
  const told = visitor.page.locator('[aria-labelledby="violations"] tbody tr', { hasText: "inline" });
  await until("the report", async () => {
    await visitor.page.reload();
    return (await told.count()) > 0;
  });
  assert.match(await told.first().innerText(), /\/security[\s\S]*script-src/);
  await visitor.look("violations");
});

story("whom the machine's fail2ban keeps out is seen and let out, once the machine allows that", async ({ house, visitor }) => {
  await visitor.setUp();
  await visitor.go("/security");
  await visitor.link(/bans of fail2ban/i).click();
  await visitor.sees(/allow = true under \[fail2ban\]/i);
  await visitor.look("fail2ban-not-allowed");
  // A page that is left has no streams that a restart could break.
  await visitor.page.goto("about:blank");
  const server = await Fail2ban.open();
  try {
    await server.ban("198.51.100.7", "2001:db8::5", "192.0.2.0/24");
    const folder = join(house.state, "etc");
    await mkdir(folder);
    house.config = join(folder, "watchroom.toml");
    await writeFile(house.config, "");
    await writeFile(join(folder, "node.toml"), `[fail2ban]\nallow = true\nsocket = "${server.socket}"\n`);
    await house.stop();
    await house.start();
    // The Host's own node comes a moment after the Host.
    const rows = visitor.page.locator('[aria-labelledby="jail"] tbody tr');
    await until("the list", async () => {
      await visitor.go("/security/fail2ban");
      return (await rows.count()) === 3;
    });
    const lift = async (address) => {
      const row = rows.filter({ hasText: address });
      await row.locator("summary").click();
      await visitor.look(`fail2ban-${address.replaceAll(/\W/g, "-")}`);
      await row.locator('form[action="/security/fail2ban/lift"] button').click();
      await visitor.sees(`${address} is let out of fail2ban's jail`);
      assert.ok((await server.acts()).includes(`unban ${address}`), `${await server.acts()}`);
    };
    await lift("198.51.100.7");
    assert.equal(await rows.count(), 2);
    await lift("2001:db8::5");
    await lift("192.0.2.0/24");
    await visitor.sees(/nobody is kept out/i);
    await visitor.look("fail2ban-nobody");
  } finally {
    await server.close();
  }
});
