// A real Watchroom for one story: the built binary with a state folder and ports of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { residents, until } from "./waiting.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
/** The built binary. */
export const binary = process.env.WATCHROOM ?? join(target, "debug", "watchroom");

/** How long a start may take here. The yardstick is one second; a busy machine in its first second is slower. */
const START_MS = 60_000;
/** How long a stop on SIGTERM may take. */
const STOP_MS = 15_000;

export class House {
  static async open() {
    if (!existsSync(binary)) throw new Error(`${binary} is not there; build it: cargo build -p watchroom`);
    const house = new House(await mkdtemp(join(tmpdir(), "wr-")));
    try {
      await house.start();
    } catch (error) {
      await house.close();
      throw error;
    }
    return house;
  }

  constructor(state) {
    this.state = state;
    this.said = "";
    /** What people of this house have kept of their second factors, by name. */
    this.kept = new Map();
  }

  /** Starts the binary on the state folder and waits until it says where it listens. A second start takes the
   *  ports of the first, so that open pages find it again. Returns the agent's process id. */
  async start() {
    const place = (name) => (this.endpoints?.[name] ? new URL(this.endpoints[name]).host : "127.0.0.1:0");
    const listens = ["--listen", place("panel"), "--ops-listen", place("ops"), "--node-listen", place("node")];
    const configured = this.config ? ["--config", this.config] : [];
    this.process = spawn(binary, ["--state", this.state, ...configured, "up", ...listens], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.said = (this.said + text).slice(-40_000)));
    }
    this.ended = once(this.process, "exit");
    const endpoints = join(this.state, "run", "endpoints.json");
    const written = async () => {
      if (this.process.exitCode !== null) throw new Error(`watchroom ended with ${this.process.exitCode}:\n${this.said}`);
      // The file of a killed process stays until the next one replaces it: ask the listener too.
      const told = JSON.parse(await readFile(endpoints, "utf8"));
      const answer = await fetch(new URL("/livez", told.ops));
      if (answer.ok) this.endpoints = told;
      return answer.ok;
    };
    await until("the endpoints", written, START_MS, () => this.said);
    return this.process.pid;
  }

  get panel() {
    const url = new URL(this.endpoints.panel);
    // WebAuthn and the certificate know localhost; the bound address may be a bare number.
    url.hostname = "localhost";
    return url.origin;
  }

  async setupCode() {
    return (await readFile(join(this.state, "setup-code"), "utf8")).trim();
  }

  /** Runs a command of the binary on this house's socket; its output as text. */
  async command(words, input = "") {
    const child = spawn(binary, ["--state", this.state, ...words], { stdio: ["pipe", "pipe", "pipe"] });
    const out = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => out.push(piece));
    child.stdin.on("error", () => {}); // The command may end before it has read everything.
    child.stdin.end(input);
    const [code] = await once(child, "close");
    return { code, text: Buffer.concat(out).toString("utf8") };
  }

  /** As `command`, of what must succeed. */
  async does(words, input) {
    const { code, text } = await this.command(words, input);
    if (code !== 0) throw new Error(`watchroom ${words.join(" ")} ended with ${code}:\n${text}`);
    return text;
  }

  /** Makes every proof of every session older, while the house is stopped. */
  async age(minutes) {
    const moved = ["proven_at", "password_at", "factor_at"].map((column) => `${column} = ${column} - ${minutes * 60_000_000}`);
    const script = "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); base.execute(sys.argv[2]); base.commit(); base.close()";
    const statement = `UPDATE sessions SET ${moved.join(", ")}`;
    const child = spawn("/usr/bin/python3", ["-c", script, join(this.state, "db", "watchroom.db"), statement], { stdio: "inherit" });
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`the sessions could not be made older: ${code}`);
  }

  /** Ends the agent and Host without any warning; servers must not notice. */
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  /** Ends it as an operator would; fails if it takes too long. */
  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill("SIGTERM");
    const patience = new Promise((resolve) => setTimeout(resolve, STOP_MS, "late").unref());
    if ((await Promise.race([this.ended, patience])) === "late") {
      await this.kill();
      throw new Error(`watchroom did not stop within ${STOP_MS} ms of SIGTERM:\n${this.said}`);
    }
  }

  /** Stops it, then ends the servers and shims of this state folder, which outlive it on purpose. */
  async close() {
    try {
      if (this.process) await this.stop();
    } finally {
      await until(
        "the servers' end",
        async () => {
          const left = await residents(this.state);
          for (const pid of left) {
            try {
              process.kill(pid, "SIGKILL");
            } catch (error) {
              if (error.code !== "ESRCH") throw error;
            }
          }
          return left.length === 0;
        },
        STOP_MS,
      );
      await rm(this.state, { recursive: true, force: true });
    }
  }
}
