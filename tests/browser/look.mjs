// A browser that looks at every page as people do: in light and dark, on a desk and on a phone, with the
// accessibility checker, and with an ear for whatever the page complains of.

import { mkdir, mkdtemp } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(join(process.env.STORY_MODULES, "here.cjs"));
const { chromium } = require("playwright-core");
const AXE = require.resolve("axe-core/axe.min.js");

const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

export class Browser {
  static async open(origin, pictures) {
    const it = new Browser();
    it.origin = origin;
    it.pictures = pictures;
    it.wrong = [];
    await mkdir(pictures, { recursive: true });
    const profile = await mkdtemp(join(tmpdir(), "simpul-browser-"));
    it.context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.STORY_CHROMIUM ?? "/usr/bin/chromium",
      args: QUIET,
      viewport: DESK,
      locale: "en-GB",
      timezoneId: "Asia/Jakarta",
    });
    it.page = it.context.pages()[0] ?? (await it.context.newPage());
    it.page.setDefaultTimeout(30_000);
    // The checker is brought in by the debugger's door, which the page's own policy does not rule.
    await it.context.addInitScript({ path: AXE });
    it.page.on("pageerror", (error) => it.wrong.push(`script: ${error}`));
    it.page.on("console", (said) => {
      // A refused form is told by its status, which the browser notes as an error.
      const refused = /status of (409|422)/.test(said.text());
      if (said.type() === "error" && !refused) it.wrong.push(`console: ${said.text()} (${it.page.url()})`);
    });
    return it;
  }

  async go(path) {
    const answer = await this.page.goto(`${this.origin}${path}`);
    if (answer.status() !== 200) throw new Error(`${path}: ${answer.status()}`);
  }

  async scheme(colorScheme) {
    await this.page.emulateMedia({ colorScheme });
  }

  // What the checker finds that keeps people out, on the page as it stands.
  async check(name) {
    const { violations } = await this.page.evaluate(() => window.axe.run(document));
    for (const { id, impact, help, nodes } of violations) {
      if (impact !== "serious" && impact !== "critical") continue;
      const where = nodes.slice(0, 3).map((node) => `${node.target} ${node.html.slice(0, 120)}`);
      this.wrong.push(`axe: ${name}: ${id} (${impact}): ${help}\n    ${where.join("\n    ")}`);
    }
  }

  async picture(name) {
    await this.page.screenshot({ path: join(this.pictures, `${name}.png`), fullPage: true });
  }

  // Checks and pictures the page in light and in dark, and pictures it as a phone has it.
  async look(name) {
    for (const scheme of ["light", "dark"]) {
      await this.scheme(scheme);
      await this.check(`${name}, ${scheme}`);
      await this.picture(`${name}-${scheme}`);
    }
    await this.scheme("light");
    await this.page.setViewportSize(PHONE);
    await this.check(`${name}, phone`);
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 1) this.wrong.push(`phone: ${name} is ${wide} pixels too wide`);
    await this.picture(`${name}-phone`);
    await this.page.setViewportSize(DESK);
  }

  // Presses Tab until the element with this text or name has the focus, as somebody without a mouse.
  async tabTo(wanted) {
    for (let presses = 0; presses < 60; presses += 1) {
      await this.page.keyboard.press("Tab");
      const here = await this.page.evaluate(() => {
        const at = document.activeElement;
        return at?.getAttribute("name") ?? at?.textContent?.trim() ?? "";
      });
      if (here === wanted) return;
    }
    throw new Error(`no way to \`${wanted}\` by keyboard`);
  }

  text() {
    return this.page.locator("main").innerText();
  }

  async sees(...texts) {
    const said = await this.text();
    for (const text of texts) {
      const found = text instanceof RegExp ? text.test(said) : said.includes(text);
      if (!found) throw new Error(`${this.page.url()} does not say ${text}:\n${said}`);
    }
  }

  close() {
    return this.context.close();
  }
}
