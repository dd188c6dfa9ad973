// What the first visit costs: everything a browser fetches for it, as it travels.

import assert from "node:assert/strict";

import { story } from "../harness/story.mjs";

/** The promise: the first page with everything, compressed, in bytes. */
const MOST = 100_000;

story("the first page with everything weighs less than 100 KB", async ({ visitor }) => {
  await visitor.setUp();
  const wire = await visitor.context.newCDPSession(visitor.page);
  await wire.send("Network.enable");
  await wire.send("Network.clearBrowserCache");
  const weight = async (path) => {
    let bytes = 0;
    const count = ({ encodedDataLength }) => (bytes += encodedDataLength);
    wire.on("Network.loadingFinished", count);
    await visitor.page.goto(path, { waitUntil: "load" });
    await visitor.seesLink("live"); // By now every script and the live connection have been fetched.
    wire.off("Network.loadingFinished", count);
    return bytes;
  };
  const first = await weight("/");
  const next = await weight("/servers");
  console.log(`the first page weighs ${first} bytes, the next one ${next}`);
  assert.ok(first > 1000 && first < MOST, `the first page weighs ${first} bytes`);
  assert.ok(next < MOST / 5, `the next page weighs ${next} bytes`);
});
