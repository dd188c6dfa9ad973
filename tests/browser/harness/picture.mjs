// Takes the README's picture of the overview from a real room: `npm run picture`.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { House } from "./house.mjs";
import { Visitor, openBrowser } from "./visitor.mjs";

const picture = fileURLToPath(new URL("../../../docs/images/overview.png", import.meta.url));
const WAITS = ["/bin/sh", "-c", "echo ready; exec sleep 1000"];
const RUNNING = ["minecraft-survival", "valheim", "voice", "website"];

process.env.WATCHROOM_NODE__NAME = "harbour";
const home = await mkdtemp(join(tmpdir(), "wrb-"));
const house = await House.open();
const browser = await openBrowser(home);
try {
  const visitor = await Visitor.arrive(browser, house);
  await visitor.setUp({ username: "alice" });
  await visitor.createServer("tide-table", ["/bin/sh", "-c", "echo the harbour master has not sent the file; exit 3"], "never");
  await visitor.act("start");
  await visitor.seesState(/failed/);
  await visitor.createServer("archive", WAITS);
  for (const name of RUNNING) {
    await visitor.createServer(name, WAITS);
    await visitor.act("start");
    await visitor.seesState(/running/);
  }
  await visitor.go("/");
  await visitor.seesLink("live");
  await visitor.sees(/exited with code 3/i);
  await visitor.page.setViewportSize({ width: 1280, height: 800 });
  await mkdir(join(picture, ".."), { recursive: true });
  await visitor.page.screenshot({ path: picture });
} finally {
  await browser.close();
  await house.close();
  await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
