// Says so when there is no connection. Keeps that one page and its style, and nothing of anybody's.
"use strict";
const STYLE = "{{ css }}";
const KEPT = "portal" + STYLE;
self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(["/luring", STYLE, "{{ icon }}"])));
  self.skipWaiting();
});
self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)))),
  );
});
self.addEventListener("fetch", (event) => {
  const request = event.request;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match("/luring")));
  } else if (new URL(request.url).pathname === STYLE) {
    event.respondWith(fetch(request).catch(() => caches.match(STYLE)));
  }
});
