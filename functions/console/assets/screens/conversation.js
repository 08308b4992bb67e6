// One conversation: what was written, who has it, and where an answer goes.
import { html, signal, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { api, clockTime, dateAndTime, dayName, dayOf, elapsed, formatBytes, formatNumber, goTo, may, me, pathTo, storage, t, tOr, whoAnswers } from "../core.js";
import { change, entryOf, onEvent, repairSoon, takeIn } from "../live.js";
import { Composer, discard, outgoing, send, sent, takeBack } from "./composer.js";
import { CustomerPanel } from "./customer.js";
import { nameOf, snoozeTimes } from "./inbox.js";
import {
  Avatar, Button, channelIcon, channelName, classes, confirmed, Dialog, Empty, Failure, Field, Icon, Menu, Skeleton, toast, toastError, useKeys,
  useLoad,
} from "../ui.js";

const PAGE = 50;
const MOST_LINES = 400;
const MOST_KEPT = 10;
const LONG_TEXT = 1_500;
const TYPING_SHOWN = 6_000;
const WIDE = matchMedia("(min-width: 1100px)");

export default function ConversationScreen({ id, view, query }) {
  const row = entryOf(id).row.value;
  const whole = useLoad(async () => row?.etag || takeIn(await api.get(`/api/conversations/${id}`)), [id]);
  if (whole.error) {
    const title = whole.error.status === 404 ? t("conversation.missing") : t("failure.title");
    return html`<div class="conversation-place"><${Empty} icon="search-x" title=${title}>
      <p>${whole.error.message}</p><a class="button plain" href=${pathTo(["inbox", view], query)}>${t("conversation.back")}</a><//></div>`;
  }
  if (!row?.customer) return html`<div class="conversation-place"><${Skeleton} kind="bubbles" lines=${6} /></div>`;
  return html`<${Whole} row=${row} view=${view} query=${query} />`;
}

function Whole({ row, view, query }) {
  const [panel, setPanel] = useState(storage.get("panel") !== "closed" && WIDE.matches);
  const [quoted, setQuoted] = useState(null);
  const channel = row.channelType === "WIDGET" ? "chat" : row.channelType.toLowerCase();
  // Asked again when the customer has written: that opens the provider's window anew.
  const reaches = useLoad(
    async () => (may("agent") ? (await api.post(`/sessions/${row.id}/can-send`)).channels : []),
    [row.id, row.status, row.lastMessage?.direction === "INBOUND" && row.lastMessage.id],
  );
  const reach = reaches.value?.find((each) => each.channel === channel);
  const show = (isShown) => {
    setPanel(isShown);
    if (WIDE.matches) storage.set("panel", isShown ? null : "closed");
  };
  const log = useLog(row.id);
  return html`<div class=${classes("conversation", panel && "with-panel")}>
    <section class="talk" aria-label=${t("conversation.with", { name: nameOf(row) })}>
      <${Header} row=${row} view=${view} query=${query} isPanelShown=${panel} onPanel=${() => show(!panel)} />
      <${Log} log=${log} row=${row} abilities=${reach?.abilities ?? []} onQuote=${setQuoted} />
      <${Turn} row=${row} log=${log} />
      <${Composer} row=${row} reach=${reach} quoted=${quoted} onUnquote=${() => setQuoted(null)} />
    </section>
    ${panel && html`<${CustomerPanel} key=${row.customerId} row=${row} onClose=${() => show(false)} />`}
  </div>`;
}

// ── Head: who it is, who has it, and what can be decided ─────────────────────────────────────────────────────────

const PRIORITIES = ["LOW", "NORMAL", "HIGH", "URGENT"];

/** Do something with a conversation, and say what the hub says against it. */
async function attempt(work, done, undo) {
  try {
    await work();
    if (done) toast(done, { undo });
  } catch (error) {
    toastError(error);
  }
}

function Header({ row, view, query, isPanelShown, onPanel }) {
  const { id } = row;
  const name = nameOf(row);
  const [colleagues, setColleagues] = useState([]);
  const header = useRef();
  const set = (changes, done, undone, preview) => attempt(() => change(id, changes, preview), done, undone && (() => attempt(() => change(id, undone))));
  const assign = (person) => {
    const former = { assigneeId: row.assigneeId };
    const preview = { assigneeId: person?.id ?? null, assigneeName: person ? person.name || person.email : null };
    set({ assigneeId: preview.assigneeId }, t(person ? "assigned.to" : "assigned.nobody", { name: preview.assigneeName }), former, preview);
  };
  const snooze = (until) => set({ status: "SNOOZED", snoozedUntil: until.toISOString() }, t("snoozed.until", { time: dateAndTime(until) }), { status: "OPEN" });
  const close = (askRating = true) => set({ status: "CLOSED", askRating }, t("closed.done"), { status: "OPEN" }, { status: "CLOSED" });
  const reopen = () => set({ status: "OPEN" }, t("reopened.done"));
  const take = () => attempt(async () => takeIn(await api.post(`/api/conversations/${id}/take`)), t("taken.done"));
  const press = (label) => header.current.querySelector(`[data-menu="${label}"] > button`)?.click();
  const isOpen = row.status === "OPEN";
  useKeys(may("agent") ? { t: isOpen && take, a: () => press("assign"), s: () => press("snooze"), e: isOpen ? () => close() : undefined } : {});
  return html`<header class="conversation-head" ref=${header}>
    <a class="button icon-only back" href=${pathTo(["inbox", view], query)} aria-label=${t("conversation.back")}><${Icon} name="arrow-left" /></a>
    <${Avatar} name=${name} size=${36} />
    <div class="conversation-title">
      <h1><bdi>${name}</bdi></h1>
      <p>
        <${Icon} name=${channelIcon(row.channelType)} size=${14} /> ${channelName(row.channelType)}
        ${row.status !== "OPEN" && html`<span class="state">${t(`status.${row.status}`)}</span>`}
        ${row.assigneeName && html`<span class="fact"><${Icon} name="user" size=${12} /> <bdi>${row.assigneeName}</bdi></span>`}
      </p>
    </div>
    ${may("agent") &&
    html`<div class="conversation-actions">
      <span data-menu="assign"
        ><${Menu}
          icon="user-plus"
          label=${t("assign")}
          onOpen=${() => whoAnswers().then(setColleagues, toastError)}
          items=${[
            { label: t("assign.me"), icon: "user-check", checked: row.assigneeId === me.value.id, onSelect: () => assign(me.value) },
            ...colleagues
              .filter((person) => person.id !== me.value.id)
              .map((person) => ({ label: person.name || person.email, icon: "user", checked: row.assigneeId === person.id, onSelect: () => assign(person) })),
            row.assigneeId && { label: t("assign.nobody"), icon: "user-x", onSelect: () => assign(null) },
          ]}
      /></span>
      <${Menu}
        icon="flag"
        label=${t("priority")}
        class="roomy"
        items=${PRIORITIES.map((priority) => ({
          label: t(`priority.${priority}`),
          checked: row.priority === priority,
          onSelect: () => set({ priority }),
        }))}
      />
      ${isOpen &&
      html`<span data-menu="snooze"
          ><${Menu} icon="alarm-clock" label=${t("snooze")} items=${snoozeTimes().map(([key, until]) => ({ label: t(key), hint: dayName(until) === t("day.today") ? clockTime(until) : "", onSelect: () => snooze(until) }))}
        /></span>
        <${Button} icon="check" onClick=${() => close()} class="close-button">${t("close.conversation")}<//>
        <${Menu} icon="chevron-down" label=${t("close.more")} class="roomy" items=${[{ label: t("close.unrated"), icon: "check", onSelect: () => close(false) }]} />`}
      ${!isOpen && html`<${Button} icon="rotate-ccw" onClick=${reopen}>${t("reopen")}<//>`}
    </div>`}
    <${Button} icon="panel-right" label=${t("customer.panel")} aria-pressed=${isPanelShown ? "true" : "false"} class=${isPanelShown && "active"} onClick=${onPanel} />
  </header>`;
}

/** Whose turn it is, and the button that changes it. */
function Turn({ row, log }) {
  const [busy, setBusy] = useState(false);
  if (row.status !== "OPEN" || !may("agent")) return null;
  const act = (name, done) => async () => {
    setBusy(true);
    await attempt(async () => takeIn(await api.post(`/api/conversations/${row.id}/${name}`)), done);
    setBusy(false);
  };
  const isOwn = row.owner === "HUMAN" && row.holderId === me.value.id;
  if (row.owner === "NOBODY" || row.needsHuman) {
    return html`<div class="turn waits">
      <${Icon} name="hand" /><span>${t("turn.waits")}</span><${Button} kind="primary" busy=${busy} onClick=${act("take", t("taken.done"))}>${t("take")}<//>
    </div>`;
  }
  if (row.owner === "BOT") {
    // Whether a bot is there shows only when it has answered.
    const hasBot = row.autoReplyEnabled && log.state.value.messages.some((message) => message.author === "BOT");
    return html`<div class=${classes("turn", hasBot && "bot")}>
      <${Icon} name=${hasBot ? "bot" : "user-plus"} /><span>${t(hasBot ? "turn.bot" : "turn.nobody")}</span>
      <${Button} busy=${busy} onClick=${act("take", t("taken.done"))}>${t(hasBot ? "takeOver" : "take")}<//>
    </div>`;
  }
  const until = row.pauseEndsAt ? t("turn.until", { time: clockTime(row.pauseEndsAt) }) : "";
  return html`<div class="turn human">
    <${Icon} name="user" /><span>${isOwn ? t("turn.mine") : t("turn.other", { name: row.assigneeName ?? t("turn.somebody") })} ${until}</span>
    <${Button} busy=${busy} onClick=${act("release", t("released.done"))}>${t("release")}<//>
  </div>`;
}

// ── What was written ─────────────────────────────────────────────────────────────────────────────────────────────

/** The logs of the conversations that were looked at last, so that coming back to one shows it at once. */
const logs = new Map();

function logOf(id) {
  const log = logs.get(id) ?? { id, loads: new Set(), state: signal({ messages: [], cursor: null, isLoading: true, isPartial: false, error: null }) };
  logs.delete(id);
  logs.set(id, log);
  if (logs.size > MOST_KEPT) logs.delete(logs.keys().next().value);
  return log;
}

function useLog(id) {
  const log = useMemo(() => logOf(id), [id]);
  useEffect(() => {
    loadNewest(log);
    // The event of one's own message may come before the answer to sending it: it would stand there twice for a moment.
    let early = [];
    const isSending = () => outgoing.peek().some((item) => item.conversationId === id && item.state === "sending");
    const add = (message) => {
      if (message.authorId === me.peek()?.id && isSending()) early.push(message);
      else addMessage(log, message);
    };
    const ends = [
      outgoing.subscribe(() => {
        if (isSending()) return;
        const messages = early;
        early = [];
        messages.forEach(add);
      }),
      onEvent("message-created", (event) => event.conversationId === id && add(event.message)),
      onEvent("message-updated", (event) => event.conversationId === id && addMessage(log, event.message)),
      onEvent("reconnected", () => loadNewest(log)),
      sent.subscribe((accepted) => accepted?.conversationId === id && addMessage(log, accepted.message)),
    ];
    return () => ends.forEach((end) => end());
  }, [id]);
  return log;
}

async function loadNewest(log) {
  // The answer may be older than what is told while it is on its way.
  const toldMeanwhile = [];
  log.loads.add(toldMeanwhile);
  try {
    const page = await api.get(`/api/conversations/${log.id}/messages`, { limit: PAGE });
    const former = log.state.peek();
    const oldest = page.messages[0]?.sentAt;
    // What is known of older ones stays where the new page reaches back to it.
    const older = former.messages.filter((message) => message.sentAt < oldest);
    const isJoined = former.messages.some(({ id }) => page.messages.some((message) => message.id === id));
    const joined = isJoined ? [...older, ...page.messages] : page.messages;
    log.state.value = { messages: joined, cursor: isJoined && older.length ? former.cursor : page.nextCursor, isLoading: false, isPartial: false, error: null };
    log.loads.delete(toldMeanwhile);
    toldMeanwhile.forEach((message) => addMessage(log, message));
    const last = page.messages.at(-1);
    if (last && !document.hidden) markRead(log.id, last.id);
  } catch (error) {
    log.state.value = { ...log.state.peek(), isLoading: false, error };
  } finally {
    log.loads.delete(toldMeanwhile);
  }
}

async function loadOlder(log) {
  const { messages, cursor, isLoading } = log.state.peek();
  if (!cursor || isLoading) return;
  log.state.value = { ...log.state.peek(), isLoading: true };
  try {
    const page = await api.get(`/api/conversations/${log.id}/messages`, { limit: PAGE, cursor });
    const all = [...page.messages, ...messages];
    log.state.value = { messages: all.slice(0, MOST_LINES), cursor: page.nextCursor, isLoading: false, isPartial: all.length > MOST_LINES || log.state.peek().isPartial, error: null };
  } catch (error) {
    log.state.value = { ...log.state.peek(), isLoading: false };
    toastError(error);
  }
}

function addMessage(log, message) {
  for (const toldMeanwhile of log.loads) toldMeanwhile.push(message);
  const state = log.state.peek();
  const index = state.messages.findIndex(({ id }) => id === message.id);
  if (index >= 0) return (log.state.value = { ...state, messages: state.messages.with(index, message) });
  if (state.isPartial || state.isLoading) return undefined;
  const later = state.messages.findIndex(({ sentAt }) => sentAt > message.sentAt);
  const place = later < 0 ? state.messages.length : later;
  log.state.value = { ...state, messages: state.messages.toSpliced(place, 0, message) };
  if (message.direction === "INBOUND" && !document.hidden) markRead(log.id, message.id);
  return undefined;
}

async function markRead(id, lastMessageId) {
  const entry = entryOf(id);
  if (!may("agent") || entry.row.peek()?.unread === 0) return;
  try {
    const { unread } = await api.put(`/api/conversations/${id}/read`, { lastMessageId });
    entry.row.value = { ...entry.row.peek(), unread };
    repairSoon();
  } catch {
    // It stays unread, and is marked with the next message or visit.
  }
}

function Log({ log, row, abilities, onQuote }) {
  const { messages, cursor, isLoading, isPartial, error } = log.state.value;
  const top = useRef();
  const box = useRef();
  useEffect(() => {
    if (!cursor) return undefined;
    const observer = new IntersectionObserver(([seen]) => seen.isIntersecting && loadOlder(log), { root: box.current, rootMargin: "400px" });
    observer.observe(top.current);
    return () => observer.disconnect();
  }, [cursor, log]);
  useEffect(() => {
    const read = () => {
      const last = log.state.peek().messages.at(-1);
      if (!document.hidden && last) markRead(log.id, last.id);
    };
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [log]);
  const pending = outgoing.value.filter((item) => item.conversationId === row.id);
  const pendingCount = pending.length;
  useLayoutEffect(() => {
    if (pendingCount) box.current.scrollTop = 0;
  }, [pendingCount]);
  if (error && !messages.length) return html`<div class="log"><${Failure} error=${error} onRetry=${() => loadNewest(log)} /></div>`;
  const byId = new Map(messages.map((message) => [message.externalMessageId, message]));
  const lines = [];
  let [day, former] = ["", null];
  for (const message of messages) {
    const thisDay = dayOf(message.sentAt);
    if (thisDay !== day) lines.push(html`<li key=${thisDay} class="day"><span>${dayName(message.sentAt)}</span></li>`);
    const goesOn = thisDay === day && former && kindOf(former) === kindOf(message) && former.authorId === message.authorId;
    lines.push(html`<${Line} key=${message.id} message=${message} row=${row} goesOn=${goesOn} quoted=${message.replyTo && byId.get(message.replyTo)} abilities=${abilities} onQuote=${onQuote} />`);
    [day, former] = [thisDay, message];
  }
  // The box runs from the bottom up: it stays at the end, and older lines on top move nothing.
  return html`<div class="log" ref=${box} tabindex="0" role="region" aria-label=${t("conversation.log")}>
    <div class="log-end">
      <${Typing} id=${row.id} />
    </div>
    ${isPartial && html`<div class="latest"><${Button} icon="arrow-down" onClick=${() => {
      log.state.value = { ...log.state.peek(), messages: [] };
      loadNewest(log);
    }}>${t("conversation.latest")}<//></div>`}
    <div role="log" aria-live="polite" aria-relevant="additions" aria-label=${t("conversation.messages")}>
      <ol>
        ${lines}
        ${pending.map((item) => html`<${Pending} key=${item.id} item=${item} />`)}
      </ol>
    </div>
    ${!messages.length && !isLoading && !pending.length && html`<p class="log-empty">${t("conversation.empty")}</p>`}
    <div class="log-top" ref=${top}>${isLoading && html`<${Skeleton} kind="bubbles" lines=${3} />`}</div>
  </div>`;
}

function Typing({ id }) {
  const [who, setWho] = useState(null);
  useEffect(() => {
    let timer = 0;
    const end = onEvent("typing", (event) => {
      if (event.conversationId !== id || event.authorId === me.value?.id) return;
      setWho(event.authorName ?? t(event.author === "CUSTOMER" ? "typing.customer" : "turn.somebody"));
      clearTimeout(timer);
      timer = setTimeout(() => setWho(null), TYPING_SHOWN);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [id]);
  return html`<p class="typing" role="status">${who && t("typing", { name: who })}</p>`;
}

/** Which of the five kinds of lines a message is: `customer`, `bot`, `human`, `note` or `system`. */
function kindOf(message) {
  if (message.direction === "SYSTEM") return message.author === "HUMAN" ? "note" : "system";
  if (message.direction === "INBOUND") return "customer";
  return message.author === "BOT" ? "bot" : message.author === "SYSTEM" ? "automatic" : "human";
}

const KIND_ICONS = { bot: "bot", note: "sticky-note", automatic: "zap" };

function authorOf(message, row, kind) {
  if (kind === "customer") return message.authorName ?? nameOf(row);
  if (message.authorId && message.authorId === me.value?.id) return t("author.me");
  return message.authorName ?? tOr(`author.${kind}`, t("author.human"));
}

function Line({ message, row, goesOn, quoted, abilities, onQuote }) {
  const kind = kindOf(message);
  if (kind === "system") return html`<li class="line system"><span dir="auto">${message.text}</span></li>`;
  const author = authorOf(message, row, kind);
  const reactions = Object.entries(countReactions(message.reactions));
  return html`<li class=${classes("line", kind, goesOn && "goes-on", message.deletedAt && "deleted")} id=${`message-${message.id}`}>
    ${!goesOn && html`<p class="author">${KIND_ICONS[kind] && html`<${Icon} name=${KIND_ICONS[kind]} size=${14} />`}<bdi>${author}</bdi></p>`}
    <div class="bubble-line">
      <div class="bubble">
        <span class="visually-hidden">${t("line.from", { name: author })}</span>
        ${message.deletedAt
          ? html`<p class="gone"><${Icon} name="ban" size=${14} /> ${t("line.deleted")}</p>`
          : html`<${Quote} message=${message} quoted=${quoted} /><${Attachments} message=${message} /><${Text} text=${message.text} /><${Further} content=${message.content} />`}
        <p class="line-foot">
          ${message.verified === false && html`<span class="fact alert" title=${t("line.unverified")}><${Icon} name="shield-alert" size=${12} /></span>`}
          ${message.editedAt && html`<span title=${message.versions.at(-1)?.text ?? ""}>${t("line.edited")}</span>`}
          <time datetime=${message.sentAt} title=${dateAndTime(message.sentAt)}>${clockTime(message.sentAt)}</time>
          ${message.direction === "OUTBOUND" && html`<${Tick} status=${message.status} />`}
        </p>
      </div>
      ${!message.deletedAt && html`<${LineMenu} message=${message} kind=${kind} abilities=${abilities} onQuote=${onQuote} />`}
    </div>
    ${reactions.length > 0 && html`<p class="reactions">${reactions.map(([emoji, count]) => html`<span key=${emoji}>${emoji}${count > 1 && ` ${count}`}</span>`)}</p>`}
    ${message.note && html`<p class="line-note"><${Icon} name="info" size=${12} /> ${message.note}</p>`}
    ${["failed", "dead"].includes(message.status) && html`<${NotSent} message=${message} />`}
  </li>`;
}

function countReactions(reactions) {
  const tally = {};
  for (const emoji of Object.values(reactions ?? {})) tally[emoji] = (tally[emoji] ?? 0) + 1;
  return tally;
}

const TICKS = { pending: "clock", sending: "clock", sent: "check", delivered: "check-check", read: "check-check", failed: "clock-alert", dead: "circle-alert" };

function Tick({ status }) {
  if (!TICKS[status]) return null;
  return html`<span class=${`tick ${status}`} title=${t(`tick.${status}`)}><${Icon} name=${TICKS[status]} size=${14} /><span class="visually-hidden">${t(`tick.${status}`)}</span></span>`;
}

/** Why a message did not arrive, and the way to send it again. */
function NotSent({ message }) {
  const isDead = message.status === "dead";
  const isUnknown = isDead && message.error?.includes("outcome_unknown");
  const again = async () => {
    if (isUnknown && !(await confirmed(t("again.title"), t("again.unknown"), t("again")))) return;
    attempt(() => api.post(`/api/outbox/${message.id}/redrive`), t("again.done"));
  };
  return html`<p class=${`not-sent ${message.status}`}>
    <${Icon} name="circle-alert" size=${14} />
    <span>${t(isDead ? "line.dead" : "line.failed")}${message.error && html`: <bdi>${message.error}</bdi>`}</span>
    ${isDead && may("owner") && html`<${Button} kind="link" onClick=${again}>${t("again")}<//>`}
  </p>`;
}

const EMOJIS = ["👍", "❤️", "😂", "😮", "🙏", "✅"];

function LineMenu({ message, kind, abilities, onQuote }) {
  const [editing, setEditing] = useState(false);
  const [Journey, setJourney] = useState(null);
  const showJourney = () => import("./journey.js").then((module) => setJourney(() => module.default), toastError);
  const copy = async () => {
    await navigator.clipboard.writeText(message.text);
    toast(t("line.copied"));
  };
  const react = (emoji) => {
    const body = { conversationId: message.conversationId, reaction: { messageId: message.externalMessageId, emoji, fromMe: message.direction === "OUTBOUND" } };
    attempt(() => api.post("/api/messages/send", body));
  };
  const remove = async () => {
    if (await confirmed(t("line.delete"), t("line.deleteHelp"), t("line.delete"))) attempt(() => api.delete(`/api/messages/${message.id}`), t("line.deleting"));
  };
  const isTheirs = kind === "customer" || message.direction === "OUTBOUND";
  const canAnswer = may("agent") && message.externalMessageId && isTheirs;
  const isSent = message.direction === "OUTBOUND" && ["sent", "delivered", "read"].includes(message.status) && may("agent");
  const items = [
    canAnswer && { label: t("line.reply"), icon: "reply", onSelect: () => onQuote(message) },
    ...(canAnswer && abilities.includes("reaction") ? EMOJIS.map((emoji) => ({ label: emoji, kind: "emoji", onSelect: () => react(emoji) })) : []),
    message.text && navigator.clipboard && { label: t("line.copy"), icon: "copy", onSelect: copy },
    isSent && message.text && abilities.includes("edit") && { label: t("line.edit"), icon: "pencil", onSelect: () => setEditing(true) },
    isTheirs && { label: t("journey.title"), icon: "split", onSelect: showJourney },
    isSent && abilities.includes("delete") && { label: t("line.delete"), icon: "trash-2", kind: "danger", onSelect: remove },
  ].filter(Boolean);
  if (!items.length) return null;
  return html`<${Menu} icon="ellipsis" label=${t("line.menu")} align=${kind === "customer" ? "start" : "end"} class="line-menu" items=${items} />
    ${Journey && html`<${Journey} messageId=${message.id} onClose=${() => setJourney(null)} />`}
    ${editing && html`<${Edit} message=${message} onClose=${() => setEditing(false)} />`}`;
}

function Edit({ message, onClose }) {
  const save = (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get("text").trim();
    if (text && text !== message.text) attempt(() => api.patch(`/api/messages/${message.id}`, { text }), t("line.editing"));
    onClose();
  };
  return html`<${Dialog} title=${t("line.edit")} onClose=${onClose}>
    <form onSubmit=${save}>
      <${Field} as="textarea" label=${t("composer.reply.label")} hiddenLabel name="text" rows="5" dir="auto" value=${message.text} autofocus />
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit">${t("save")}<//></footer>
    </form>
  <//>`;
}

/** A message that the hub does not have yet. */
function Pending({ item }) {
  const [seconds, setSeconds] = useState(left(item));
  useEffect(() => {
    if (item.state !== "held") return undefined;
    const timer = setInterval(() => setSeconds(left(item)), 500);
    return () => clearInterval(timer);
  }, [item.state]);
  return html`<li class=${`line human pending ${item.state}`}>
    <div class="bubble-line"><div class="bubble">
      ${item.quoted && html`<blockquote><p dir="auto">${item.quoted.text}</p></blockquote>`}
      ${item.files.map((file) => html`<p key=${file.id} class="file"><${Icon} name="paperclip" size=${14} /> <bdi>${file.fileName}</bdi></p>`)}
      <${Text} text=${item.text} />
    </div></div>
    <p class="pending-foot">
      ${item.state === "held" && html`${t("held", { seconds })} <${Button} kind="link" onClick=${() => takeBack(item)}>${t("undo")}<//><${Button} kind="link" onClick=${() => send(item)}>${t("held.now")}<//>`}
      ${item.state === "sending" && t("sending")}
      ${item.state === "failed" && html`<span class="error" role="alert">${item.error.message}</span> <${Button} kind="link" onClick=${() => send(item)}>${t("retry")}<//><${Button} kind="link" onClick=${() => discard(item)}>${t("discard")}<//>`}
    </p>
  </li>`;
}

const left = (item) => Math.max(0, Math.ceil((item.sendAt - Date.now()) / 1000));

// ── What a message holds ─────────────────────────────────────────────────────────────────────────────────────────

const LINK = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/g;

/** A text with its links; a very long one is cut until somebody wants all of it. */
function Text({ text }) {
  const [isWhole, setWhole] = useState(false);
  if (!text) return null;
  const isLong = text.length > LONG_TEXT && !isWhole;
  const visible = isLong ? `${text.slice(0, LONG_TEXT)}…` : text;
  return html`<p class="text" dir="auto">
      ${visible.split(LINK).map((part, index) => (index % 2 ? html`<a href=${part} target="_blank" rel="noopener noreferrer nofollow">${part}</a>` : part))}
    </p>
    ${isLong && html`<${Button} kind="link" onClick=${() => setWhole(true)}>${t("line.whole")}<//>`}`;
}

function Quote({ message, quoted }) {
  const quote = message.content.quoted ?? (quoted && { text: quoted.text || t("row.attachment"), author: quoted.authorName });
  if (!quote && !message.content.forwarded) return null;
  return html`${message.content.forwarded && html`<p class="forwarded"><${Icon} name="forward" size=${12} /> ${t("line.forwarded")}</p>`}
  ${quote && html`<blockquote>${quote.author && html`<cite><bdi>${quote.author}</bdi></cite>`}<p dir="auto">${quote.text ?? t("line.story")}</p></blockquote>`}`;
}

function Attachments({ message }) {
  return message.attachments.map((attachment, index) => html`<${Attachment} key=${index} attachment=${attachment} />`);
}

function Attachment({ attachment }) {
  const [isBroken, setBroken] = useState(false);
  const { type, mediaId, url, fileName, mimeType, size, unavailable, latitude, longitude, name, address, extra } = attachment;
  // The browser asks the hub alone, with the session's cookie; other addresses are links to follow.
  const source = mediaId ? `/media/${encodeURIComponent(mediaId)}` : url?.startsWith("/media/") ? url : null;
  const title = fileName || t(`kind.${["image", "video", "audio", "sticker"].includes(type) ? type : "document"}`);
  if (unavailable) return html`<p class="file gone"><${Icon} name="file-x" size=${16} /> <bdi>${title}</bdi> <small>${t("file.unavailable", { reason: unavailable })}</small></p>`;
  if (type === "location") {
    const place = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
    return html`<p class="file"><${Icon} name="map-pin" size=${16} /> <a href=${place} target="_blank" rel="noopener noreferrer"><bdi>${name || address || `${latitude}, ${longitude}`}</bdi></a></p>`;
  }
  if (type === "contact") {
    return html`<div class="file contact"><${Icon} name="user" size=${16} /><span><bdi>${name}</bdi>${(extra.phones ?? []).map((phone) => html`<a key=${phone} href=${`tel:${phone}`}>${phone}</a>`)}</span></div>`;
  }
  if (source && !isBroken && (type === "image" || type === "sticker")) {
    return html`<a class="picture" href=${source} target="_blank" rel="noopener"><img src=${source} alt=${title} loading="lazy" onError=${() => setBroken(true)} /></a>`;
  }
  if (source && !isBroken && type === "video") return html`<video src=${source} controls preload="metadata" onError=${() => setBroken(true)} aria-label=${title}></video>`;
  if (source && !isBroken && type === "audio") return html`<audio src=${source} controls preload="none" aria-label=${title}></audio>`;
  const link = source ?? (/^https?:/.test(url ?? "") ? url : null);
  return html`<p class=${classes("file", isBroken && "gone")}>
    <${Icon} name=${isBroken ? "image-off" : "file"} size=${16} />
    ${link ? html`<a href=${link} target="_blank" rel="noopener noreferrer"><bdi>${title}</bdi></a>` : html`<bdi>${title}</bdi>`}
    <small>${[isBroken && t("file.broken"), mimeType, size && formatBytes(size)].filter(Boolean).join(" · ")}</small>
  </p>`;
}

const money = (amount, currency) => `${formatNumber(amount)} ${currency ?? ""}`.trim();

/** What a customer sees beside text and files: a subject, the button they pressed, an order, a form, … */
function Further({ content }) {
  const { subject, pressed, form, order, payment, referral, poll, transcript, unsupported } = content;
  return html`${subject && html`<p class="subject" dir="auto">${subject}</p>`}
  ${pressed && html`<p class="file"><${Icon} name="pointer" size=${14} /> <bdi>${pressed.title ?? pressed.payload}</bdi></p>`}
  ${form?.length > 0 && html`<dl class="form-answers">${form.map(({ name, value }) => html`<div key=${name}><dt>${name}</dt><dd dir="auto">${value}</dd></div>`)}</dl>`}
  ${order &&
  html`<table class="order">
    <caption>${order.title ?? t("order")}</caption>
    <tbody>${order.lines.map((line, index) => html`<tr key=${index}><td><bdi>${line.product}</bdi></td><td>${formatNumber(line.quantity)} ×</td><td>${line.price !== undefined && money(line.price, line.currency)}</td></tr>`)}</tbody>
    ${order.total !== undefined && html`<tfoot><tr><td colspan="2">${t("order.total")}</td><td>${money(order.total, order.currency)}</td></tr></tfoot>`}
  </table>`}
  ${payment && html`<p class="file"><${Icon} name="banknote" size=${14} /> ${money(payment.amount, payment.currency)}</p>`}
  ${referral && html`<p class="file"><${Icon} name="megaphone" size=${14} /> <bdi>${referral.title ?? referral.source ?? referral.ref ?? ""}</bdi></p>`}
  ${poll && html`<div class="poll"><p dir="auto">${poll.question}</p><ul>${poll.options.map((option) => html`<li key=${option} dir="auto">${option}</li>`)}</ul></div>`}
  ${transcript && html`<p class="transcript" dir="auto"><${Icon} name="captions" size=${14} /> ${transcript}</p>`}
  ${unsupported && html`<p class="gone"><${Icon} name="info" size=${14} /> ${unsupported}</p>`}`;
}
