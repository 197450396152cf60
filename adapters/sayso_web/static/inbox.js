"use strict";
// Without this script every form still works; with it, cards come and change by themselves.

const $ = (id) => document.getElementById(id);
const page = document.body.dataset;
const waiting = $("waiting");
const base = document.title.replace(/^\(\d+\) /, "");
let skew = page.now ? Date.parse(page.now) - Date.now() : 0;
let moved = -1000;
// News of cards whose press has no answer yet.
const held = new Map();

// The answer of the service is parsed, never run: scripts in a parsed document are dead, and there are none.
function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
}

function say(words) {
  $("news").textContent = words;
}

// ---- time

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function left(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (s >= 86400) return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h left`;
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min left`;
  return s ? `${Math.floor(s / 60)}:${two(s % 60)} left` : "time is up";
}

function count(root = document) {
  for (const time of root.querySelectorAll("time.until")) {
    const ms = Date.parse(time.dateTime) - Date.now() - skew;
    time.textContent = left(ms);
    time.parentElement.classList.toggle("soon", ms < 120000);
  }
}

function dress(root) {
  for (const time of root.querySelectorAll("time:not(.until)")) {
    time.title = time.dateTime;
    time.textContent = clock.format(new Date(time.dateTime));
  }
  count(root);
}

// ---- cards

const pending = () => [...waiting.querySelectorAll('.card[data-state="pending"]')];

function tally() {
  if (!$("count")) return;
  const all = pending();
  $("count").textContent = all.length;
  $("empty").hidden = waiting.children.length > 0;
  // the title and the icon count what this person may answer; the list shows what others may, too
  const mine = all.filter((card) => card.dataset.waits).length;
  document.title = mine ? `(${mine}) ${base}` : base;
  document.querySelector('link[rel="icon"]').href = `/icons/${Math.min(mine, 10)}.svg`;
}

function add(card) {
  const later = pending().find((other) => Date.parse(other.dataset.expires) > Date.parse(card.dataset.expires));
  card.classList.add("fresh");
  waiting.insertBefore(card, later || null);
  moved = performance.now();
  say(`New: ${card.dataset.summary}`);
}

// What somebody was writing is not lost with the form that they wrote it in.
function keepWriting(old, card) {
  const typed = [...old.querySelectorAll("textarea, input[type=text]")].filter((el) => el.value !== el.defaultValue);
  if (!typed.length) return;
  const note = document.createElement("div");
  note.className = "notice";
  const box = document.createElement("pre");
  box.textContent = typed.map((el) => el.value).join("\n\n");
  const unsure = old.dataset.unsure && "This is closed. It is not certain that your text was sent:";
  note.append(unsure || "This was closed while you were writing. Your text was not sent:", box);
  card.querySelector(".answer").append(note);
}

// The focus goes along if it was inside; whoever is somewhere else is left there.
function swap(old, fresh, target = fresh) {
  const inside = old.contains(document.activeElement);
  old.replaceWith(fresh);
  if (inside) target.focus({ preventScroll: true });
}

function replace(old, card) {
  swap(old, card);
  moved = performance.now();
}

// Of a pending card only what is told changes: the form may have somebody's text in it.
function retell(old, card) {
  // the answer to a press was quicker than older news
  if (old.dataset.state !== "pending") return;
  if (card.dataset.waits) old.dataset.waits = "yes";
  else delete old.dataset.waits;
  const [told, fresh] = [old, card].map((one) => one.querySelector(".told"));
  count(told);
  if (!told.isEqualNode(fresh)) swap(told, fresh, old);
}

// A decided card stays where it was until its reader has turned away from it.
function retire(id, row) {
  setTimeout(() => {
    const card = $(`card-${id}`);
    if (!card) return;
    if (card.matches(":hover") || card.contains(document.activeElement)) return retire(id, row);
    card.remove();
    moved = performance.now();
    record(row);
    tally();
  }, 5000);
}

function record(row) {
  const list = $("decided");
  if (!list || !row) return;
  const old = list.querySelector(`[data-row="${CSS.escape(row.dataset.row)}"]`);
  if (!old) list.prepend(row);
  else if (!old.isEqualNode(row)) swap(old, row, row.querySelector("a"));
}

function take(news) {
  skew = Date.parse(news.now) - Date.now();
  if ($(`card-${news.id}`)?.ariaBusy === "true") return held.set(news.id, news);
  if (page.only) return page.only === news.id ? readPage() : undefined;
  const old = $(`card-${news.id}`);
  const card = parse(news.card);
  const row = news.row && parse(news.row);
  [card, row].forEach((part) => part && dress(part));
  if (news.state === "pending") {
    if (old) retell(old, card);
    else add(card);
  } else if (!old) {
    record(row);
  } else {
    if (old.dataset.state === "pending") {
      keepWriting(old, card);
      replace(old, card);
      say(card.dataset.summary);
    }
    retire(news.id, row);
  }
  tally();
}

// The page of one request shows all of it, which the news do not have in full.
async function readPage() {
  const fresh = await readLog();
  const card = fresh?.getElementById(`card-${page.only}`);
  const old = $(`card-${page.only}`);
  if (!card || !old) return;
  dress(card);
  if (card.dataset.state === "pending") retell(old, card);
  else if (old.dataset.state === "pending") {
    keepWriting(old, card);
    replace(old, card);
    say(card.dataset.summary);
  }
}

async function readLog() {
  const answer = await fetch(location.pathname + location.search);
  if (!answer.ok) return null;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const log = fresh.getElementById("log");
  if (log) {
    dress(log);
    $("log").replaceWith(log);
  }
  return fresh;
}

// ---- presses

function show(card, form) {
  const old = $(`card-${card.dataset.id}`) || form.closest(".card");
  // news were quicker than an older answer
  if (old.dataset.state === "decided" && card.dataset.state === "pending") return;
  const focused = document.activeElement;
  const here = focused === document.body || old.contains(focused) || form.contains(focused);
  dress(card);
  old.replaceWith(card);
  const first = card.querySelector('[aria-invalid="true"], .notice, .dialog.over :is(textarea, input:not([type=hidden]), button)');
  const target = first?.matches("fieldset") ? first.querySelector("input") : first;
  if (here) (target || card).focus();
  if (card.dataset.state === "decided") say(card.dataset.summary);
  if (page.only) readLog();
  tally();
}

function complain(form, note) {
  const here = form.closest(".card").contains(document.activeElement);
  form.parentElement.querySelector(":scope > .notice")?.remove();
  form.before(note);
  if (here) note.focus();
}

function unanswered(form) {
  const note = document.createElement("p");
  note.className = "notice";
  note.role = "alert";
  note.tabIndex = -1;
  note.textContent = "The service did not reply, so it is not certain that this counted. The card shows what holds once the connection is back.";
  form.closest(".card").dataset.unsure = "yes";
  complain(form, note);
}

// One press of a card at a time. News of the card wait for the answer, which is what its reader looks for.
async function send(form, button) {
  const pressed = form.closest(".card");
  if (pressed.ariaBusy === "true") return;
  pressed.ariaBusy = "true";
  try {
    const body = new URLSearchParams(new FormData(form, button));
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { "Sayso-Fragment": "card" } });
    const part = parse(await answer.text());
    if (part?.matches(".card")) show(part, form);
    else complain(form, part);
  } catch {
    unanswered(form);
  } finally {
    pressed.ariaBusy = "false";
    const news = held.get(pressed.dataset.id);
    held.delete(pressed.dataset.id);
    if (news) take(news);
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.getAttribute("action") !== "/press") return sendOnce(event);
  event.preventDefault();
  send(event.target, event.submitter);
});

const sent = new WeakMap();

// A second press calls the first one's answer off, and with it the cookie of a link that is used up by then.
function sendOnce(event) {
  if (event.target.method !== "post") return;
  if (performance.now() - (sent.get(event.target) ?? -Infinity) < 10_000) event.preventDefault();
  else sent.set(event.target, performance.now());
}

// A key that is held down presses once, and not also the button that comes next.
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.key === "Enter" && event.target.closest(".card button")) event.preventDefault();
});

document.addEventListener("click", (event) => {
  // A card that came in just now may have pushed another button under the pointer.
  if (event.detail > 0 && performance.now() - moved < 400 && event.target.closest(".card button")) {
    event.preventDefault();
    say("The list moved just then. Press again.");
  }
  if (event.target.closest("[data-back]")) {
    event.preventDefault();
    const id = event.target.closest(".card").dataset.id;
    fetch(`/requests/${id}`).then(async (answer) => {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(`card-${id}`);
      if (fresh) show(fresh, event.target);
    });
  }
});

// ---- sign-in

function useLink() {
  if (!$("signin") || location.hash.length < 20) return;
  $("code").value = location.hash.slice(1);
  // neither the history nor a bookmark keeps it
  history.replaceState(null, "", "/signin");
  $("typed").hidden = true;
  $("ready").hidden = false;
  $("signin").querySelector("button").focus();
}

useLink();
addEventListener("hashchange", useLink);
dress(document);
if (waiting) tally();
