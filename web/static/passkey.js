// Passkeys (WebAuthn): a form with data-passkey asks the panel what to do, then the browser, and goes on with the answer.
"use strict";

const unpacked = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const packed = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const known = (list) => (list || []).map((one) => ({ ...one, id: unpacked(one.id) }));

const asked = {
  create: (options) => navigator.credentials.create({ publicKey: {
    ...options, challenge: unpacked(options.challenge), user: { ...options.user, id: unpacked(options.user.id) },
    excludeCredentials: known(options.excludeCredentials),
  } }),
  get: (options) => navigator.credentials.get({ publicKey: {
    ...options, challenge: unpacked(options.challenge), allowCredentials: known(options.allowCredentials),
  } }),
};

const written = ({ id, rawId, type, response }) => {
  const said = { clientDataJSON: packed(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) said[name] = packed(response[name]);
  }
  return JSON.stringify({ id, rawId: packed(rawId), type, response: said });
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const notice = form.querySelector("[role=alert][hidden]");
  const tell = (text) => { notice.textContent = text; notice.hidden = !text; };
  const take = async () => {
    const answer = await fetch(`${form.getAttribute("action")}/options`, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const told = await answer.json();
    if (!answer.ok) { tell(told.problem); return; }
    form.elements.credential.value = written(await asked[form.dataset.passkey](told.options));
    if (form.elements.password) form.elements.password.disabled = true; // it was asked for; once is enough
    HTMLFormElement.prototype.submit.call(form);
  };
  const words = { NotAllowedError: "refused", AbortError: "refused", InvalidStateError: "known", SecurityError: "elsewhere" };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    tell("");
    take().catch((fault) => tell(form.dataset[words[fault.name] || "silent"])).finally(() => { delete form.dataset.busy; });
  });
  form.hidden = false;
  if (location.origin !== form.dataset.origin) tell(form.dataset.elsewhere);
  else if (!window.PublicKeyCredential) tell(form.dataset.unable);
}
