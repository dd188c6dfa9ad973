// What roles give is seen, and a lock is made, held back where it would shut oneself out, and lifted.

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
