"use strict";
// Stands behind the pages: shows what a push says, and opens the request of a notification that is pressed.

// Browsers want each push to be seen, so what is over takes the place of what waited, without a sound.
self.addEventListener("push", (event) => {
  const { id, body, state, path } = event.data.json();
  const shown = { body, tag: `sayso-${id}`, icon: "/icons/1.svg", data: path, silent: state !== "pending" };
  event.waitUntil(registration.showNotification("sayso", shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openPage(event.notification.data));
});

async function openPage(path) {
  const pages = await clients.matchAll({ type: "window" });
  const open = pages.find((page) => new URL(page.url).pathname === path);
  await (open ? open.focus() : clients.openWindow(path));
}
