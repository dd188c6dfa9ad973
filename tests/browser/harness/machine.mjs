// A second machine for one story: the same binary in processes of its own, with its own state folder.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { binary } from "./house.mjs";

/** How long its agent may take to stop on SIGTERM. */
const STOP_MS = 15_000;

export class Machine {
  static async open(name) {
    return new Machine(name, await mkdtemp(join(tmpdir(), "wr-")));
  }

  constructor(name, state) {
    this.name = name;
    this.state = state;
    this.said = "";
  }

  /** Asks to join by this URL, and waits to be let in in the background: see `joined`. */
  join(url) {
    this.joining = this.#spawn(["join", "-", "--name", this.name]);
    this.joining.stdin.end(url);
    this.joined = once(this.joining, "close");
  }

  /** The six words on its screen, once they are there. */
  words() {
    return /^ {4}([a-z]+(?: [a-z]+){5})$/m.exec(this.said)?.[1];
  }

  /** Starts its agent, with these rules of its own (`node.toml`). */
  async run(rules = "") {
    const folder = join(this.state, "etc");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "watchroom.toml"), "");
    await writeFile(join(folder, "node.toml"), rules);
    this.agent = this.#spawn(["--config", join(folder, "watchroom.toml"), "node", "--node-listen", "127.0.0.1:0"]);
  }

  /** Another machine that has a copy of this one's disk. */
  async copied() {
    const copy = await Machine.open(this.name);
    for (const part of ["keys", "node", "role.toml"]) {
      await cp(join(this.state, part), join(copy.state, part), { recursive: true });
    }
    return copy;
  }

  #spawn(words) {
    const child = spawn(binary, ["--state", this.state, ...words], { stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.said = (this.said + text).slice(-40_000)));
    }
    return child;
  }

  /** Ends what runs of it, and removes its folder. */
  async close() {
    for (const child of [this.joining, this.agent]) {
      if (!child || child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const patience = new Promise((resolve) => setTimeout(resolve, STOP_MS, "late").unref());
      if ((await Promise.race([ended, patience])) === "late") child.kill("SIGKILL");
      await ended;
    }
    await rm(this.state, { recursive: true, force: true });
  }
}
