// The story of a morning after: a thousand letters were refused in the night. Somebody finds one by its
// number, reads why, has the route corrected, looks at the preview, sends all of them on, and watches the
// map become calm.
//
// node story.mjs PROGRAM PROJECT PICTURES
//   STORY_MODULES: where playwright-core and axe-core are; STORY_CHROMIUM: another browser

import { Bus, letters, nomor, until } from "./bus.mjs";
import { Browser } from "./look.mjs";

const LETTERS = 1000;
const [program, project, pictures] = process.argv.slice(2);
const bus = await Bus.start(project, program);
let browser;
try {
  browser = await Browser.open(bus.ops, pictures);
  const { page } = browser;
  const troubled = () => page.locator(".map .warn, .map .bad");
  const step = (said) => console.log(`· ${said}`);

  step("the first user comes in with the token that was printed once");
  await browser.go("/console");
  await page.fill("[name=token]", bus.token);
  await page.fill("[name=user]", "sari");
  for (const field of await page.locator("input[type=password]").all()) await field.fill("sandi yang panjang sekali");
  await browser.look("00-first");
  await page.click("main button[type=submit], main button");
  await page.waitForURL(`${bus.ops}/console`);

  step("in the night a thousand letters are refused");
  await bus.send(letters(0, LETTERS));
  const shows = (path, wanted) => until(`${path} shows ${wanted}`, async () => {
    await browser.go(path);
    return wanted.test(await browser.text());
  });
  await shows("/console/dead", /1,000 letters that failed alike/);
  await browser.look("02-dead");
  await shows("/console", /1,000/);
  await browser.sees(/422/);
  await until("the map shows the trouble", () => troubled().count());
  await browser.look("01-overview-bad");

  step("a letter is found by its number, by keyboard alone");
  await browser.go("/console");
  await browser.tabTo("Messages");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/console/messages");
  await browser.tabTo("q");
  await page.keyboard.type(nomor(17).toLowerCase());
  await page.keyboard.press("Enter");
  await page.waitForURL("**/console/messages/*-*");
  await browser.sees("arsip.daftarkan refused it: 422", "accepted from naskah.surat", "agenda.catat");
  await browser.look("03-message");
  await page.goBack();
  await browser.look("04-search");
  await browser.go(`/console/messages?begins=1&q=${encodeURIComponent("00")}`);
  await browser.look("05-found");

  step("why it failed");
  await browser.go(`/console/messages?q=${encodeURIComponent(nomor(17))}`);
  await page.click("text=/^Dead letter \\d+: look at it/");
  await page.waitForURL("**/console/dead/*");
  const letter = new URL(page.url()).pathname;
  await browser.sees("arsip.daftarkan refused it: 422", "1,000 letters that failed alike");
  await browser.look("06-letter");
  await page.click("text=What was accepted and what was sent");
  await browser.sees("As it was accepted", "Undangan rapat pleno", "•••", "Hidden, since it is about people");
  if ((await browser.text()).includes("Siti")) throw new Error("a name is shown that nobody asked for");
  await browser.look("07-bodies");
  await page.locator("text=Show them too").first().click();
  await browser.sees("Siti Nurhalizah 17");

  step("the route is corrected on the disk, compared, and taken into use");
  await bus.fix();
  await browser.go("/console/files");
  await browser.look("08-files");
  await page.click("text=Compare with the files on the disk");
  await browser.sees("klasifikasi: KU.02");
  await browser.look("09-compare");
  for (const field of await page.locator("form[action='/console/files/reload'] input[name=reason]").all()) await field.fill("arsip mewajibkan klasifikasi");
  await page.click("text=Take them into use");
  await page.waitForURL("**/console/files?taken=*");

  step("what would be sent now");
  await browser.go(letter);
  await page.click("text=Preview: what would be sent now");
  await browser.sees("klasifikasi");
  const added = await page.locator(".side ins").allInnerTexts();
  if (added.length !== 1 || !added[0].includes('"klasifikasi": "KU.02"')) throw new Error(`added: ${added}`);
  await browser.look("10-preview");

  step("what today's files make of the message");
  await browser.go(`/console/messages?q=${encodeURIComponent(nomor(17))}`);
  await page.click("text=What would today's files make of it?");
  await browser.sees("To arsip.daftarkan", "klasifikasi");
  await browser.look("11-explained");

  step("the group is sent on, with its count and a reason");
  await browser.go(letter);
  await page.click("text=1,000 letters that failed alike");
  await page.waitForURL("**/console/dead/groups/*");
  await browser.look("12-group");
  await page.fill("#replay-count", "999");
  await page.fill("#replay-reason", "klasifikasi ditambahkan");
  await page.click("form.act button:has-text('Replay')");
  await browser.sees("Nothing was done: the group has 1,000 letters now.");
  await browser.check("a wrong count");
  await page.fill("#replay-count", "1000");
  await page.fill("#replay-reason", "klasifikasi ditambahkan");
  await page.click("form.act button:has-text('Replay')");
  await page.waitForURL("**/console/jobs/*");
  await browser.check("a job that runs");
  await browser.picture("13-job-running");
  // The page keeps itself fresh.
  await until("the job is done", async () => /done/.test(await page.locator("#job .badge").first().innerText()));
  await browser.sees(/On their way again\s+1,000/);
  await browser.look("14-job");
  await until("every letter is in the archive", () => bus.archived.size === LETTERS);

  step("the map becomes calm");
  await browser.go("/console");
  await until("all is well", async () => (await page.locator(".calm").count()) && !(await troubled().count()));
  await browser.sees("All is well");
  await browser.look("15-overview-calm");
  await browser.go("/console/dead");
  await browser.sees("There are no dead letters.");

  step("what happens, as it happens");
  await browser.go("/console/live/surat-keluar");
  await until("it follows", async () => /Following/.test(await page.locator("#state").innerText()));
  const before = await page.locator("#live > li").count();
  await bus.send(letters(LETTERS, LETTERS + 1));
  await until("the letter is seen", async () => (await page.locator("#live > li").count()) > before + 2);
  if ((await browser.text()).includes("Siti")) throw new Error("a name is shown on the live page");
  await browser.look("16-live");

  step("the other pages");
  const others = [["17-jobs", "/console/jobs"], ["18-route", "/console/routes/surat-keluar"],
    ["19-target", "/console/targets/arsip.daftarkan"], ["20-systems", "/console/systems"],
    ["21-system", "/console/systems/arsip"], ["22-actions", "/console/actions"]];
  for (const [name, path] of others) {
    await browser.go(path);
    await browser.look(name);
  }
  await browser.go("/console/actions");
  await browser.sees("sari", "klasifikasi ditambahkan");

  step("in Indonesian");
  await page.click("a[hreflang=id]");
  for (const [name, path] of [["30-ringkasan", "/console"], ["31-pesan", "/console/messages"],
    ["32-surat-mati", "/console/dead"], ["33-pekerjaan", "/console/jobs"]]) {
    await browser.go(path);
    if ((await page.getAttribute("html", "lang")) !== "id") throw new Error(`${path} is not in Indonesian`);
    await browser.check(name);
    await browser.picture(name);
  }
} catch (error) {
  console.error(bus.said.slice(-20).join("\n"));
  await browser?.picture("failed").catch(() => {});
  throw error;
} finally {
  await browser?.close();
  bus.stop();
}
if (browser.wrong.length) {
  console.error(browser.wrong.join("\n"));
  process.exit(1);
}
