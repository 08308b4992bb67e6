// The chat: reads the visitor's history, sends what they write, and looks again when a websocket says so.
"use strict";

(() => {
  const page = document.documentElement;
  const { instance, socket: socketPath } = page.dataset;
  const [form, text, list, scroll, state, older, close] = [
    "form", "text", "list", "scroll", "state", "older", "close",
  ].map((id) => document.getElementById(id));
  const about = new URLSearchParams(location.hash.slice(1));
  const framed = window.parent !== window;
  const base = `/widget/${encodeURIComponent(instance)}`;
  const storageKey = `hub-widget:${instance}`;
  // Who is signed in on the page around us. Their token is not stored: whoever uses the browser next is not them.
  const user = about.get("userId") ? { userId: about.get("userId"), userHash: about.get("userHash") || "" } : null;

  const POLL_SECONDS = 4;
  const POLL_CONNECTED_SECONDS = 60;
  const LONGEST_PAUSE_SECONDS = 60;

  let token = stored();
  let beginning = null;
  let etag = null;
  let loading = null;
  let again = false;
  let sending = Promise.resolve();
  let first = true;
  let failures = 0;
  let timer = 0;
  let socket = null;
  let connected = false;
  let refusals = 0;
  let open = !framed;
  let unread = 0;
  let oldest = null;
  const items = new Map();

  // Storage may be forbidden in a frame: then the visitor is known until the page is closed.
  function stored() {
    if (user) return null;
    try {
      return localStorage.getItem(storageKey);
    } catch {
      return null;
    }
  }

  function keep(value) {
    token = value;
    if (user) return;
    try {
      if (value) localStorage.setItem(storageKey, value);
      else localStorage.removeItem(storageKey);
    } catch {
      // As above.
    }
  }

  async function call(method, path, body, headers = {}) {
    const sent = { ...headers };
    if (token) sent.Authorization = `Bearer ${token}`;
    if (body) sent["Content-Type"] = "application/json";
    const options = { method, headers: sent, cache: "no-store", body: body ? JSON.stringify(body) : undefined };
    options.signal = AbortSignal.timeout(20000);
    return fetch(base + path, options);
  }

  // One session, however many messages are sent before it is there.
  function session() {
    if (token) return Promise.resolve();
    beginning ??= begin().finally(() => {
      beginning = null;
    });
    return beginning;
  }

  async function begin() {
    const who = { name: about.get("name") || undefined, email: about.get("email") || undefined, ...user };
    const answer = await call("POST", "/session", who);
    if (!answer.ok) throw new Error(`session: ${answer.status}`);
    keep((await answer.json()).token);
    // Of a new visitor there is nothing old to be read: what comes now is news.
    if (!user) announce();
    tell("started");
    listen();
  }

  // A visitor who comes back gets a fresh token; one whose token is no longer good begins anew.
  async function renew() {
    const answer = await call("POST", "/session", {});
    if (answer.ok) keep((await answer.json()).token);
    else if (answer.status === 401) keep(null);
  }

  // Reading

  function refresh() {
    if (loading) {
      again = true;
      return loading;
    }
    loading = load()
      .then(() => { failures = 0; say(""); }, () => { failures += 1; say("No connection. Trying again…"); })
      .finally(() => {
        loading = null;
        if (again) {
          again = false;
          refresh();
        } else schedule();
      });
    return loading;
  }

  async function load() {
    if (user) await session();
    if (!token) return;
    const answer = await call("GET", "/messages", null, etag ? { "If-None-Match": etag } : {});
    if (answer.status === 401) {
      keep(null);
      if (user) throw new Error("the token has run out");
      return;
    }
    if (answer.status === 304) return;
    if (!answer.ok) throw new Error(`history: ${answer.status}`);
    etag = answer.headers.get("ETag");
    const { messages, nextCursor } = await answer.json();
    if (first) setOldest(nextCursor);
    show(messages);
    announce();
  }

  function announce() {
    first = false;
    list.setAttribute("aria-live", "polite");
  }

  function schedule() {
    clearTimeout(timer);
    if (!token && !user) return;
    const usual = connected ? POLL_CONNECTED_SECONDS : open && !document.hidden ? POLL_SECONDS : POLL_SECONDS * 5;
    const pause = failures ? Math.min(POLL_SECONDS * 2 ** failures, LONGEST_PAUSE_SECONDS) : usual;
    timer = setTimeout(refresh, pause * 1000);
  }

  function setOldest(cursor) {
    oldest = cursor;
    older.hidden = !cursor;
  }

  async function loadOlder() {
    older.disabled = true;
    try {
      const answer = await call("GET", `/messages?cursor=${encodeURIComponent(oldest)}`);
      if (!answer.ok) throw new Error(`history: ${answer.status}`);
      const { messages, nextCursor } = await answer.json();
      const height = scroll.scrollHeight;
      list.setAttribute("aria-live", "off");
      let before = list.firstElementChild;
      for (const message of messages.reverse()) before = place(message, before);
      scroll.scrollTo({ top: scroll.scrollTop + scroll.scrollHeight - height, behavior: "instant" });
      setOldest(nextCursor);
    } catch {
      say("Earlier messages could not be loaded.");
    } finally {
      older.disabled = false;
      list.setAttribute("aria-live", "polite");
      if (older.hidden) scroll.focus();
    }
  }

  // Showing

  function show(messages) {
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    const known = items.size;
    const answers = messages.filter((message) => message.author !== "visitor" && !items.has(message.id));
    for (const message of messages) items.get(message.id)?.classList.remove("waiting");
    dropDeleted(messages);
    let before = list.querySelector(".waiting");
    for (const message of messages.reverse()) before = place(message, before);
    if (!first && answers.length && (!open || document.hidden)) count(unread + answers.length);
    if (items.size > known && (atEnd || first)) toEnd();
  }

  // Answers that the business has taken back are not in the newest messages any more.
  function dropDeleted(messages) {
    const present = new Set(messages.map((message) => message.id));
    for (const [id, item] of items) {
      const sentAt = item.querySelector("time")?.dateTime || "";
      const isRecent = !messages.length || sentAt >= messages[0].sentAt;
      if (isRecent && !present.has(id) && item.classList.contains("agent")) {
        items.delete(id);
        item.remove();
      }
    }
  }

  function place(message, before) {
    let item = items.get(message.id);
    if (item && item.dataset.text !== message.text) {
      const edited = bubble(message.author, message.text, message.attachments, message.runs);
      edited.classList.remove("new");
      item.replaceWith(edited);
      settle(edited, message.id, message.sentAt);
      item = edited;
    }
    if (!item) {
      item = bubble(message.author, message.text, message.attachments, message.runs);
      settle(item, message.id, message.sentAt);
    } else item.querySelector("time")?.replaceWith(time(message.sentAt));
    if (item.parentNode !== list || item.nextElementSibling !== before) list.insertBefore(item, before);
    return item;
  }

  function bubble(author, words, attachments = [], runs = []) {
    const item = make("li", author === "visitor" ? "visitor" : "agent");
    item.dataset.text = words;
    const who = make("span", "spoken", author === "visitor" ? "You: " : "Answer: ");
    const box = make("div", "bubble", runs.length ? "" : words);
    box.dir = "auto";
    box.append(...runs.map(styled));
    for (const attachment of attachments) box.append(link(attachment));
    item.append(who, box, make("div", "note"));
    if (!first) item.classList.add("new");
    return item;
  }

  const LOOKS = { bold: "strong", italic: "em", strike: "s", code: "code", pre: "code" };

  // Only ever elements with text in them: what an answer says is never read as HTML.
  function styled({ text: words, styles, url }) {
    const inner = url ? anchor(url, words) : document.createTextNode(words);
    return styles.reduce((within, style) => {
      const element = make(LOOKS[style] || "span", style === "pre" ? "block" : "");
      element.append(within);
      return element;
    }, inner);
  }

  function link({ url, fileName, type }) {
    const shown = anchor(url, fileName || `Open the ${type}`);
    shown.classList.add("file");
    return shown;
  }

  function anchor(url, label) {
    if (!/^https?:\/\//i.test(url || "")) return make("span", "", label);
    const shown = make("a", "", label);
    shown.href = url;
    shown.target = "_blank";
    shown.rel = "noopener noreferrer";
    return shown;
  }

  function settle(item, id, sentAt) {
    items.set(id, item);
    item.querySelector(".note").replaceChildren(time(sentAt));
  }

  function time(sentAt) {
    const date = new Date(sentAt);
    const today = date.toDateString() === new Date().toDateString();
    const shown = make("time", "", date.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "short", timeStyle: "short" }));
    shown.dateTime = sentAt;
    return shown;
  }

  function make(name, className, words) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (words) element.textContent = words;
    return element;
  }

  function toEnd() {
    scroll.scrollTop = scroll.scrollHeight;
  }

  function say(words) {
    if (state.textContent !== words) state.textContent = words;
  }

  // Writing

  function write(event) {
    event.preventDefault();
    const words = text.value;
    if (!words.trim()) return;
    text.value = "";
    grow();
    text.focus();
    const item = bubble("visitor", words);
    item.classList.add("waiting");
    list.append(item);
    toEnd();
    // The same nonce with every try: what came through once is not said twice.
    send(item, words, nonce());
  }

  function nonce() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // One after the other, so that they arrive in the order in which they were written.
  function send(item, words, id) {
    item.classList.remove("failed");
    item.querySelector(".note").replaceChildren("Sending…");
    sending = sending.then(() => deliver(item, words, id));
  }

  async function deliver(item, words, id) {
    try {
      let answer = await post(words, id);
      if (answer.status === 401) {
        keep(null);
        answer = await post(words, id);
      }
      if (!answer.ok) throw answer;
      const accepted = await answer.json();
      if (items.has(accepted.id)) item.remove();
      else settle(item, accepted.id, new Date().toISOString());
      setTimeout(refresh, 1000);
    } catch (error) {
      failed(item, words, id, error.status === 429 ? "Too fast. " : "Not sent. ");
    }
  }

  async function post(words, id) {
    await session();
    return call("POST", "/messages", { text: words, nonce: id });
  }

  function failed(item, words, id, why) {
    const retry = make("button", "", "Try again");
    retry.type = "button";
    retry.addEventListener("click", () => { text.focus(); send(item, words, id); });
    item.classList.add("failed");
    item.querySelector(".note").replaceChildren(why, retry);
    say("A message was not sent.");
  }

  function grow() {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  }

  const TYPING = "Writing an answer…";
  let typing = 0;

  function showTyping() {
    clearTimeout(typing);
    say(TYPING);
    typing = setTimeout(() => { if (state.textContent === TYPING) say(""); }, 6000);
  }

  let typingSaid = 0;

  function sayTyping() {
    if (!connected || !socket || Date.now() - typingSaid < 3000) return;
    typingSaid = Date.now();
    socket.send("42[\"typing\"]");
  }

  // Being told: just enough of Engine.IO 4 and Socket.IO 5, whose every event here means "look again" but one.

  function listen() {
    if (socket || !token) return;
    const address = new URL(`${socketPath.replace(/\/$/, "")}/?EIO=4&transport=websocket`, location.origin);
    address.protocol = address.protocol.replace("http", "ws");
    let silence = 0;
    let patience = 60000;
    try {
      socket = new WebSocket(address);
    } catch {
      return;
    }
    const mine = socket;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => mine.close(), patience);
    };
    mine.addEventListener("message", ({ data }) => {
      alive();
      if (data[0] === "0") {
        const { pingInterval, pingTimeout } = JSON.parse(data.slice(1));
        patience = pingInterval + pingTimeout;
        mine.send(`40${JSON.stringify({ token })}`);
      } else if (data === "2") mine.send("3");
      else if (data.startsWith("40")) {
        connected = true;
        refusals = 0;
        refresh();
      } else if (data.startsWith("42[\"visitor-typing\"")) showTyping();
      else if (data.startsWith("42")) refresh();
      else if (data.startsWith("41") || data.startsWith("44") || data === "1") mine.close();
    });
    mine.addEventListener("close", () => {
      clearTimeout(silence);
      socket = null;
      connected = false;
      refusals += 1;
      setTimeout(listen, Math.min(2 ** refusals, LONGEST_PAUSE_SECONDS) * 1000);
      schedule();
    });
  }

  // The page around the frame

  function tell(event, fields = {}) {
    if (framed) window.parent.postMessage({ source: "hub-widget", event, ...fields }, "*");
  }

  function count(number) {
    unread = number;
    document.title = number ? `(${number}) ${page.dataset.title}` : page.dataset.title;
    tell("unread", { count: number });
  }

  function seen() {
    if (open && !document.hidden) {
      if (unread) count(0);
      refresh();
    }
  }

  function paint(color) {
    if (!/^#[0-9a-f]{6}$/i.test(color || "")) return;
    const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    page.style.setProperty("--accent", color);
    page.style.setProperty("--on-accent", 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#ffffff" : "#000000");
  }

  page.dataset.title = document.title;
  page.classList.toggle("framed", framed);
  paint(page.dataset.color);
  paint(about.get("color"));
  close.hidden = !framed;
  close.addEventListener("click", () => tell("close"));
  older.addEventListener("click", loadOlder);
  form.addEventListener("submit", write);
  text.addEventListener("input", () => { grow(); sayTyping(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) tell("close");
  });
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("online", refresh);
  window.addEventListener("message", ({ source, data }) => {
    if (!framed || source !== window.parent || data?.source !== "hub-widget") return;
    open = data.event === "open";
    if (open) {
      text.focus();
      seen();
      toEnd();
    }
  });

  if (user) refresh();
  else if (token) renew().catch(() => {}).then(() => Promise.all([refresh(), listen()]));
  if (!framed) text.focus();
  tell("ready");
})();
