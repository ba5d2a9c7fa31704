// Cash taken without a connection: each taking is kept here under a key of its own and sent until it is answered.
"use strict";

const KEPT = "netbilld-collect:"; // one entry for each taking, so that two tabs never write over one another's
const SLIPS = "netbilld-slips:"; // the series that this phone numbers somebody's takings in
const box = document.getElementById("queue");
const list = box.querySelector("ul");
const words = box.dataset;
const me = words.who;
let sending = false;

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
const read = () =>
  Object.keys(localStorage)
    .filter((key) => key.startsWith(KEPT))
    .map((key) => parsed(localStorage.getItem(key)))
    .filter(Boolean)
    .sort((one, other) => one.at - other.at);
const write = (one) => localStorage.setItem(KEPT + one.once, JSON.stringify(one));
const forget = (one) => localStorage.removeItem(KEPT + one.once);
const mine = (one) => one.who === me;
const isLeft = (one) => one.state === "waiting" || one.state === "signIn";
const random = (count) =>
  Array.from(crypto.getRandomValues(new Uint8Array(count)), (octet) => octet.toString(16).padStart(2, "0")).join("");

const nextSlip = () => {
  const known = parsed(localStorage.getItem(SLIPS + me)) || { series: random(2).toUpperCase(), last: 0 };
  known.last += 1;
  localStorage.setItem(SLIPS + me, JSON.stringify(known));
  return known.series + "-" + String(known.last).padStart(5, "0");
};

const button = (text, does) => {
  const made = document.createElement("button");
  made.className = "link";
  made.textContent = text;
  made.addEventListener("click", does);
  return made;
};

const line = (one) => {
  const item = document.createElement("li");
  const said = document.createElement("span");
  said.textContent = one.name + " " + one.number + ": " + one.amount;
  const state = document.createElement("small");
  state.className = one.state === "refused" ? "tone-bad end" : "muted end";
  state.textContent = (mine(one) || !isLeft(one) ? words[one.state] : words.other) + (one.fault ? ": " + one.fault : "");
  item.append(said, state);
  if (one.slip) {
    const slip = document.createElement("small");
    slip.className = "mono muted";
    slip.textContent = (words.collector ? words.collector.toUpperCase() + "-" : "") + one.slip;
    item.append(" ", slip);
  }
  if (one.payment) {
    const receipt = document.createElement("a");
    receipt.href = "/payments/" + one.payment + "/receipt.pdf";
    receipt.textContent = words.receipt + " " + (one.receipt || "");
    item.append(" ", receipt);
  }
  if (mine(one) && !isLeft(one)) {
    const drop = () => {
      if (one.state === "refused" && !window.confirm(words.drop)) return;
      forget(one);
      show();
    };
    item.append(" ", button(words.dismiss, drop));
  }
  if (mine(one)) document.getElementById("s" + one.number)?.classList.toggle("taken", one.state !== "refused");
  return item;
};

const show = () => {
  const queue = read().filter((one) => mine(one) || isLeft(one));
  list.replaceChildren(...queue.map(line));
  box.hidden = queue.length === 0;
  document.getElementById("offline").hidden = navigator.onLine;
};

const send = async () => {
  if (sending) return;
  sending = true;
  try {
    for (const one of read().filter((each) => mine(each) && isLeft(each))) {
      const body = new URLSearchParams({
        csrf: document.querySelector("input[name=csrf]").value,
        number: one.number,
        amount: one.amount,
        once: one.once,
        slip: one.slip || "",
        age: String(Math.max(0, Math.round((Date.now() - one.at) / 1000) || 0)), // whatever the phone's clock says
      });
      const answer = await fetch("/collect", {
        method: "POST",
        body,
        redirect: "manual",
        headers: { Accept: "application/json" },
      });
      if (answer.ok) {
        const told = await answer.json();
        write({ ...one, state: "sent", fault: "", payment: told.payment, receipt: told.receipt_no });
      } else if (answer.status === 422) {
        write({ ...one, state: "refused", fault: (await answer.json()).fault });
      } else if (answer.status === 409) {
        write({ ...one, state: "waiting", fault: (await answer.json()).fault });
      } else if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
        write({ ...one, state: "signIn" });
      }
      show();
    }
  } catch {
    // no connection: it is tried again
  } finally {
    sending = false;
  }
};

const take = (event, form) => {
  const fields = new FormData(form);
  const number = fields.get("number");
  if (read().some((one) => mine(one) && one.number === number && one.state !== "refused") && !window.confirm(words.again)) {
    event.preventDefault();
    return;
  }
  const taken = { number, amount: fields.get("amount"), name: form.dataset.name, who: me, at: Date.now() };
  try {
    write({ ...taken, once: random(16) + "-" + number, slip: nextSlip(), state: "waiting" });
  } catch {
    return; // the phone keeps nothing: the form goes out as any other
  }
  event.preventDefault();
  show();
  send();
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-take]")) {
    take(event, form);
  } else if (form.getAttribute("action") === "/signout") {
    if (read().some((one) => mine(one) && isLeft(one)) && !window.confirm(words.left)) {
      event.preventDefault();
      return;
    }
    caches.keys().then((names) => names.filter((name) => name.startsWith("collect-")).forEach((name) => caches.delete(name)));
  }
});

// what an earlier version of this page had kept
for (const one of parsed(localStorage.getItem("netbilld-collect")) || []) write({ who: me, at: Date.now(), ...one });
localStorage.removeItem("netbilld-collect");

window.addEventListener("online", () => {
  show();
  send();
});
window.addEventListener("offline", show);
setInterval(send, 15000);
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/collect/sw.js", { scope: "/collect" });
show();
send();
