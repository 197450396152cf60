"use strict";
// News for open pages: one of them listens, and tells the others. What to do with news is in inbox.js and notify.js.

const states = { on: "Live", lost: "Connection lost, trying again…", out: "Signed out: reload the page", old: "Much has changed: reload the page" };

function state(name) {
  $("live").dataset.state = name === "on" ? "on" : "lost";
  $("live").lastElementChild.textContent = states[name];
}

let last = page.live ? new URL(page.live, location).searchParams.get("after") : "";

// Browsers allow six connections to one host, and each open page would keep one: one page listens for all of them.
const pages = page.live && "locks" in navigator && "BroadcastChannel" in self ? new BroadcastChannel(page.share) : null;
const me = Math.random();
const recent = [];
let dropped = 0;
let listening = false;
let known = "lost";

function hear(told) {
  if (told.to && told.to !== me) return;
  if (told.state) state(told.state);
  if (told.news && Number(told.id) >= Number(last)) {
    last = told.id;
    const news = JSON.parse(told.news);
    take(news);
    ring(news);
  }
  if (told.hello && listening) catchUp(told.hello, Number(told.after));
}

function tell(told) {
  pages?.postMessage(told);
  hear(told);
}

// A page that was opened just now gets what came in between; if that is gone, it is to be read again.
function catchUp(to, after) {
  pages.postMessage({ to, state: after < dropped ? "old" : known });
  for (const { id, news } of recent) if (Number(id) > after) pages.postMessage({ to, id, news });
}

function keep(id, news) {
  recent.push({ id, news });
  if (recent.length > 100) dropped = Number(recent.shift().id);
}

// A session that ended stays ended; too many open pages, or a restart, pass.
async function askWhy() {
  const answer = await fetch(location.pathname, { method: "HEAD" }).catch(() => null);
  if (answer?.status === 401) tell({ state: (known = "out") });
  else setTimeout(listen, 5000);
}

function listen() {
  listening = true;
  dropped = Number(last);
  const stream = new EventSource(`/events?after=${last}`);
  stream.onopen = () => tell({ state: (known = "on") });
  stream.onerror = () => {
    tell({ state: (known = "lost") });
    // after an answer that is no stream the browser gives up
    if (stream.readyState === EventSource.CLOSED) askWhy();
  };
  stream.addEventListener("card", (event) => {
    keep(event.lastEventId, event.data);
    tell({ id: event.lastEventId, news: event.data });
  });
  stream.addEventListener("reload", () => tell({ state: (known = "old") }));
  addEventListener("pagehide", () => stream.close(), { once: true });
}

function join() {
  addEventListener("pageshow", (event) => event.persisted && location.reload(), { once: true });
  if (!pages) return listen();
  pages.onmessage = (event) => hear(event.data);
  pages.postMessage({ hello: me, after: last });
  // whoever holds the lock listens; when that page is closed, the next one does
  navigator.locks.request(page.share, () => {
    listen();
    return new Promise(() => {});
  });
}

if (page.live) {
  join();
  setInterval(() => count(), 1000);
}
