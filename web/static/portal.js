// Keeps an open page up to date without a reload; without this file a meta refresh does the same.
// On the pages of who is signed in it sets up the worker that says so when there is no connection.
"use strict";
(function () {
  const began = Date.now();
  document.documentElement.classList.add("js");
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.classList.add("done");
    } catch {
      getSelection().selectAllChildren(source); // without leave to write there, it is marked to be copied
    }
  });
  function later() {
    const main = document.querySelector("main[data-refresh]");
    if (main && Date.now() - began < 600000) setTimeout(look, Number(main.dataset.refresh) * 1000);
  }
  async function look() {
    try {
      if (!document.hidden) {
        const answer = await fetch(location.pathname, { cache: "no-store" });
        if (answer.redirected) return void location.assign(answer.url);
        if (answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = page.querySelector("main");
          const old = document.querySelector("main");
          if (fresh && fresh.outerHTML !== old.outerHTML) old.replaceWith(fresh);
          document.title = page.title;
        }
      }
    } catch {
      // The connection drops while the network lets it back in: look again.
    }
    later();
  }
  later();
  const send = document.querySelector("form[data-send]");
  if (send) send.submit();
  const worker = document.body.dataset.app;
  if (worker && "serviceWorker" in navigator) navigator.serviceWorker.register(worker).catch(() => {});
})();
