// Every page works without this file: it adds focus, counts, the menu, the passkey and the notice.
import { createAll, Button, CharacterCount, Checkboxes, ErrorSummary, NotificationBanner, Radios, ServiceNavigation, SkipLink } from "govuk-frontend";

document.body.classList.add("js-enabled");
if ("noModule" in HTMLScriptElement.prototype) document.body.classList.add("govuk-frontend-supported");
for (const c of [Button, CharacterCount, Checkboxes, ErrorSummary, NotificationBanner, Radios, ServiceNavigation, SkipLink]) createAll(c);

// News: tell, never move. The page changes only when its reader asks for it.
const live = document.querySelector("[data-live]");
if (live && "EventSource" in window) {
  const source = new EventSource(live.dataset.live);
  source.addEventListener("news", () => {
    const link = document.createElement("a");
    link.className = "govuk-link";
    link.href = location.pathname + location.search;
    link.textContent = live.dataset.text;
    live.replaceChildren(link);
    if (document.hidden && "Notification" in window && Notification.permission === "granted")
      new Notification(document.querySelector(".govuk-generic-header").textContent.trim(), { body: live.dataset.text, tag: "news" });
  });
  addEventListener("pagehide", () => source.close());
}

// A notice of the browser says that there is something, never what; its reader asks for it, on each device.
const notify = document.querySelector("[data-notify]");
if (notify && "Notification" in window) {
  const status = notify.querySelector("[role=status]");
  const say = () => { status.textContent = status.dataset[Notification.permission] ?? ""; };
  notify.hidden = false;
  say();
  notify.querySelector("button").addEventListener("click", async () => { await Notification.requestPermission(); say(); });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// The end of a session is said two minutes before it comes (WCAG 2.2.1).
const timeout = document.getElementById("timeout");
if (timeout && timeout.showModal) {
  let timer;
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timeout.showModal();
      timer = setTimeout(() => location.assign(timeout.dataset.end), 120000);
    }, Number(timeout.dataset.seconds) * 1000 - 120000);
  };
  timeout.addEventListener("close", async () => {
    const answer = await fetch(timeout.dataset.stay, { method: "POST" });
    if (answer.ok) start();
    else location.assign(timeout.dataset.end);
  });
  start();
}

// Passkeys (WebAuthn level 3): the browser reads and writes the JSON of the server itself.
const passkey = document.querySelector("[data-passkey]");
if (passkey && window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  const status = document.getElementById("passkey-status");
  passkey.hidden = false;
  passkey.addEventListener("click", async () => {
    status.textContent = "";
    try {
      const options = await (await fetch(passkey.dataset.begin, { method: "POST" })).json();
      const credential = passkey.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
      const answer = await fetch(passkey.dataset.finish, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(credential.toJSON()) });
      if (!answer.ok) throw new Error(String(answer.status));
      location.assign((await answer.json()).next);
    } catch {
      status.textContent = status.dataset.failed;
    }
  });
}
