// The chat: reads the visitor's history, sends what they write, and looks again when a websocket says so.
"use strict";

(() => {
  const page = document.documentElement;
  const { instance, socket: socketPath } = page.dataset;
  const words = JSON.parse(page.dataset.words);
  const settings = JSON.parse(page.dataset.settings);
  const [form, text, log, list, scroll, state, older, close, typing, rating, closed, leave, before, file, files] = [
    "form", "text", "log", "list", "scroll", "state", "older", "close", "typing", "rating", "closed", "leave", "before", "file", "files",
  ].map((id) => document.getElementById(id));
  const about = new URLSearchParams(location.hash.slice(1));
  const framed = window.parent !== window;
  const base = `/widget/${encodeURIComponent(instance)}`;
  const storageKey = `hub-widget:${instance}`;
  // Who is signed in on the page around us. Their token is not stored: whoever uses the browser next is not them.
  const user = about.get("userId") ? { userId: about.get("userId"), userHash: about.get("userHash") || "" } : null;

  const MOST_FILES = 5;
  const FILE_MEGABYTES = 10;
  const UPLOAD_SECONDS = 120;
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

  /** The words for a key, with `{name}` replaced. */
  const t = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));

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
    const sent = body ? { "Content-Type": "application/json", ...headers } : headers;
    return request(method, base + path, body ? JSON.stringify(body) : undefined, sent, 20);
  }

  async function request(method, address, body, headers, seconds) {
    const sent = token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
    return fetch(address, { method, headers: sent, cache: "no-store", body, signal: AbortSignal.timeout(seconds * 1000) });
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
    const answer = await call("POST", "/session", { ...self(), ...user });
    // What the widget asks its visitors for is missing: of one who was known before, for one.
    if (answer.status === 400) askBefore(true);
    if (!answer.ok) throw new Error(`session: ${answer.status}`);
    keep((await answer.json()).token);
    // Of a new visitor there is nothing old to be read: what comes now is news.
    if (!user) announce();
    tell("started");
    listen();
  }

  /** What the visitor is called, as far as the page or they themselves have said. */
  function self() {
    return { name: about.get("name") || undefined, email: about.get("email") || undefined };
  }

  // A visitor who comes back gets a fresh token; one whose token is no longer good begins anew.
  async function renew() {
    const answer = await call("POST", "/session", self());
    if (answer.ok) keep((await answer.json()).token);
    else if (answer.status === 401) keep(null);
    askBefore();
  }

  // Reading

  function refresh() {
    if (loading) {
      again = true;
      return loading;
    }
    loading = load()
      .then(() => { failures = 0; say(""); }, () => { failures += 1; say(t("lost")); })
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
    const { messages, nextCursor, mayRate, isOpen, opensAt } = await answer.json();
    if (first) setOldest(nextCursor);
    show(messages);
    setOpening(isOpen, opensAt);
    setRating(mayRate);
    announce();
  }

  function announce() {
    first = false;
    log.setAttribute("aria-live", "polite");
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
      log.setAttribute("aria-live", "off");
      let next = list.firstElementChild;
      for (const message of messages.reverse()) next = place(message, next);
      group();
      scroll.scrollTo({ top: scroll.scrollTop + scroll.scrollHeight - height, behavior: "instant" });
      setOldest(nextCursor);
    } catch {
      say(t("olderFailed"));
    } finally {
      older.disabled = false;
      log.setAttribute("aria-live", "polite");
      if (older.hidden) scroll.focus();
    }
  }

  // Showing

  function show(messages) {
    const atEnd = isAtEnd();
    const known = items.size;
    const answers = messages.filter((message) => message.author !== "visitor" && !items.has(message.id));
    for (const message of messages) items.get(message.id)?.classList.remove("waiting");
    dropDeleted(messages);
    let next = list.querySelector(".waiting");
    for (const message of messages.reverse()) next = place(message, next);
    group();
    if (answers.length) hideTyping();
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

  function place(message, next) {
    let item = items.get(message.id);
    if (item && item.dataset.content !== contentOf(message)) {
      const edited = bubble(message);
      edited.classList.remove("new");
      item.replaceWith(edited);
      settle(edited, message.id, message.sentAt);
      item = edited;
    }
    if (!item) {
      item = bubble(message);
      settle(item, message.id, message.sentAt);
    } else item.querySelector("time")?.replaceWith(time(message.sentAt));
    if (item.parentNode !== list || item.nextElementSibling !== next) list.insertBefore(item, next);
    return item;
  }

  const contentOf = ({ text: said, attachments }) => JSON.stringify([said, attachments.map(({ url }) => url)]);

  function bubble(message) {
    const { author, text: said, attachments, runs = [] } = message;
    const item = make("li", author === "visitor" ? "visitor" : "agent");
    item.dataset.content = contentOf(message);
    item.dataset.who = nameOf(message);
    const who = make("span", "who", item.dataset.who);
    who.append(make("span", "spoken", ": "));
    const box = make("div", "bubble", runs.length ? "" : said);
    box.dir = "auto";
    box.append(...runs.map(styled));
    for (const attachment of attachments) box.append(shownFile(attachment));
    item.append(who, box, make("div", "note"));
    if (!first) item.classList.add("new");
    return item;
  }

  /** Who wrote it, with a word that tells people from what answers by itself. */
  function nameOf({ author, authorName: name }) {
    if (author === "visitor") return t("you");
    if (author === "bot") return name ? t("botNamed", { name }) : t("bot");
    return name ? t("person", { name }) : t("team");
  }

  // A name stands above the first of several messages; of the others it is only spoken.
  function group() {
    let former = "";
    for (const item of list.children) {
      const { who } = item.dataset;
      item.querySelector(".who").classList.toggle("spoken", item.classList.contains("visitor") || who === former);
      former = who;
    }
  }

  const LOOKS = { bold: "strong", italic: "em", strike: "s", code: "code", pre: "code" };

  // Only ever elements with text in them: what an answer says is never read as HTML.
  function styled({ text: said, styles, url }) {
    const inner = url ? anchor(url, said) : document.createTextNode(said);
    return styles.reduce((within, style) => {
      const element = make(LOOKS[style] || "span", style === "pre" ? "block" : "");
      element.append(within);
      return element;
    }, inner);
  }

  function shownFile({ url, fileName, type }) {
    const label = fileName || t("openFile");
    const shown = anchor(url, label);
    shown.classList.add("file");
    // The policy lets pictures come from the hub alone; others are links to follow.
    if (type === "image" && shown.href && new URL(shown.href).origin === location.origin) {
      const picture = make("img");
      picture.alt = label;
      picture.loading = "lazy";
      picture.src = shown.href;
      picture.addEventListener("error", () => shown.replaceChildren(label));
      picture.addEventListener("load", () => { if (isAtEnd(picture.height)) toEnd(); });
      shown.replaceChildren(picture);
    }
    return shown;
  }

  function anchor(url, label) {
    if (!/^(https?:\/\/|\/media\/)/i.test(url || "")) return make("span", "", label);
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
    const shown = make("time", "", date.toLocaleString(page.lang, today ? { timeStyle: "short" } : { dateStyle: "short", timeStyle: "short" }));
    shown.dateTime = sentAt;
    return shown;
  }

  function make(name, className, said) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (said) element.textContent = said;
    return element;
  }

  function toEnd() {
    scroll.scrollTop = scroll.scrollHeight;
  }

  const isAtEnd = (added = 0) => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80 + added;

  function say(said) {
    if (state.textContent !== said) state.textContent = said;
  }

  // Rating

  function setRating(mayRate) {
    if (rating.hidden !== mayRate) return;
    rating.hidden = !mayRate;
    if (mayRate) toEnd();
  }

  function rate(event) {
    const { value } = event.target;
    if (!value) return;
    rating.hidden = true;
    put(value, []);
    say(t("thanks"));
    text.focus();
  }

  // When nobody is there

  function setOpening(isOpen, opensAt) {
    closed.hidden = isOpen;
    if (isOpen) return;
    const moment = opensAt && new Date(opensAt).toLocaleString(page.lang, { weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit" });
    const until = moment ? t("closedUntil", { time: moment }) : t("closed");
    if (closed.firstElementChild.textContent !== until) closed.firstElementChild.textContent = until;
    leave.hidden = !settings.emailWhenClosed || Boolean(about.get("email"));
  }

  async function leaveAddress(event) {
    event.preventDefault();
    const email = leave.elements.address.value.trim();
    about.set("email", email);
    leave.hidden = true;
    // With the next token the business knows the address; the message says it to whoever reads the conversation.
    if (user) keep(null);
    else await session().then(renew).catch(() => {});
    put(t("emailIs", { email }), []);
    say(t("emailThanks", { email }));
    text.focus();
  }

  // Before the first message

  const asked = [["name", settings.askName], ["email", settings.askEmail]];

  /** Show the form, or the chat, as it is needed; `isMissing` after the hub has refused a visitor without a name. */
  function askBefore(isMissing = false) {
    const wanted = asked.filter(([key, choice]) => choice !== "no" && !about.get(key));
    const isShown = !token && !user && wanted.length > 0 && (isMissing || !before.dataset.done);
    before.hidden = !isShown;
    form.hidden = isShown;
    for (const [key, choice] of asked) {
      const input = before.elements[key];
      input.closest(".field").hidden = !wanted.some(([name]) => name === key);
      input.required = choice === "required" && !input.closest(".field").hidden;
      input.closest(".field").querySelector("small").hidden = choice === "required";
    }
    if (isShown && (open || !framed)) before.querySelector(".field:not([hidden]) input").focus();
  }

  async function begun(event) {
    event.preventDefault();
    for (const [key] of asked) if (before.elements[key].value.trim()) about.set(key, before.elements[key].value.trim());
    try {
      await session();
    } catch {
      say(t("formRefused"));
      return;
    }
    before.dataset.done = "yes";
    say("");
    askBefore();
    text.focus();
  }

  // Writing

  function write(event) {
    event.preventDefault();
    const uploaded = attached.filter(({ id }) => id);
    const isUploading = attached.some(({ id, error }) => !id && !error);
    if (isUploading || (!text.value.trim() && !uploaded.length)) return;
    const said = text.value.trim() ? text.value : "";
    text.value = "";
    attached = [];
    drawFiles();
    grow();
    text.focus();
    put(said, uploaded);
  }

  function put(said, uploaded) {
    const attachments = uploaded.map(({ name, type }) => ({ url: null, fileName: name, type }));
    const item = bubble({ author: "visitor", text: said, attachments });
    item.classList.add("waiting");
    list.append(item);
    group();
    toEnd();
    // The same nonce with every try: what came through once is not said twice.
    send(item, { text: said, nonce: nonce(), attachments: uploaded.map(({ id }) => ({ fileId: id })) });
  }

  function nonce() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // One after the other, so that they arrive in the order in which they were written.
  function send(item, message) {
    item.classList.remove("failed");
    item.querySelector(".note").replaceChildren(t("sending"));
    sending = sending.then(() => deliver(item, message));
  }

  async function deliver(item, message) {
    try {
      let answer = await post(message);
      if (answer.status === 401) {
        keep(null);
        answer = await post(message);
      }
      if (!answer.ok) throw answer;
      const accepted = await answer.json();
      if (items.has(accepted.id)) item.remove();
      else settle(item, accepted.id, new Date().toISOString());
      setTimeout(refresh, 1000);
    } catch (error) {
      failed(item, message, t(error.status === 429 ? "tooFast" : "notSent"));
    }
  }

  async function post(message) {
    await session();
    return call("POST", "/messages", message);
  }

  function failed(item, message, why) {
    const retry = make("button", "", t("again"));
    retry.type = "button";
    retry.addEventListener("click", () => { text.focus(); send(item, message); });
    item.classList.add("failed");
    item.querySelector(".note").replaceChildren(`${why} `, retry);
    say(t("messageNotSent"));
  }

  // Files, which are uploaded as soon as they are chosen: `{key, name, type, id, error}`.

  let attached = [];

  function attach(chosen) {
    if (!settings.files) return;
    say(attached.length + chosen.length > MOST_FILES ? t("tooMany", { count: MOST_FILES }) : "");
    for (const each of [...chosen].slice(0, MOST_FILES - attached.length)) {
      const entry = { name: each.name, type: each.type.split("/")[0] };
      attached.push(entry);
      upload(each).then((id) => { entry.id = id; }, () => { entry.error = t("fileRefused", { name: each.name }); }).finally(drawFiles);
      if (each.size > FILE_MEGABYTES * 1024 * 1024) entry.error = t("tooLarge", { name: each.name, size: FILE_MEGABYTES });
    }
    drawFiles();
  }

  async function upload(each) {
    if (each.size > FILE_MEGABYTES * 1024 * 1024) return undefined;
    await session();
    const address = `/api/visitors/${encodeURIComponent(instance)}/files?fileName=${encodeURIComponent(each.name)}`;
    const answer = await request("POST", address, each, { "Content-Type": each.type || "application/octet-stream" }, UPLOAD_SECONDS);
    if (!answer.ok) throw new Error(`upload: ${answer.status}`);
    return (await answer.json()).id;
  }

  function drawFiles() {
    files.hidden = !attached.length;
    files.replaceChildren(...attached.map((entry) => {
      const item = make("li", entry.error ? "failed" : entry.id ? "" : "waiting");
      const remove = make("button", "", "✕");
      remove.type = "button";
      remove.setAttribute("aria-label", t("remove", { name: entry.name }));
      remove.addEventListener("click", () => {
        attached = attached.filter((each) => each !== entry);
        drawFiles();
        text.focus();
      });
      const name = make("span", "", entry.error || entry.name);
      name.dir = "auto";
      item.append(name, ...(entry.id || entry.error ? [] : [make("small", "", t("uploading"))]), remove);
      return item;
    }));
  }

  function grow() {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  }

  let typingTimer = 0;

  function showTyping() {
    clearTimeout(typingTimer);
    const wasAtEnd = isAtEnd();
    typing.hidden = false;
    if (wasAtEnd) toEnd();
    say(t("typing"));
    typingTimer = setTimeout(hideTyping, 6000);
  }

  function hideTyping() {
    clearTimeout(typingTimer);
    typing.hidden = true;
    if (state.textContent === t("typing")) say("");
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
  before.addEventListener("submit", begun);
  leave.addEventListener("submit", leaveAddress);
  rating.addEventListener("click", rate);
  file.closest("label").hidden = !settings.files;
  file.addEventListener("change", () => { attach(file.files); file.value = ""; });
  text.addEventListener("paste", (event) => {
    if (!settings.files || !event.clipboardData.files.length) return;
    event.preventDefault();
    attach(event.clipboardData.files);
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!form.hidden) attach(event.dataTransfer.files);
  });
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
      (form.hidden ? before.querySelector(".field:not([hidden]) input") : text).focus();
      seen();
      toEnd();
    }
  });

  setOpening(settings.isOpen, settings.opensAt);
  askBefore();
  if (user) refresh();
  else if (token) renew().catch(() => {}).then(() => Promise.all([refresh(), listen()]));
  if (!framed && !form.hidden) text.focus();
  tell("ready");
})();
