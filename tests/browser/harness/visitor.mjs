// A person with a browser, who notices everything that a browser complains about.

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { code } from "./authenticator.mjs";

const artefacts = fileURLToPath(new URL("../artefacts/", import.meta.url));
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const patience = 15_000;

/** The widths and colours in which every page is looked at. */
const LOOKS = [
  { look: "light", colorScheme: "light", viewport: { width: 1280, height: 860 } },
  { look: "dark", colorScheme: "dark", viewport: { width: 1280, height: 860 } },
  { look: "phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
];

export async function openBrowser(home) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--disable-dev-shm-usage", "--disable-crash-reporter"],
    // Nothing of the browser is written outside the story's own folder.
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
}

export class Visitor {
  static async arrive(browser, house, { scripts = true } = {}) {
    const context = await browser.newContext({
      baseURL: house.panel,
      ignoreHTTPSErrors: true,
      javaScriptEnabled: scripts,
      viewport: LOOKS[0].viewport,
      colorScheme: LOOKS[0].colorScheme,
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(patience);
    const visitor = new Visitor(house, context, await context.newPage(), scripts);
    await visitor.listen();
    return visitor;
  }

  constructor(house, context, page, scripts) {
    Object.assign(this, { house, context, page, scripts, complaints: [], expected: [] });
  }

  /** From here on anything the browser complains about is kept for `assertContent`. */
  async listen() {
    const complain = (text) => this.complaints.push(`${new URL(this.page.url(), this.house.panel).pathname}: ${text}`);
    this.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complain(`console ${message.type()}: ${message.text()}`);
    });
    this.page.on("pageerror", (error) => complain(`script error: ${error.stack ?? error.message}`));
    this.page.on("requestfailed", (request) => {
      // Leaving a page ends its streams; that is no failure.
      const why = request.failure()?.errorText ?? "";
      if (why !== "net::ERR_ABORTED") complain(`request failed: ${request.url()} ${why}`);
    });
    this.page.on("response", (response) => {
      if (response.status() >= 400) complain(`answer ${response.status()}: ${new URL(response.url()).pathname}`);
    });
    if (this.scripts) {
      await this.page.exposeFunction("watchroomViolation", (text) => complain(`CSP: ${text}`));
      await this.page.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", (event) => {
          window.watchroomViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
        });
      });
    }
  }

  /** Plugs an authenticator in that its person touches at once; `verifies` where it can make sure of that person, too. */
  async plugIn({ verifies = true } = {}) {
    const devtools = await this.context.newCDPSession(this.page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: verifies ? "internal" : "usb",
        hasResidentKey: verifies,
        hasUserVerification: verifies,
        isUserVerified: verifies,
        automaticPresenceSimulation: true,
      },
    });
  }

  /** Names an answer the story provokes on purpose, so that the browser's word about it is no complaint. */
  expect(pattern) {
    this.expected.push(pattern);
  }

  /** Fails if the browser has complained about anything that the story did not announce. */
  assertContent() {
    const unexpected = this.complaints.filter((text) => !this.expected.some((pattern) => pattern.test(text)));
    if (unexpected.length > 0) throw new Error(`the browser complained:\n  ${unexpected.join("\n  ")}`);
  }

  async go(path) {
    await this.page.goto(path, { waitUntil: "domcontentloaded" });
  }

  button(name) {
    return this.page.getByRole("button", { name });
  }

  link(name) {
    return this.page.getByRole("link", { name });
  }

  field(label) {
    return this.page.getByLabel(label);
  }

  async sees(text) {
    await this.page.getByText(text).filter({ visible: true }).first().waitFor({ timeout: patience });
  }

  /** Fills a form by the names of its fields, as the API knows them. */
  async fill(fields) {
    for (const [name, value] of Object.entries(fields)) {
      const field = this.page.locator(`main [name="${name}"]:visible, form [name="${name}"]:visible`).first();
      if ((await field.getAttribute("type")) === "checkbox") await field.setChecked(value);
      else await field.fill(value);
    }
  }

  async setUp({ username = "ada", password = "Tidal-Harbour-Lantern-42!" } = {}) {
    await this.go(`/setup#code=${await this.house.setupCode()}`);
    await this.fill({ username, password, confirm_password: password });
    const code = this.page.locator('[name="code"]:visible');
    if ((await code.count()) > 0 && (await code.inputValue()) === "") await code.fill(await this.house.setupCode());
    await this.page.locator('form button[type="submit"]').last().click();
    await this.page.waitForURL((url) => !url.pathname.startsWith("/setup"));
    if (new URL(this.page.url()).pathname.startsWith("/login")) await this.signIn({ username, password });
    if (this.path() === "/mfa/setup") await this.enrol({ username });
  }

  path() {
    return new URL(this.page.url(), this.house.panel).pathname;
  }

  /** Adds an authenticator on its page and keeps the recovery codes, as a careful person does. */
  async enrol({ username = "ada" } = {}) {
    const secret = await this.page.locator(".secret code").innerText();
    await this.fill({ code: code(secret) });
    await this.page.locator('form[action="/mfa/setup"] button[type="submit"]').click();
    await this.page.locator(".codes li").first().waitFor({ timeout: patience });
    const codes = await this.page.locator(".codes li").allInnerTexts();
    this.house.kept.set(username, { secret, codes });
    await this.link(/kept them/).click();
    await this.page.waitForURL((url) => !url.pathname.startsWith("/mfa/"));
  }

  async signIn({ username = "ada", password = "Tidal-Harbour-Lantern-42!" } = {}) {
    if (!new URL(this.page.url(), this.house.panel).pathname.startsWith("/login")) await this.go("/login");
    await this.fill({ username, password });
    await this.page.locator('form[action="/login"] button[type="submit"]').click();
    await this.page.waitForURL((url) => url.pathname !== "/login");
    if (this.path() === "/login/mfa") await this.typeCode(this.house.kept.get(username).codes.pop());
  }

  /** The second step of signing in. Stories use recovery codes, so that none waits for the next code by time. */
  async typeCode(code) {
    await this.fill({ code });
    await this.page.locator('form[action="/login/mfa"] button[type="submit"]').click();
    await this.page.waitForURL((url) => !url.pathname.startsWith("/login"));
  }

  /** Creates a server by the form and stays on its page; returns its id. `command` is the program and its arguments. */
  async createServer(name, command, restartPolicy) {
    await this.go("/servers/new");
    await this.fill({ name, command: command.join("\n") });
    if (restartPolicy) await this.page.locator('main [name="restart_policy"]').selectOption(restartPolicy);
    await this.page.locator('main form[action="/servers/new"] button[type="submit"]').click();
    await this.page.waitForURL(/\/servers\/[0-9a-f-]{36}$/);
    return new URL(this.page.url()).pathname.split("/").at(-1);
  }

  /** Presses a button of the server's page: start, stop or restart. */
  async act(verb) {
    await this.page.locator(`[data-live="server"] form[action$="/${verb}"] button`).click();
  }

  /** Waits until the server's page says this state. */
  async seesState(word) {
    await this.page.locator('[data-live="server"]').getByText(word).first().waitFor({ timeout: patience });
  }

  /** Types a line into the console of the server's page. */
  async send(line) {
    await this.page.locator('[data-console] input[name="line"]').fill(line);
    await this.page.locator('[data-console] form button[type="submit"]').click();
  }

  /** What the console of the server's page shows, line by line. */
  async consoleLines() {
    return this.page.locator("[data-console] .console-lines .said").allTextContents();
  }

  async seesLine(text) {
    const line = this.page.locator("[data-console] .console-lines .said").filter({ hasText: text });
    await line.first().waitFor({ state: "attached", timeout: patience });
  }

  /** Sends a form that no page offers, as somebody would who writes it by hand; returns the answer's status. */
  async post(path, fields = {}) {
    const answer = this.page.waitForResponse((response) => response.request().method() === "POST");
    await this.page.evaluate(
      ([action, given]) => {
        const form = document.createElement("form");
        const token = document.querySelector("meta[name=csrf-token], input[name=csrf_token]");
        form.method = "post";
        form.action = action;
        for (const [name, value] of Object.entries({ csrf_token: token?.content ?? token?.value ?? "", ...given })) {
          const field = document.createElement("input");
          Object.assign(field, { type: "hidden", name, value });
          form.append(field);
        }
        document.body.append(form);
        form.submit();
      },
      [path, fields],
    );
    const status = (await answer).status();
    await this.page.waitForLoadState("domcontentloaded");
    return status;
  }

  /** Waits until the bar says this of the page's link to the Host. */
  async seesLink(state) {
    await this.page.locator(`#connection[data-state="${state}"]`).waitFor({ timeout: patience });
  }

  /** Asks the API with the page's own session. */
  async ask(path) {
    const answer = await this.context.request.get(new URL(path, this.house.panel).href);
    if (!answer.ok()) throw new Error(`${path} answered ${answer.status()}: ${await answer.text()}`);
    return answer.json();
  }

  /** Keeps a picture of the page in every look, and asks axe in each colour. Pictures are looked at, not compared. */
  async look(name) {
    await mkdir(artefacts, { recursive: true });
    for (const { look, colorScheme, viewport } of LOOKS) {
      await this.page.setViewportSize(viewport);
      await this.page.emulateMedia({ colorScheme });
      // As high as the page is, so that bars which stick to an edge do not lie across the picture.
      const height = await this.page.evaluate(() => document.documentElement.scrollHeight);
      await this.page.setViewportSize({ ...viewport, height: Math.max(height, viewport.height) });
      await this.page.screenshot({ path: `${artefacts}${name}-${look}.png` });
      await this.page.setViewportSize(viewport);
      if (this.scripts) {
        await this.assertAccessible(`${name}, ${look}`);
        await this.assertNoSidewaysScroll(`${name}, ${look}`);
      }
    }
    await this.page.setViewportSize(LOOKS[0].viewport);
    await this.page.emulateMedia({ colorScheme: LOOKS[0].colorScheme });
  }

  /** WCAG 2.2 AA as far as a program can tell. Evaluating the text is not bound by the page's own CSP. */
  async assertAccessible(where) {
    if (!(await this.page.evaluate(() => "axe" in window))) await this.page.evaluate(axe);
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const result = await this.page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), tags);
    const said = result.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
    if (said.length > 0) throw new Error(`${where} is hard to use for some:\n  ${said.join("\n  ")}`);
  }

  async assertNoSidewaysScroll(where) {
    const over = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 1) throw new Error(`${where} is ${over} px wider than the window`);
  }
}
