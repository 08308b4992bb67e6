// What every screen stands on: words, dates, addresses, the API, who is signed in, and what this browser remembers.
import { computed, signal } from "./vendor/preact.js";

// ── What this browser remembers ──────────────────────────────────────────────────────────────────────────────────
// Storage may be forbidden or full; then things are remembered until the page is closed.

const memory = new Map();

export const storage = {
  get(key) {
    try {
      return localStorage.getItem(`hub:${key}`);
    } catch {
      return memory.get(key) ?? null;
    }
  },
  set(key, value) {
    try {
      if (value === null || value === "") localStorage.removeItem(`hub:${key}`);
      else localStorage.setItem(`hub:${key}`, value);
    } catch {
      memory.set(key, value);
    }
  },
};

/** A signal whose value this browser keeps; a value that is not among `choices` counts as absent. */
function remembered(key, choices, usual) {
  const stored = storage.get(key);
  const value = signal(choices.includes(stored) ? stored : usual);
  value.subscribe((current) => storage.set(key, current === usual ? null : current));
  return value;
}

export const THEMES = ["system", "light", "dark"];
export const theme = remembered("theme", THEMES, "system");
theme.subscribe((value) => {
  if (value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
});

/** The time zone that the person has chosen; empty where the browser's holds. */
export const zone = signal(storage.get("zone") ?? "");
zone.subscribe((value) => storage.set("zone", value));

export const sounds = remembered("sounds", ["on", "off"], "off");
export const desktopNotices = remembered("desktop-notices", ["on", "off"], "off");

/** An id that no other message of anybody has; `crypto.randomUUID` is missing where the page came without TLS. */
export function uniqueId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ── Words and dates ──────────────────────────────────────────────────────────────────────────────────────────────

export const LANGUAGES = { en: "English", pt: "Português", es: "Español", de: "Deutsch" };

const preferred = (navigator.languages ?? []).map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";
export const language = remembered("language", Object.keys(LANGUAGES), preferred);

const phrases = signal({});
let plurals = new Intl.PluralRules("en");

/** Fetch the words of the chosen language; screens are drawn after the first time, and drawn again after each other. */
export async function loadWords() {
  const chosen = language.value;
  const answer = await fetch(new URL(`./i18n/${chosen}.json`, import.meta.url));
  if (!answer.ok) throw new Error(`the words of ${chosen} could not be loaded: ${answer.status}`);
  plurals = new Intl.PluralRules(chosen);
  phrases.value = await answer.json();
  document.documentElement.lang = chosen;
}

/** The words for a key, with `{name}` replaced. With a `count` the key has a form for each plural of the language. */
export function t(key, values) {
  const forms = phrases.value[key];
  const text = typeof forms === "object" ? (forms[plurals.select(values?.count ?? 0)] ?? forms.other) : forms;
  if (text === undefined) return key;
  return values ? text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place)) : text;
}

/** The words for a key that comes from the hub, or the fallback where this version does not know it. */
export function tOr(key, fallback) {
  return key in phrases.value ? t(key) : fallback;
}

/** Now, to the half minute: whatever shows how long ago something was is drawn again with it. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 30_000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) now.value = Date.now();
});

const formats = new Map();

function format(kind, options, tag = language.value) {
  const key = `${tag} ${zone.value} ${kind}`;
  if (!formats.has(key)) formats.set(key, formatIn(zone.value, tag, options));
  return formats.get(key);
}

/** A zone that this browser does not know counts as none. */
function formatIn(timeZone, tag, options) {
  try {
    return new Intl.DateTimeFormat(tag, { ...options, timeZone: timeZone || undefined });
  } catch {
    return new Intl.DateTimeFormat(tag, options);
  }
}

/** The day on which something was, as `2026-01-31`. */
export const dayOf = (moment) => format("iso", { year: "numeric", month: "2-digit", day: "2-digit" }, "en-CA").format(new Date(moment));

const daysSince = (moment) => Math.round((Date.parse(dayOf(now.value)) - Date.parse(dayOf(moment))) / 86_400_000);

export const clockTime = (moment) => format("time", { hour: "2-digit", minute: "2-digit" }).format(new Date(moment));

export const dateAndTime = (moment) =>
  format("full", { dateStyle: "full", timeStyle: "short" }).format(new Date(moment));

/** A day as people call it: today, yesterday, its weekday, or its date. */
export function dayName(moment) {
  const days = daysSince(moment);
  if (days === 0) return t("day.today");
  if (days === 1) return t("day.yesterday");
  const isThisYear = dayOf(moment).slice(0, 4) === dayOf(now.value).slice(0, 4);
  if (days > 1 && days < 7) return format("weekday", { weekday: "long" }).format(new Date(moment));
  if (isThisYear) return format("day", { day: "numeric", month: "long" }).format(new Date(moment));
  return format("date", { dateStyle: "long" }).format(new Date(moment));
}

/** When something was, as short as a list has room for: a time, a weekday, or a date. */
export function shortMoment(moment) {
  const days = daysSince(moment);
  if (days === 0) return clockTime(moment);
  if (days > 0 && days < 7) return format("short weekday", { weekday: "short" }).format(new Date(moment));
  return format("short date", { day: "numeric", month: "short" }).format(new Date(moment));
}

/** A moment with the parts that `options` of `Intl.DateTimeFormat` name. */
export const formatMoment = (moment, options) => format(JSON.stringify(options), options).format(new Date(moment));

/** How long ago something was, in one unit: `4 min`, `2 h`, `3 d`. */
export function elapsed(since) {
  const minutes = Math.max(0, Math.floor((now.value - new Date(since)) / 60_000));
  if (minutes < 1) return t("elapsed.now");
  if (minutes < 60) return t("elapsed.minutes", { number: minutes });
  if (minutes < 1440) return t("elapsed.hours", { number: Math.floor(minutes / 60) });
  return t("elapsed.days", { number: Math.floor(minutes / 1440) });
}

/** How long until something, in one unit. */
export const remaining = (until) => elapsed(2 * now.value - new Date(until));

export const formatNumber = (number) => new Intl.NumberFormat(language.value).format(number);

export function formatBytes(size) {
  const unit = size < 1024 ** 2 ? "kilobyte" : "megabyte";
  const amount = size / (unit === "kilobyte" ? 1024 : 1024 ** 2);
  const options = { style: "unit", unit, maximumFractionDigits: amount < 10 ? 1 : 0 };
  return new Intl.NumberFormat(language.value, options).format(amount);
}

// ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────────

const BASE = "/console";

function readAddress() {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { parts, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

/** Where the person is: the `parts` of the path below `/console`, and the `query`. */
export const address = signal(readAddress());
addEventListener("popstate", () => {
  address.value = readAddress();
});

/** The path of a page of the console; a query's empty values are left out. */
export function pathTo(parts, query = {}) {
  const filled = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const path = [BASE, ...parts.map(encodeURIComponent)].join("/");
  return filled.length ? `${path}?${new URLSearchParams(filled)}` : path;
}

export function goTo(path, { replace = false } = {}) {
  if (path === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", path);
  address.value = readAddress();
}

// A plain link stays one (a new tab, a copied address), and is followed without loading the page again.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || !`${link.pathname}/`.startsWith(`${BASE}/`)) return;
  if (link.hash) return;
  event.preventDefault();
  goTo(link.pathname + link.search);
});

// ── Who is signed in ─────────────────────────────────────────────────────────────────────────────────────────────

const ROLES = ["viewer", "agent", "admin", "owner"];

/** The session: `{user, tenant}`; null where nobody is signed in, undefined until that is clear. */
export const session = signal(undefined);
export const me = computed(() => session.value?.user ?? null);

/** Whether the person who is signed in has this role, or a higher one. */
export const may = (role) => ROLES.indexOf(me.value?.role?.toLowerCase()) >= ROLES.indexOf(role);

/** Has the hub keep the refresh token in a cookie that no script can read, wherever a session begins or goes on. */
export const BY_COOKIE = { "X-Refresh-Token": "cookie" };

let accessToken = "";
let refreshing = null;

/** The token of the moment, for the socket. */
export const currentToken = () => accessToken;

export function beginSession(answer) {
  accessToken = answer.accessToken;
  session.value = { user: answer.user, tenant: answer.tenant };
}

/** What is done before somebody signs out, such as sending what they have written. */
export const beforeSignOut = new Set();

function forgetSession() {
  accessToken = "";
  // Nothing of what this person has seen may be left in memory for the next one.
  if (session.peek()) location.reload();
  session.value = null;
}

// A refresh token is good for one exchange, so that two pages of one browser must not use it at once.
const alone = (work) => (navigator.locks ? navigator.locks.request("hub-session", work) : work());

/** Take up the session that this browser has, or learn that it has none. One exchange at a time. */
export function resumeSession() {
  refreshing ??= alone(exchange).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

/** What the hub answers to a browser without a session, or with one that has ended. */
const NOBODY = new Set([400, 401]);

async function exchange() {
  const answer = await fetch("/api/auth/refresh", jsonRequest("POST", {}, BY_COOKIE));
  if (answer.ok) beginSession(await answer.json());
  else if (NOBODY.has(answer.status)) forgetSession();
  else throw await errorOf(answer);
}

export async function signIn(email, password, tenantId) {
  const answer = await fetch("/api/auth/login", jsonRequest("POST", { email, password, tenantId }, BY_COOKIE));
  if (!answer.ok) throw await errorOf(answer);
  beginSession(await answer.json());
}

export async function signOut() {
  await Promise.all([...beforeSignOut].map((work) => work()));
  await api.post("/api/auth/logout", {}).catch(() => {});
  forgetSession();
}

// ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the hub refused, or `status` 0 where it could not be reached; `fields` says by name what is wrong with values. */
export class ApiError extends Error {
  constructor(status, code, message, fields = {}) {
    super(message);
    Object.assign(this, { status, code, fields });
  }
}

function jsonRequest(method, body, headers = {}) {
  const options = { method, headers: { Accept: "application/json", ...headers }, cache: "no-store" };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  return options;
}

async function errorOf(answer) {
  const body = await answer.json().catch(() => ({}));
  const detail = body.detail ?? t("error.status", { status: answer.status });
  return new ApiError(answer.status, body.code ?? "", detail, body.fields ?? {});
}

const jsonOf = (answer) => (answer.status === 204 ? null : answer.json());

async function call(path, options, read = jsonOf) {
  const authorized = () => ({ ...options, headers: { ...options.headers, Authorization: `Bearer ${accessToken}` } });
  try {
    let answer = await fetch(path, authorized());
    if (answer.status === 401 && session.value) {
      await resumeSession();
      if (session.value) answer = await fetch(path, authorized());
    }
    if (!answer.ok) throw await errorOf(answer);
    return await read(answer);
  } catch (error) {
    if (error instanceof ApiError || error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", t("error.unreachable"));
  }
}

/** A path of the API; a query's empty values are left out. */
export function withQuery(path, query) {
  const filled = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return filled.length ? `${path}?${new URLSearchParams(filled)}` : path;
}

/** Each gives the answer's JSON, or throws an `ApiError`. `headers` are those beside the usual ones. */
export const api = {
  get: (path, query = {}, options = {}) => call(withQuery(path, query), { ...jsonRequest("GET"), ...options }),
  post: (path, body, headers, options = {}) => call(path, { ...jsonRequest("POST", body, headers), ...options }),
  put: (path, body, headers) => call(path, jsonRequest("PUT", body, headers)),
  patch: (path, body, headers) => call(path, jsonRequest("PATCH", body, headers)),
  delete: (path) => call(path, jsonRequest("DELETE")),
  /** A page of a list as text, and the cursor of the next: `{text, cursor}`. */
  text: (path, query = {}) =>
    call(withQuery(path, query), jsonRequest("GET"), async (answer) => ({ text: await answer.text(), cursor: answer.headers.get("X-Next-Cursor") })),
  upload(file) {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    return call(withQuery("/api/files", { fileName: file.name }), { method: "POST", headers, body: file });
  },
};

/** Take over what a person has chosen wherever they sign in: language, time zone, sounds and name. */
export function applyProfile(profile) {
  if (profile.language in LANGUAGES) language.value = profile.language;
  zone.value = profile.timeZone ?? "";
  sounds.value = profile.sounds ? "on" : "off";
  session.value = { ...session.peek(), user: { ...session.peek().user, name: profile.name } };
}

export const loadProfile = async () => applyProfile(await api.get("/api/me"));

export const saveProfile = async (changes) => applyProfile(await api.patch("/api/me", changes));

/** What changes so seldom that one look a visit is enough: called again it gives the same promise. */
function once(load) {
  let promise = null;
  const look = () => {
    promise ??= load().catch((error) => {
      promise = null;
      throw error;
    });
    return promise;
  };
  look.forget = () => {
    promise = null;
  };
  return look;
}

export const people = once(async () => (await api.get("/api/users", { limit: 100 })).users);
/** Those of the people to whom a conversation may be given. */
export const whoAnswers = async () => (await people()).filter(({ role }) => role !== "viewer");
export const teams = once(async () => (await api.get("/api/teams", { limit: 100 })).teams);
export const channels = once(() => api.get("/api/channels"));
export const cannedReplies = once(async () => (await api.get("/api/canned-replies")).cannedReplies);
/** What each adapter can do, in the Dashboard's words. */
export const capabilities = once(async () => (await api.get("/channels/capabilities")).channels);
session.subscribe(() => [people, teams, channels, cannedReplies, capabilities].forEach((look) => look.forget()));
