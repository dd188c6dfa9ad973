// What roles give is seen and changed, groups hold them, and a lock is made, held back where it would shut oneself out, and lifted.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";

story("a lock is made and lifted, and one on oneself is held until it is confirmed", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/access/locks");
  await visitor.sees(/nothing is locked/i);
  const lock = async (kind, target, reason) => {
    await visitor.page.locator('select[name="kind"]').selectOption(kind);
    await visitor.fill({ target, reason });
    await visitor.page.locator('form[action="/access/locks"] button[type="submit"]').click();
  };
  visitor.expect(/400/);
  await lock("user", "nobody-of-that-name", "a slip");
  await visitor.sees(/nothing of that name to lock/i);
  await lock("role", "admin", "a slip");
  await visitor.sees(/would shut out yourself/i);
  await visitor.look("locks-held");
  await lock("role", "viewer", "a drill");
  await visitor.sees(/the lock holds/i);
  const rows = visitor.page.locator('[aria-labelledby="locks"] tbody tr');
  assert.equal(await rows.count(), 1);
  await visitor.look("locks-one");
  await rows.locator('form[action$="/lift"] button').click();
  await visitor.sees(/the lock is lifted/i);
  await visitor.sees(/nothing is locked/i);
});

story("the matrix of roles says what each gives, and who holds which", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/access/people");
  await visitor.page.locator('main a[href="/access/roles"]').click();
  const row = visitor.page.locator('[aria-labelledby="matrix"] tbody tr', { hasText: "nodes:modify" });
  const cells = await row.locator("td").allInnerTexts();
  const roles = await visitor.page.locator('[aria-labelledby="matrix"] thead th').allInnerTexts();
  const gives = (role) => cells[roles.findIndex((name) => name.trim() === role) - 1].trim();
  assert.deepEqual([gives("admin"), gives("operator"), gives("viewer")], ["yes", "yes", "\u2013"]);
  await visitor.sees(/who holds which/i);
  assert.equal(await visitor.page.locator('[aria-labelledby="grants"] tbody tr').count(), 1);
});

story("a role is made, given at a scope, looked ahead of, changed, taken and removed", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/access/roles");
  await visitor.page.locator('main a[href="/access/new-role"]').click();
  const tick = (pattern, value = true) => visitor.page.locator(`[name="may.${pattern}"]`).setChecked(value);
  const make = () => visitor.page.locator('form[action="/access/new-role"] button').click();
  visitor.expect(/400/);
  await visitor.fill({ name: "Night Watch" });
  await tick("nodes:read");
  await make();
  await visitor.sees(/1 to 32 small letters/i);
  assert.ok(await visitor.page.locator('[name="may.nodes:read"]').isChecked(), "what was ticked is kept");
  await visitor.look("role-refused");
  await visitor.fill({ name: "night-watch" });
  await make();
  await visitor.sees(/the role night-watch is made/i);

  const give = async (fields) => {
    await visitor.page.locator('form[action="/access/grants"] [name="user"]').fill(fields.user);
    await visitor.page.locator('form[action="/access/grants"] [name="role"]').selectOption("night-watch");
    await visitor.page.locator('form[action="/access/grants"] [name="at"]').selectOption(fields.at);
    await visitor.page.locator('form[action="/access/grants"] [name="place"]').fill(fields.place ?? "");
    await visitor.page.locator('form[action="/access/grants"] button[type="submit"]').click();
  };
  await give({ user: "nobody", at: "node", place: "no-such-node" });
  await visitor.sees(/there is no such person/i);
  await visitor.sees(/there is no such place/i);
  await visitor.look("roles-give-refused");
  await give({ user: "ada", at: "node-label", place: "site=north" });
  await visitor.sees(/ada holds night-watch/i);
  const row = visitor.page.locator('[aria-labelledby="grants"] tbody tr', { hasText: "night-watch" });
  await visitor.sees(/on nodes with site = north/i);
  await visitor.look("roles-given");

  await visitor.page.locator('[aria-labelledby="matrix"] th a', { hasText: "night-watch" }).click();
  await tick("audit:*");
  await visitor.page.locator('button[formaction$="/look-ahead"]').click();
  await visitor.sees(/nobody would gain or lose anything/i);
  await tick("nodes:read", false);
  const save = visitor.page.locator('main form.card button.first');
  await save.click();
  // What is saved is what its effect was shown of: it is shown again first.
  await visitor.sees(/if you do this/i);
  await save.click();
  await visitor.sees(/night-watch gives that from now on/i);
  const changed = await visitor.ask("/api/roles/night-watch");
  assert.deepEqual(changed.permissions, ["audit:*"]);

  await visitor.go("/access/roles/night-watch");
  await visitor.page.locator('form[action$="/remove"] button').click();
  await visitor.sees(/the role is still held/i);
  await visitor.go("/access/roles");
  await row.locator("button").click();
  await visitor.sees(/the role is taken away/i);
  await visitor.go("/access/roles/night-watch");
  await visitor.page.locator('form[action$="/remove"] button').click();
  await visitor.sees(/the role night-watch is removed/i);
});

story("the administrator's role stays as it is, and with the last administrator", async ({ visitor }) => {
  await visitor.setUp();
  await visitor.go("/access/roles/admin");
  await visitor.sees(/you cannot change it/i);
  await visitor.look("role-fixed");
  await visitor.go("/access/roles");
  await visitor.page.locator('[aria-labelledby="grants"] tbody tr', { hasText: "ada" }).locator("button").click();
  await visitor.sees(/last active administrator/i);
});

story("who would gain or lose by a changed role is shown before it is saved", async ({ house, visitor }) => {
  await visitor.setUp();
  await house.does(["user", "create", "vera", "--role", "viewer", "--password-file", "-"], "Quiet-Beacon-Harbour-77!");
  await visitor.go("/access/roles/viewer");
  await visitor.page.locator('[name="may.nodes:read"]').setChecked(false);
  await visitor.page.locator('[name="may.audit:read"]').setChecked(true);
  await visitor.page.locator('button[formaction$="/look-ahead"]').click();
  const rows = visitor.page.locator('[aria-labelledby="ahead"] tbody tr');
  assert.equal(await rows.count(), 2);
  assert.match(await rows.nth(0).innerText(), /vera[\s\S]*gain[\s\S]*audit:read/);
  assert.match(await rows.nth(1).innerText(), /vera[\s\S]*lose[\s\S]*nodes:read/);
  await visitor.look("role-ahead");
});

story("a group is made, filled, given a role, renamed, emptied and removed", async ({ house, visitor }) => {
  await visitor.setUp();
  await house.does(["user", "create", "vera", "--role", "auditor", "--password-file", "-"], "Quiet-Beacon-Harbour-77!");
  await visitor.go("/access/people");
  await visitor.page.locator('main a[href="/access/groups"]').click();
  await visitor.sees(/there are no groups/i);
  visitor.expect(/400/);
  const make = async (name) => {
    await visitor.fill({ name });
    await visitor.page.locator('form[action="/access/groups"] button').click();
  };
  await make("The Ops");
  await visitor.sees(/1 to 32 small letters/i);
  await visitor.look("groups-refused");
  await make("ops");
  await visitor.sees(/the group ops is made/i);
  const card = visitor.page.locator('[aria-labelledby="group-ops"]');
  const open = () => card.locator("summary").click();
  await open();
  await card.locator('[name="user"]').fill("vera");
  await card.locator('form[action$="/members"] button[formaction$="/look-ahead"]').click();
  await visitor.sees(/nobody would gain or lose anything/i);
  assert.equal(await card.locator('[name="user"]').inputValue(), "vera", "what was typed is kept");
  await card.locator('form[action$="/members"] button').first().click();
  await visitor.sees(/vera is in ops/i);
  await open();
  await card.locator('[name="role"]').selectOption("operator");
  await card.locator('[name="at"]').selectOption("node-label");
  await card.locator('[name="place"]').fill("site=north");
  await card.locator('form[action$="/grants"] button[formaction$="/look-ahead"]').click();
  await visitor.sees(/if you do this/i);
  assert.match(await card.innerText(), /vera[\s\S]*gain[\s\S]*compute:control/);
  await visitor.look("groups-ahead");
  await card.locator('form[action$="/grants"] button').first().click();
  await visitor.sees(/ops holds the role/i);
  await visitor.sees(/on nodes with site = north/i);
  await open();
  await visitor.look("groups-one");
  await card.locator('form[action$="/rename"] [name="name"]').fill("The Ops");
  await card.locator('form[action$="/rename"] button').click();
  await visitor.sees(/1 to 32 small letters/i);
  await open();
  await card.locator('form[action$="/rename"] [name="name"]').fill("night-ops");
  await card.locator('form[action$="/rename"] button').click();
  await visitor.sees(/the group is called night-ops now/i);
  const renamed = visitor.page.locator('[aria-labelledby="group-night-ops"]');
  assert.match(await renamed.innerText(), /vera[\s\S]*operator/);
  await house.does(["group", "rename", "night-ops", "ops"]);
  await visitor.go("/access/roles");
  await visitor.sees("group ops");
  const who = await visitor.ask("/api/who-can?permission=compute:control");
  assert.ok(who.items.some((one) => one.name === "vera" && one.source === "from group ops"), JSON.stringify(who));

  const dry = await house.does(["group", "drop", "ops", "vera", "--dry-run"]);
  assert.match(dry, /vera\s+lose\s+node-label:site=north[\s\S]*compute:control/);
  await visitor.go("/access/groups");
  await card.locator('form[action$="/take"] button[formaction$="/look-ahead"]').click();
  await visitor.sees(/if you do this/i);
  assert.match(await card.innerText(), /vera[\s\S]*lose[\s\S]*compute:control/);
  await card.locator('form[action$="/take"] button').first().click();
  await visitor.sees(/it holds nothing/i);
  await card.locator('form[action*="/members/"] button').first().click();
  await visitor.sees(/nobody is in it/i);
  await open();
  await card.locator('form[action$="/remove"] button').last().click();
  await visitor.sees(/the group ops is removed/i);
  await visitor.sees(/there are no groups/i);
});
