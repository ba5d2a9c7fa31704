// Cash taken without a connection: kept here under its form's key, sent until it is answered, never twice booked.
"use strict";

const STORE = "netbilld-collect";
const box = document.getElementById("queue");
const list = box.querySelector("ul");
const words = box.dataset;
let sending = false;

const read = () => {
  try {
    return JSON.parse(localStorage.getItem(STORE)) || [];
  } catch {
    return [];
  }
};
const write = (queue) => localStorage.setItem(STORE, JSON.stringify(queue));
const change = (once, fields) => write(read().map((one) => (one.once === once ? { ...one, ...fields } : one)));

const show = () => {
  const queue = read();
  list.replaceChildren(
    ...queue.map((one) => {
      const line = document.createElement("li");
      const said = document.createElement("span");
      said.textContent = one.name + " " + one.number + ": " + one.amount;
      const state = document.createElement("small");
      state.className = one.state === "refused" ? "tone-bad end" : "muted end";
      state.textContent = words[one.state] + (one.fault ? ": " + one.fault : "");
      line.append(said, state);
      if (one.payment) {
        const receipt = document.createElement("a");
        receipt.href = "/payments/" + one.payment + "/receipt.pdf";
        receipt.textContent = words.receipt + " " + (one.receipt || "");
        line.append(" ", receipt);
      }
      if (one.state === "sent" || one.state === "refused") {
        const gone = document.createElement("button");
        gone.className = "link";
        gone.textContent = words.dismiss;
        gone.addEventListener("click", () => {
          write(read().filter((other) => other.once !== one.once));
          show();
        });
        line.append(" ", gone);
      }
      document.getElementById("s" + one.number)?.classList.toggle("taken", one.state !== "refused");
      return line;
    }),
  );
  box.hidden = queue.length === 0;
  document.getElementById("offline").hidden = navigator.onLine;
};

const send = async () => {
  if (sending) return;
  sending = true;
  try {
    for (const one of read().filter((each) => each.state === "waiting" || each.state === "signIn")) {
      const body = new URLSearchParams({
        csrf: document.querySelector("input[name=csrf]").value,
        number: one.number,
        amount: one.amount,
        once: one.once,
      });
      const answer = await fetch("/collect", {
        method: "POST",
        body,
        redirect: "manual",
        headers: { Accept: "application/json" },
      });
      if (answer.ok) {
        const told = await answer.json();
        change(one.once, { state: "sent", payment: told.payment, receipt: told.receipt_no });
      } else if (answer.status === 422) {
        change(one.once, { state: "refused", fault: (await answer.json()).fault });
      } else if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
        change(one.once, { state: "signIn" });
      }
      show();
    }
  } catch {
    // no connection: it is tried again
  } finally {
    sending = false;
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-take]")) {
    event.preventDefault();
    const fields = new FormData(form);
    const once = fields.get("once");
    if (!read().some((one) => one.once === once)) {
      const taken = { once, number: fields.get("number"), amount: fields.get("amount"), name: form.dataset.name };
      write([...read(), { ...taken, state: "waiting" }]);
    }
    show();
    send();
  } else if (form.getAttribute("action") === "/signout") {
    const left = read().some((one) => one.state === "waiting" || one.state === "signIn");
    if (left && !window.confirm(words.left)) {
      event.preventDefault();
      return;
    }
    caches.keys().then((names) => names.filter((name) => name.startsWith("collect-")).forEach((name) => caches.delete(name)));
  }
});
window.addEventListener("online", () => {
  show();
  send();
});
window.addEventListener("offline", show);
setInterval(send, 15000);
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/collect/sw.js", { scope: "/collect" });
show();
send();
