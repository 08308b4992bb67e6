// The hub's events over one socket, and the conversations that they change.
//
// The newer `updatedAt` wins. After a lost connection, or a sleep, the hub tells the events that were missed. What an
// event does not tell comes with one request for all that has changed since the last look (`/api/inbox?since=`), however
// many events there were.
import { batch, signal } from "./vendor/preact.js";
import { address, api, currentToken, me, resumeSession, session } from "./core.js";

// ── The socket ───────────────────────────────────────────────────────────────────────────────────────────────────
// As much of Socket.IO 5 over Engine.IO 4 as the console needs: text frames over a WebSocket, one namespace.
// https://socket.io/docs/v4/engine-io-protocol/ and https://socket.io/docs/v4/socket-io-protocol/

const [OPEN, PING, PONG] = ["0", "2", "3"];
const [CONNECT, EVENT, REFUSED] = ["40", "42", "44"];
// The join with an id, and its acknowledgement: what happens before it is not heard.
const [JOIN, JOINED] = ["420", "430"];
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

/** `connecting` until the first connection stands, then `live` or `lost`. */
export const connection = signal("connecting");

const listeners = new Map();
let socket = null;
let deadline = 0;
let patience = 45_000;
let failures = 0;
let retryTimer = 0;
/** Where in the stream of events this page is. */
let cursor = null;

/** Call `listener` with the payload of each event of that name; returns how to stop. */
export function onEvent(name, listener) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(listener);
  return () => listeners.get(name).delete(listener);
}

function tell(name, payload) {
  cursor = payload?.cursor ?? cursor;
  for (const listener of listeners.get(name) ?? []) listener(payload);
}

function connect() {
  clearTimeout(retryTimer);
  if (socket || !session.value) return;
  const path = document.documentElement.dataset.socket.replace(/\/?$/, "/");
  const url = new URL(`${path}?EIO=4&transport=websocket`, location.href.replace(/^http/, "ws"));
  const opened = (socket = new WebSocket(url));
  deadline = Date.now() + patience;
  opened.onmessage = ({ data }) => opened === socket && receive(data);
  opened.onclose = () => opened === socket && lose();
}

function receive(frame) {
  deadline = Date.now() + patience;
  if (frame === PING) socket.send(PONG);
  else if (frame.startsWith(EVENT)) tell(...JSON.parse(frame.slice(EVENT.length)));
  else if (frame.startsWith(CONNECT)) socket.send(JOIN + JSON.stringify(["join-tenant", { since: cursor }]));
  else if (frame.startsWith(JOINED)) joined(JSON.parse(frame.slice(JOINED.length))[0]);
  else if (frame.startsWith(REFUSED)) refuse();
  else if (frame.startsWith(OPEN)) {
    const { pingInterval, pingTimeout } = JSON.parse(frame.slice(OPEN.length));
    patience = pingInterval + pingTimeout;
    socket.send(CONNECT + JSON.stringify({ token: currentToken() }));
  }
}

function joined({ ok, cursor: latest, reload }) {
  if (!ok) return lose();
  failures = 0;
  const mayHaveMissed = connection.value !== "live" && (reload || !cursor);
  cursor = latest ?? cursor;
  connection.value = "live";
  // The hub has told what was missed since the cursor, unless it was too much, or too long ago. Before the first cursor
  // a page may have shown a conversation already.
  if (mayHaveMissed) tell("reconnected");
  repair();
}

async function refuse() {
  // The token has run out, for one: with a new one the next try succeeds.
  await resumeSession().catch(() => {});
  lose();
}

function lose() {
  const former = socket;
  socket = null;
  former?.close();
  if (!session.value) return;
  connection.value = "lost";
  failures += 1;
  const pause = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
  clearTimeout(retryTimer);
  retryTimer = setTimeout(connect, pause * (0.5 + Math.random() / 2));
}

// A computer that slept, or changed its network, may hold a connection that nobody is at the other end of.
function check() {
  if (socket && Date.now() > deadline) lose();
  if (!socket) connect();
  else if (isRepairWanted) repair();
}
setInterval(check, 5_000);
addEventListener("online", () => {
  failures = 0;
  if (connection.value === "lost") connect();
});
addEventListener("offline", () => socket && lose());
document.addEventListener("visibilitychange", () => document.hidden || check());

export function disconnect() {
  const former = socket;
  socket = null;
  former?.close();
  clearTimeout(retryTimer);
  cursor = null;
  connection.value = "connecting";
}

session.subscribe((current) => {
  if (current) connect();
  else if (socket) disconnect();
});

// ── The conversations ────────────────────────────────────────────────────────────────────────────────────────────

export const VIEWS = ["mine", "unassigned", "needs-human", "waiting", "open", "snoozed", "closed"];
const PAGE = 100;
const REPAIR_PAUSE = 400;
const COUNT_PAUSE = 2_000;
const MOST_REPAIR_PAGES = 5;

const entries = new Map();
let asOf = null;

/** The entry of a conversation, `{id, row}`: `row` is a signal with what is known of it, null before anything is. */
export function entryOf(id) {
  if (!entries.has(id)) entries.set(id, { id, row: signal(null) });
  return entries.get(id);
}

/** The list in sight: `entries` in order, whether more follow, and how loading them stands. */
export const list = signal({ entries: [], cursor: null, isLoading: true, error: null });

/** How many conversations there are in each view. */
export const counts = signal(null);

let selection = { view: "open" };
let order = newestFirst;
let turn = 0;

const SIGNS = {
  mine: (row) => row.status === "OPEN" && row.assigneeId === me.value?.id,
  unassigned: (row) => row.status === "OPEN" && !row.assigneeId,
  "needs-human": (row) => row.status === "OPEN" && row.needsHuman,
  waiting: (row) => row.status === "OPEN" && Boolean(row.needsReplySince),
  open: (row) => row.status === "OPEN",
  snoozed: (row) => row.status === "SNOOZED",
  closed: (row) => row.status === "CLOSED",
};

function fits(row) {
  const { view, team, channelId, tag, unread, q } = selection;
  if (!SIGNS[view]?.(row)) return false;
  if (team && row.teamId !== team) return false;
  if (channelId && row.channelInstanceId !== channelId) return false;
  if (tag && !row.tags?.includes(tag)) return false;
  if (unread && !row.unread) return false;
  if (!q) return true;
  const names = [row.customerName, row.phoneNumber, row.customer?.externalId].join(" ").toLowerCase();
  return names.includes(q.toLowerCase());
}

function newestFirst(one, other) {
  if (one.lastMessageAt !== other.lastMessageAt) return one.lastMessageAt < other.lastMessageAt ? 1 : -1;
  return one.id < other.id ? 1 : -1;
}

function longestWaitFirst(one, other) {
  const [since, otherSince] = [one.needsReplySince ?? "~", other.needsReplySince ?? "~"];
  return since === otherSince ? newestFirst(one, other) : since < otherSince ? -1 : 1;
}

function dueFirst(one, other) {
  const [due, otherDue] = [one.sla?.dueAt ?? "~", other.sla?.dueAt ?? "~"];
  return due === otherDue ? newestFirst(one, other) : due < otherDue ? -1 : 1;
}

const ORDERS = { newest: newestFirst, "longest-wait": longestWaitFirst, sla: dueFirst };

/** Show the conversations of a selection: `view` and, if they are to be narrowed, `team`, `channelId`, `tag`, … */
export async function select(next) {
  const isSame = asOf && !list.peek().error && JSON.stringify(next) === JSON.stringify(selection);
  if (isSame) return repairSoon();
  selection = next;
  const sort = next.sort ?? (next.view === "waiting" ? "longest-wait" : "newest");
  order = ORDERS[sort] ?? newestFirst;
  turn += 1;
  list.value = { entries: [], cursor: null, isLoading: true, error: null };
  await loadPage(turn, null);
}

export const loadMore = () => {
  if (list.value.cursor && !list.value.isLoading) loadPage(turn, list.value.cursor);
};

async function loadPage(ofTurn, cursor) {
  list.value = { ...list.value, isLoading: true, error: null };
  try {
    const page = await api.get("/api/inbox", { ...selection, limit: PAGE, cursor });
    if (ofTurn !== turn) return;
    // From here on people can work: the first load is measured by it.
    performance.mark("conversations");
    if (!counts.peek()) count();
    asOf ??= page.asOf;
    batch(() => {
      list.value = { ...list.value, cursor: page.nextCursor, isLoading: false };
      merge(page.conversations);
    });
    if (isRepairWanted) repairSoon();
    // Filters without an index may leave a page with few rows, or none, and lead on all the same.
    if (page.nextCursor && list.value.entries.length < PAGE / 4 && page.conversations.length < PAGE / 4) loadMore();
  } catch (error) {
    if (ofTurn === turn) list.value = { ...list.value, isLoading: false, error };
  }
}

/** Take in what is known of conversations, whole or in part, and put each to its place in the list. */
export function merge(rows) {
  const changed = [];
  for (const row of rows) {
    const entry = entryOf(row.id);
    const former = entry.row.peek();
    if (former && row.updatedAt && former.updatedAt > row.updatedAt) continue;
    entry.row.value = { ...former, ...row };
    changed.push(entry);
  }
  place(changed);
}

const MANY = 20;

function place(changed) {
  const { cursor } = list.peek();
  let inOrder = list.peek().entries;
  const isChanged = new Set(changed);
  inOrder = inOrder.filter((entry) => !isChanged.has(entry));
  const fitting = changed.filter((entry) => entry.row.peek().lastMessageAt && fits(entry.row.peek()));
  const compare = (one, other) => order(one.row.peek(), other.row.peek());
  if (fitting.length > MANY) {
    inOrder = [...inOrder, ...fitting].sort(compare);
  } else {
    for (const entry of fitting) {
      const index = placeIn(inOrder, entry, compare);
      // What comes after the last row that is loaded will come with its page.
      if (!(cursor && index === inOrder.length && inOrder.length)) inOrder.splice(index, 0, entry);
    }
  }
  list.value = { ...list.peek(), entries: inOrder };
}

function placeIn(sorted, entry, compare) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(sorted[middle], entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

let repairTimer = 0;
let repairing = false;
let isRepairWanted = false;
let countTimer = 0;

/** Fetch soon what has changed since the last look; several wishes become one request. */
export function repairSoon() {
  repairTimer ||= setTimeout(repair, REPAIR_PAUSE);
}

async function repair() {
  clearTimeout(repairTimer);
  repairTimer = 0;
  isRepairWanted = true;
  // The first page, and the repair that is under way, look afterwards whether another one is wanted.
  if (repairing || !asOf) return;
  repairing = true;
  isRepairWanted = false;
  try {
    let [cursor, next] = [null, null];
    for (let pages = 0; pages < MOST_REPAIR_PAGES; pages += 1) {
      const page = await api.get("/api/inbox", { since: asOf, limit: 200, cursor });
      next ??= page.asOf;
      batch(() => merge(page.conversations));
      cursor = page.nextCursor;
      if (!cursor) break;
    }
    asOf = next;
    // After a long absence it is cheaper to look at the list anew.
    if (cursor) {
      const anew = selection;
      selection = {};
      await select(anew);
    }
    countSoon();
    if (isRepairWanted) repairSoon();
  } catch {
    isRepairWanted = true; // `check` tries again
  } finally {
    repairing = false;
  }
}

export function countSoon() {
  countTimer ||= setTimeout(async () => {
    countTimer = 0;
    await count();
  }, COUNT_PAUSE);
}

export async function count() {
  try {
    counts.value = await api.get("/api/inbox/counts");
  } catch {
    // The former figures stay; the next change counts again.
  }
}

onEvent("conversation-updated", ({ conversation }) => {
  merge([conversation]);
  repairSoon();
});
onEvent("needs-human", ({ conversation }) => {
  merge([conversation]);
  repairSoon();
});
onEvent("message-created", ({ conversationId, message }) => {
  const former = entries.get(conversationId)?.row.peek();
  if (!former) return repairSoon();
  const { id, text, direction, createdAt } = message;
  if (createdAt >= former.lastMessageAt) {
    merge([{ id: conversationId, lastMessage: { id, text, direction, createdAt }, lastMessageAt: createdAt }]);
  }
  repairSoon();
});

/** Put what an answer of the API says of a conversation into the list, and return it. */
export function takeIn(row) {
  merge([row]);
  return row;
}

const changing = new Map();

/**
 * Change a conversation at once in sight, and in the hub; what the hub refuses is taken back. The changes of one
 * conversation are made one after the other, for each names what it changes by its `ETag`.
 */
export function change(id, changes, preview = changes) {
  const result = (changing.get(id) ?? Promise.resolve()).then(() => changeNow(id, changes, preview));
  changing.set(id, result.catch(() => {}));
  return result;
}

async function changeNow(id, changes, preview) {
  const entry = entryOf(id);
  const former = entry.row.peek();
  entry.row.value = { ...former, ...preview };
  place([entry]);
  try {
    const headers = former?.etag ? { "If-Match": former.etag } : {};
    return takeIn(await api.patch(`/api/conversations/${id}`, changes, headers));
  } catch (error) {
    entry.row.value = former;
    place([entry]);
    if (error.status === 412) takeIn(await api.get(`/api/conversations/${id}`));
    throw error;
  }
}

export const isOpen = (id) => address.value.parts[2] === id;
