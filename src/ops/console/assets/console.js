// Pages work without this: it only keeps them fresh, and what somebody is at stays where it is.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const stale = document.getElementById("stale");
  const hold = document.getElementById("hold");
  let held = false;
  let asking = false;

  // Makes `old` like `fresh` in place, so that focus, scroll and what is open or typed stay.
  function morph(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.nodeName === "FORM") {
      // What somebody is typing into stays; another form is another one.
      if (old.getAttribute("action") !== fresh.getAttribute("action")) old.replaceWith(document.importNode(fresh, true));
      return;
    }
    const mine = old.nodeName === "DETAILS" ? ["open"] : [];
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !mine.includes(name)) old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (!mine.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    if (old.matches("input, select, textarea")) return;
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    before.slice(after.length).forEach((it) => it.remove());
    after.forEach((it, index) => {
      if (index < before.length) morph(before[index], it);
      else old.append(document.importNode(it, true));
    });
  }

  async function refresh() {
    const parts = document.querySelectorAll("[data-live]");
    if (held || asking || document.hidden || parts.length === 0) return;
    asking = true;
    try {
      // It says so, because looking away is no reason to stay logged in.
      const answer = await fetch(location.href, {
        headers: { "simpul-refresh": "1" }, redirect: "manual", cache: "no-store",
      });
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) {
        const fresh = page.getElementById(part.id);
        if (fresh) morph(part, fresh);
      }
      stale?.classList.remove("is");
    } catch {
      stale?.classList.add("is");
    } finally {
      asking = false;
    }
  }

  // What stands below each page is fresh only where the page is.
  if (document.querySelector("main [data-live]")) {
    if (hold) {
      hold.hidden = false;
      hold.addEventListener("click", () => {
        held = !held;
        hold.setAttribute("aria-pressed", String(held));
        if (!held) refresh();
      });
    }
    setInterval(refresh, EVERY_MS);
    document.addEventListener("visibilitychange", refresh);
  }
})();
