"use strict";
// Notifications of the browser, if a person asks for them by the button. Their text is the service's own.

const bell = $("notify");
const wanted = "sayso-notify";
const told = new Set([...document.querySelectorAll(".card[data-waits]")].map((card) => card.dataset.id));
// Only where a page is trusted with it: over https, or on this machine.
const able = bell && isSecureContext && "Notification" in self && "serviceWorker" in navigator;
// Null where it cannot be had: the service ended as the page came, or the browser keeps nothing here.
const registered = able && navigator.serviceWorker.register("/worker.js");
const worker = registered && registered.then(() => navigator.serviceWorker.ready).catch(() => null);
const ringing = () => Notification.permission === "granted" && localStorage.getItem(wanted) === "on";

function dressBell() {
  bell.hidden = false;
  bell.disabled = Notification.permission === "denied";
  bell.textContent = bell.disabled ? "Notifications are blocked" : ringing() ? "Notifications on" : "Notify me";
}

async function pressBell() {
  const on = !ringing() && (await Notification.requestPermission()) === "granted";
  localStorage.setItem(wanted, on ? "on" : "off");
  dressBell();
  const pushed = await push(on);
  const where = { on: ", also when no page is open", lost: " while a page is open: this browser's push service cannot be reached" };
  say(on ? `You will be notified of new requests that wait for you${where[pushed] ?? " while a page is open"}.` : "You will not be notified.");
}

// Through the push service of the browser, if this service tells people so.
async function push(on) {
  try {
    const { key } = await (await fetch("/push")).json();
    if (!key) return "none";
    const { pushManager } = await worker;
    let known = await pushManager.getSubscription();
    // one that was made with another key is worth nothing
    if (known && (!on || plain(known.options.applicationServerKey) !== key)) {
      await tellPush("off", known);
      await known.unsubscribe();
      known = null;
    }
    if (!on) return "none";
    known ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    return (await tellPush("on", known)).ok ? "on" : "lost";
  } catch {
    return "lost";
  }
}

function tellPush(what, known) {
  const { endpoint, keys } = known.toJSON();
  const csrf = document.querySelector('input[name="csrf"]').value;
  return fetch(`/push/${what}`, { method: "POST", body: new URLSearchParams({ csrf, endpoint, ...keys }) });
}

function plain(key) {
  const text = btoa(String.fromCharCode(...new Uint8Array(key ?? new ArrayBuffer())));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Every open page hears all news; the one that listens shows them, so that each is shown once.
async function ring(news) {
  if (!able) return;
  const card = parse(news.card);
  const waits = news.state === "pending" && Boolean(card.dataset.waits);
  const fresh = waits && !told.has(news.id);
  if (waits) told.add(news.id);
  else if (!told.delete(news.id)) return;
  if (!listening || !ringing()) return;
  const shower = await worker;
  if (!shower) return;
  if (fresh) shower.showNotification("sayso", notice(news.id, card.dataset.summary));
  else if (!waits) for (const old of await shower.getNotifications({ tag: `sayso-${news.id}` })) old.close();
}

function notice(id, body) {
  return { body, tag: `sayso-${id}`, icon: "/icons/1.svg", data: `/requests/${id}` };
}

if (able) {
  bell.addEventListener("click", pressBell);
  dressBell();
  // whoever is signed in now is told here, and a subscription that the browser renewed is known again
  if (ringing()) push(true);
}
