// A story: a fresh house, a browser, and an end that leaves nothing behind.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { House } from "./house.mjs";
import { Visitor, openBrowser } from "./visitor.mjs";

const artefacts = fileURLToPath(new URL("../artefacts/", import.meta.url));

/** Tells one story. `tell` gets the house and a visitor; every complaint of a browser fails it. */
export function story(name, tell, options = {}) {
  test(name, { timeout: 240_000 }, async () => {
    const endings = [];
    try {
      const home = await mkdtemp(join(tmpdir(), "wrb-"));
      endings.push(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
      const house = await House.open();
      endings.push(() => house.close());
      const browser = await openBrowser(home);
      endings.push(() => browser.close());
      const visitor = await Visitor.arrive(browser, house, options);
      try {
        await tell({ house, visitor, arrive: (other) => Visitor.arrive(browser, house, other) });
        visitor.assertContent();
      } catch (error) {
        throw await withEvidence(name, error, visitor, house);
      }
    } finally {
      for (const end of endings.reverse()) await end();
    }
  });
}

/** What a person needs to understand a failure: the page as it was, and what the binary said last. */
async function withEvidence(name, error, visitor, house) {
  await mkdir(artefacts, { recursive: true });
  const picture = join(artefacts, `failed-${name.replaceAll(/\W+/g, "-")}.png`);
  await visitor.page.screenshot({ path: picture, fullPage: true }).catch(() => {}); // The page may be gone.
  error.message += `\n  page: ${visitor.page.url()}\n  picture: ${picture}\n  complaints: ${visitor.complaints.join("\n    ")}`;
  error.message += `\n  watchroom said last:\n${house.said.slice(-4000)}`;
  return error;
}
