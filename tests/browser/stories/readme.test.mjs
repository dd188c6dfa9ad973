// What the README says can be typed, is typed.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { House, binary } from "../harness/house.mjs";
import { Machine } from "../harness/machine.mjs";
import { until } from "../harness/waiting.mjs";

const readme = await readFile(new URL("../../../README.md", import.meta.url), "utf8");

/** The commands of the shell blocks below a heading, one per element, continued lines joined. */
function commands(heading) {
  const section = readme.split(/^## /m).find((part) => part.startsWith(heading));
  assert.ok(section, `the README has a section ${heading}`);
  const blocks = [...section.matchAll(/```sh\n(.*?)```/gs)].map((match) => match[1]);
  const lines = blocks.join("\n").replaceAll(/\\\n\s*/g, " ").split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

/** Runs a line as a person would, with this house in the place of the usual one; what it said and its exit code. */
async function type(house, line, token) {
  const placed = line
    .replaceAll("/var/lib/watchroom", house.state)
    .replaceAll("https://localhost:7443", house.panel)
    // A command that follows goes on until it is stopped; here that is after its first lines.
    .replace(/^(watchroom server logs .*-f)$/, "timeout --preserve-status --signal=INT 3 $1");
  const script = `set -o pipefail; CA='${join(house.state, "keys/panel-ca.crt")}'; ${placed.replaceAll(/\bwatchroom (?=[a-z-])/g, '"$WATCHROOM" --state "$STATE" ')}`;
  const child = spawn("bash", ["-c", script], {
    env: { ...process.env, WATCHROOM: binary, STATE: house.state, TOKEN: token },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => out.push(piece));
  child.stdin.on("error", () => {}); // Most commands read nothing.
  child.stdin.end("Tidal-Harbour-Lantern-42!\n");
  const [code] = await once(child, "close");
  return { code, text: Buffer.concat(out).toString("utf8") };
}

test("the commands of the README work in the order they are shown", { timeout: 240_000 }, async () => {
  const house = await House.open();
  try {
    let token = "";
    for (const line of commands("From the command line")) {
      const { code, text } = await type(house, line, token);
      const isStopped = line.endsWith("-f") && [0, 130].includes(code);
      assert.ok(code === 0 || isStopped, `${line}\nended with ${code}:\n${text}`);
      if (line.includes("token create")) token = JSON.parse(text).token;
      if (line.includes("logs")) assert.match(text, /ready/);
      if (line.startsWith("curl")) assert.doesNotMatch(text, /"type":/, `${line} was answered with a problem:\n${text}`);
      if (line.includes("audit verify")) assert.match(text, /intact/i);
    }
    assert.match(token, /^wr_pat_/);
  } finally {
    await house.close();
  }
});

test("a second machine joins as the README shows it", { timeout: 240_000 }, async () => {
  const house = await House.open();
  const attic = await Machine.open("attic");
  const onHost = async (command) => {
    const { code, text } = await type(house, command, "");
    assert.equal(code, 0, `${command}\nended with ${code}:\n${text}`);
    return text;
  };
  try {
    let url = "";
    for (const line of commands("A second machine")) {
      const [command] = line.split(/\s+#/);
      if (command === "watchroom join -") {
        attic.join(url);
        await until("the words on its screen", () => attic.words(), 20_000, () => attic.said);
      } else if (command === "watchroom node") {
        assert.deepEqual(await attic.joined, [0, null], attic.said);
        attic.run();
      } else {
        const text = await onHost(command);
        url = text.match(/https:\S+#wr_join_\S+/)?.[0] ?? url;
        if (command.endsWith("requests")) assert.match(text, /attic/);
      }
    }
    let nodes = "";
    const isOnline = async () => {
      nodes = await onHost("watchroom cluster nodes");
      return /attic\s+online/.test(nodes);
    };
    await until("the machine online", isOnline, 20_000, () => nodes);
  } finally {
    await attic.close();
    await house.close();
  }
});
