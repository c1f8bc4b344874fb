// Opens pages in Chromium, as people do, and says what is wrong with them.
//
//     node browse.mjs OUT PAGE.html...
//
// For each page one line of JSON: messages on the console, requests, what is wider than a sheet or a
// telephone, what axe says in light and dark, and the PDFs of A4 and Letter and a picture in the dark that it left
// in OUT. With SHOTS=1 in the environment it leaves a picture of every width, with SHOTS=full of whole pages.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const here = createRequire(new URL("../../target/clients/package.json", import.meta.url));
const { chromium } = here("playwright-core");
const axe = readFileSync(here.resolve("axe-core/axe.min.js"), "utf8");

const [out, ...pages] = process.argv.slice(2);
const mm = (length) => Math.round((length * 96) / 25.4);
// What is left of a sheet's width between the margins, and a telephone.
const PRINTED = { A4: mm(210 - 36), Letter: mm(215.9 - 36) };
const SCREENS = { phone: 360, tablet: 800, desk: 1280 };

// Everything that reaches beyond the right edge, but for what scrolls in its own box.
const wide = () => {
  const scrolls = (element) =>
    element && (["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const edge = document.documentElement.clientWidth + 0.5;
  const found = [];
  // A word that is too long leaves its box, and the box stays where it is.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    if (!texts.currentNode.data.trim() || scrolls(texts.currentNode.parentElement)) continue;
    range.selectNodeContents(texts.currentNode);
    const right = range.getBoundingClientRect().right;
    if (right > edge) found.push(`"${texts.currentNode.data.slice(0, 40)}" to ${Math.round(right)} of ${Math.floor(edge)}`);
  }
  for (const element of document.querySelectorAll("body *")) {
    const box = element.getBoundingClientRect();
    if (box.width > 0 && box.right > edge && !scrolls(element.parentElement)) {
      found.push(`${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""} to ${Math.round(box.right)} of ${Math.floor(edge)}`);
    }
  }
  return found.slice(0, 5);
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
try {
  for (const file of pages) {
    const url = pathToFileURL(file).href;
    const name = basename(file, ".html");
    const said = { page: name, console: [], requests: [], wide: {}, axe: {}, pdf: {} };
    const open = async (options) => {
      const context = await browser.newContext({ offline: true, ...options });
      const page = await context.newPage();
      page.on("console", (message) => said.console.push(message.text()));
      page.on("pageerror", (error) => said.console.push(String(error)));
      page.on("request", (request) => request.url() === url || said.requests.push(request.url()));
      await page.goto(url);
      return page;
    };
    const page = await open({});
    for (const [screen, width] of Object.entries(SCREENS)) {
      await page.setViewportSize({ width, height: 900 });
      said.wide[screen] = await page.evaluate(wide);
      if (process.env.SHOTS) await page.screenshot({ path: join(out, `${name}-${screen}.png`), fullPage: process.env.SHOTS === "full" });
    }
    await page.emulateMedia({ media: "print" });
    for (const [sheet, width] of Object.entries(PRINTED)) {
      await page.setViewportSize({ width, height: 900 });
      said.wide[sheet] = await page.evaluate(wide);
      said.pdf[sheet] = join(out, `${name}-${sheet}.pdf`);
      await page.pdf({ path: said.pdf[sheet], format: sheet, printBackground: true, preferCSSPageSize: false });
    }
    await page.context().close();
    for (const colorScheme of ["light", "dark"]) {
      // axe is put into the page from outside; the page's own policy would not let it in.
      const judged = await open({ colorScheme, bypassCSP: true, viewport: { width: 1000, height: 900 }, deviceScaleFactor: 2 });
      if (process.env.SHOTS || colorScheme === "dark") {
        said[colorScheme] = join(out, `${name}-${colorScheme}.png`);
        await judged.screenshot({ path: said[colorScheme], fullPage: process.env.SHOTS === "full" });
      }
      await judged.evaluate(axe);
      // In the dark only colours are others.
      const only = colorScheme === "dark" ? { runOnly: ["color-contrast", "link-in-text-block"] } : {};
      said.axe[colorScheme] = await judged.evaluate(async (only) => {
        const { violations, passes } = await window.axe.run(document, { resultTypes: ["violations", "passes"], ...only });
        const wrong = violations.map((v) => `${v.id}: ${v.help} (${v.nodes.slice(0, 2).map((n) => n.html.slice(0, 160)).join(" | ")})`);
        return { wrong, passed: passes.map((pass) => pass.id) };
      }, only);
      await judged.context().close();
    }
    console.log(JSON.stringify(said));
  }
} finally {
  await browser.close();
}
