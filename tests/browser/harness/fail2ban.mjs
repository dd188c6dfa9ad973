// A fail2ban server of one story's own, with an action that only writes down what it was told.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { until } from "./waiting.mjs";

/** The filter that is shipped. */
const FILTER = fileURLToPath(new URL("../../../contrib/fail2ban/filter.d/watchroom.conf", import.meta.url));
/** How long it may take to stop on SIGTERM. */
const STOP_MS = 15_000;
const run = promisify(execFile);

export class Fail2ban {
  /** Starts one; `scripts/test-needs.sh` installs the program. */
  static async open() {
    const server = new Fail2ban(await mkdtemp(join(tmpdir(), "wrf-")));
    try {
      await server.#start();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  constructor(folder) {
    this.folder = folder;
    this.socket = join(folder, "s");
    this.said = "";
  }

  async #start() {
    const place = (name) => join(this.folder, name);
    for (const part of ["action.d", "filter.d", "jail.d"]) await mkdir(place(part));
    await copyFile(FILTER, place("filter.d/watchroom.conf"));
    const files = {
      "fail2ban.conf": [
        "[Definition]",
        "loglevel = INFO",
        `logtarget = ${place("log")}`,
        "syslogsocket = auto",
        `socket = ${this.socket}`,
        `pidfile = ${place("pid")}`,
        "dbfile = None",
        "dbpurgeage = 1d",
        "allowipv6 = yes",
      ],
      "jail.conf": [
        "[watchroom]",
        "enabled = true",
        "filter = watchroom",
        "backend = polling",
        `logpath = ${place("watched")}`,
        "bantime = 1h",
        "banaction = none",
        "action = note",
      ],
      "action.d/note.conf": [
        "[Definition]",
        `actionban = echo ban <ip> >> ${place("acts")}`,
        `actionunban = echo unban <ip> >> ${place("acts")}`,
      ],
      watched: [],
      acts: [],
    };
    for (const [name, lines] of Object.entries(files)) await writeFile(place(name), lines.map((line) => `${line}\n`).join(""));
    const words = ["-f", "-c", this.folder, "-s", this.socket, "-p", place("pid"), "start"];
    this.process = spawn("fail2ban-server", words, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.said = (this.said + text).slice(-4_000)));
    }
    this.ended = once(this.process, "exit");
    const answers = async () => {
      if (this.process.exitCode !== null) throw new Error(`fail2ban-server ended with ${this.process.exitCode}`);
      return this.#ask("status", "watchroom");
    };
    await until("fail2ban", answers, 30_000, () => this.said);
  }

  async #ask(...words) {
    const { stdout } = await run("fail2ban-client", ["-s", this.socket, ...words]);
    return stdout;
  }

  /** Bans these, and waits until the action has heard of each. */
  async ban(...addresses) {
    await this.#ask("set", "watchroom", "banip", ...addresses);
    await until("the bans", async () => {
      const acts = await this.acts();
      return addresses.every((address) => acts.includes(`ban ${address}`));
    });
  }

  /** What its action was told, line by line. */
  async acts() {
    return (await readFile(join(this.folder, "acts"), "utf8")).split("\n");
  }

  async close() {
    const { process } = this;
    if (process && process.exitCode === null && process.signalCode === null) {
      process.kill("SIGTERM");
      const patience = new Promise((resolve) => setTimeout(resolve, STOP_MS, "late").unref());
      if ((await Promise.race([this.ended, patience])) === "late") process.kill("SIGKILL");
      await this.ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
