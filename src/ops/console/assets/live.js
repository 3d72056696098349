// Adds what happens on a route to the page, as it happens.
"use strict";
(() => {
  const KEPT = 500; // lines on the page
  const list = document.getElementById("live");
  const state = document.getElementById("state");
  const button = document.getElementById("pause");
  if (!list || !window.EventSource) return;
  let held = null; // what came while it was held

  const show = (html) => {
    const follows = window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
    list.insertAdjacentHTML("beforeend", html);
    while (list.children.length > KEPT) list.firstElementChild.remove();
    if (follows) window.scrollTo({ top: document.body.scrollHeight });
  };
  const source = new EventSource(list.dataset.source);
  source.onopen = () => { if (!held) state.textContent = list.dataset.follows; };
  source.onerror = () => { state.textContent = list.dataset.waits; };
  source.onmessage = (event) => {
    if (!held) return show(event.data);
    held.push(event.data);
    if (held.length > KEPT) held.shift();
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    if (held) {
      held.forEach(show);
      held = null;
    } else {
      held = [];
    }
    button.setAttribute("aria-pressed", String(held !== null));
    state.textContent = held ? list.dataset.holds : list.dataset.follows;
  });
  window.addEventListener("pagehide", () => source.close());
})();
