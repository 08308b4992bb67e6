// The inbox: which conversations there are to deal with, and one of them.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { api, channels, goTo, may, pathTo, shortMoment, storage, t, teams, whoAnswers } from "../core.js";
import { counts, list, loadMore, merge, repairSoon, select, VIEWS } from "../live.js";
import {
  ask, Avatar, Badge, Button, channelIcon, channelName, classes, Due, Empty, ErrorBoundary, Failure, Field, Icon, Menu, Skeleton,
  Tag, toast, toastError, useKeys, useLoad, VirtualList, WaitClock,
} from "../ui.js";

const ROW_HEIGHT = 76;
const SEARCH_PAUSE = 250;
const VIEW_ICONS = {
  mine: "user", unassigned: "user-plus", "needs-human": "hand", waiting: "clock", open: "inbox", snoozed: "alarm-clock",
  closed: "check",
};
const COUNT_NAMES = {
  mine: "mine", unassigned: "unassigned", "needs-human": "needsHuman", waiting: "waiting", open: "open", snoozed: "snoozed",
};
const TITLE = document.title;

export default function Inbox({ parts, query }) {
  const [view, conversationId] = [VIEWS.includes(parts[0]) ? parts[0] : "open", parts[1]];
  const { team, channel, tag, unread, q, sort } = query;
  // At once, and not after a click that comes before.
  useLayoutEffect(() => {
    if (parts[0] !== view) goTo(pathTo(["inbox", view], query), { replace: true });
  }, [parts[0]]);
  useEffect(() => {
    select(selectionOf(view, query));
  }, [view, team, channel, tag, unread, q, sort]);
  const unreadCount = counts.value?.unread ?? 0;
  useEffect(() => {
    document.title = unreadCount ? `(${unreadCount}) ${t("nav.inbox")}` : t("nav.inbox");
    return () => (document.title = TITLE);
  }, [unreadCount]);
  return html`<main id="main" class=${classes("inbox", conversationId && "has-conversation")}>
    <${Views} view=${view} query=${query} />
    <${List} view=${view} query=${query} conversationId=${conversationId} />
    ${conversationId
      ? html`<${Conversation} key=${conversationId} id=${conversationId} view=${view} query=${query} />`
      : html`<div class="conversation-place"><${Empty} icon="messages-square" title=${t("inbox.choose")}><p>${t("inbox.chooseHelp")}</p><//></div>`}
  </main>`;
}

/** What the API is asked for at an address of the inbox. */
const selectionOf = (view, { channel, unread, ...query }) => ({ view, ...query, channelId: channel, unread: unread && true });

/** The conversation, whose module is fetched with the first one that is opened. */
function Conversation(props) {
  const module = useLoad(() => import("./conversation.js"), []);
  if (module.error) return html`<${Failure} error=${module.error} onRetry=${() => location.reload()} />`;
  if (!module.value) return html`<div class="conversation-place"><${Skeleton} kind="bubbles" lines=${6} /></div>`;
  return html`<${ErrorBoundary}><${module.value.default} ...${props} /><//>`;
}

function countOf(view) {
  const figures = counts.value;
  const number = figures?.[COUNT_NAMES[view]];
  if (number === undefined) return "";
  return number >= figures.most ? `${figures.most}+` : String(number);
}

// ── Views, and what narrows them ─────────────────────────────────────────────────────────────────────────────────

const savedFilters = () => JSON.parse(storage.get("filters") ?? "[]");

function Views({ view, query }) {
  const [saved, setSaved] = useState(savedFilters);
  const isNarrowed = Object.values(query).some(Boolean);
  const save = async () => {
    const name = await ask(t("filter.save"), t("filter.name"));
    if (name) keep([...saved.filter((each) => each.name !== name), { name, view, query }]);
  };
  const keep = (filters) => {
    storage.set("filters", filters.length ? JSON.stringify(filters) : null);
    setSaved(filters);
  };
  const forget = (filter) => {
    keep(saved.filter((each) => each !== filter));
    toast(t("filter.removed", { name: filter.name }), { undo: () => keep(saved) });
  };
  return html`<nav class="views" aria-label=${t("inbox.views")}>
    <h2 class="views-title">${t("nav.inbox")}</h2>
    <ul>
      ${VIEWS.map(
        (each) => html`<li key=${each}>
          <a href=${pathTo(["inbox", each])} aria-current=${each === view && !isNarrowed ? "page" : undefined}>
            <${Icon} name=${VIEW_ICONS[each]} /><span>${t(`view.${each}`)}</span><small>${countOf(each)}</small>
          </a>
        </li>`,
      )}
    </ul>
    ${saved.length > 0 &&
    html`<h3>${t("filter.saved")}</h3>
      <ul>
        ${saved.map(
          (filter) => html`<li key=${filter.name} class="saved">
            <a href=${pathTo(["inbox", filter.view], filter.query)}><${Icon} name="list-filter" /><bdi>${filter.name}</bdi></a>
            <${Button} icon="x" label=${t("filter.remove", { name: filter.name })} onClick=${() => forget(filter)} />
          </li>`,
        )}
      </ul>`}
    ${isNarrowed && html`<${Button} icon="plus" kind="link" onClick=${save}>${t("filter.save")}<//>`}
  </nav>`;
}

function Filters({ view, query }) {
  const [text, setText] = useState(query.q ?? "");
  const search = useRef();
  const [isOpen, setOpen] = useState(Boolean(query.team || query.channel || query.tag || query.unread));
  const narrow = (changes) => goTo(pathTo(["inbox", view], { ...query, ...changes }), { replace: true });
  useEffect(() => {
    if (text === (query.q ?? "")) return undefined;
    const timer = setTimeout(() => narrow({ q: text.trim() }), SEARCH_PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  useKeys({ "/": () => search.current.focus() });
  const narrowed = ["team", "channel", "tag", "unread"].filter((name) => query[name]).length;
  return html`<div class="filters">
    <div class="filters-line">
      <${Menu}
        class="view-menu"
        kind="quiet"
        label=${t("inbox.views")}
        align="start"
        items=${VIEWS.map((each) => ({
          label: t(`view.${each}`),
          icon: VIEW_ICONS[each],
          checked: each === view,
          hint: countOf(each),
          onSelect: () => goTo(pathTo(["inbox", each])),
        }))}
        >${t(`view.${view}`)} <${Icon} name="chevron-down" size=${14}
      /><//>
      <span class="view-title" aria-hidden="true">${t(`view.${view}`)}</span>
      <${Button} icon="list-filter" label=${t("filter.open")} aria-expanded=${isOpen ? "true" : "false"} class=${narrowed && "active"} onClick=${() => setOpen(!isOpen)} />
      <${Menu}
        icon="arrow-up-down"
        label=${t("sort.label")}
        items=${["newest", "longest-wait", "sla"].map((sort) => ({
          label: t(`sort.${sort}`),
          checked: sort === (query.sort ?? (view === "waiting" ? "longest-wait" : "newest")),
          onSelect: () => narrow({ sort }),
        }))}
      />
    </div>
    <label class="search-field">
      <${Icon} name="search" size=${16} />
      <input ref=${search} type="search" placeholder=${t("filter.search")} aria-label=${t("filter.search")} value=${text} onInput=${(event) => setText(event.target.value)} />
    </label>
    ${isOpen && html`<${FilterFields} query=${query} narrow=${narrow} />`}
  </div>`;
}

function FilterFields({ query, narrow }) {
  const choices = useLoad(() => Promise.all([channels(), teams()]), []);
  const [channelList, teamList] = choices.value ?? [[], []];
  const options = (rows) => rows.map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`);
  return html`<div class="filter-fields">
    <${Field} as="select" label=${t("filter.channel")} value=${query.channel ?? ""} onChange=${(event) => narrow({ channel: event.target.value })}>
      <option value="">${t("filter.all")}</option>
      ${options(channelList)}
    <//>
    <${Field} as="select" label=${t("filter.team")} value=${query.team ?? ""} onChange=${(event) => narrow({ team: event.target.value })}>
      <option value="">${t("filter.all")}</option>
      ${options(teamList)}
    <//>
    <${Field} label=${t("filter.tag")} value=${query.tag ?? ""} onChange=${(event) => narrow({ tag: event.target.value.trim() })} />
    <label class="check">
      <input type="checkbox" checked=${Boolean(query.unread)} onChange=${(event) => narrow({ unread: event.target.checked ? "true" : "" })} />
      ${t("filter.unread")}
    </label>
  </div>`;
}

// ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────

function List({ view, query, conversationId }) {
  const { entries, isLoading, error } = list.value;
  const [selected, setSelected] = useState(new Set());
  useEffect(() => setSelected(new Set()), [view, query.q, query.team, query.channel, query.tag]);
  const [focus, setFocus] = useState(-1);
  const here = entries.findIndex((entry) => entry.id === conversationId);
  const open = (entry) => goTo(pathTo(["inbox", view, entry.id], query));
  const move = (step) => {
    const index = Math.min(Math.max((focus < 0 ? here : focus) + step, 0), entries.length - 1);
    if (!entries[index]) return;
    setFocus(index);
    requestAnimationFrame(() => document.querySelector(`[data-row="${CSS.escape(entries[index].id)}"]`)?.focus());
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
  const toggle = (id) =>
    setSelected((former) => {
      const next = new Set(former);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const render = (entry) => html`<${Row}
    key=${entry.id}
    entry=${entry}
    href=${pathTo(["inbox", view, entry.id], query)}
    isOpen=${entry.id === conversationId}
    isSelected=${selected.has(entry.id)}
    onToggle=${may("agent") ? () => toggle(entry.id) : null}
  />`;
  return html`<section class="list" aria-label=${t(`view.${view}`)}>
    <h1 class="visually-hidden">${t(`view.${view}`)}</h1>
    <${Filters} view=${view} query=${query} />
    ${selected.size > 0 && html`<${BulkBar} selected=${selected} onDone=${() => setSelected(new Set())} />`}
    ${error && !entries.length
      ? html`<${Failure} error=${error} onRetry=${() => select(selectionOf(view, query))} />`
      : !entries.length && isLoading
        ? html`<${Skeleton} kind="rows" lines=${9} />`
        : entries.length
          ? html`<${VirtualList} items=${entries} rowHeight=${ROW_HEIGHT} render=${render} onEnd=${loadMore} focusIndex=${focus} label=${t(`view.${view}`)} />`
          : html`<${NothingHere} view=${view} query=${query} />`}
  </section>`;
}

function NothingHere({ view, query }) {
  const channelList = useLoad(channels, []);
  if (Object.values(query).some(Boolean)) {
    return html`<${Empty} icon="search-x" title=${t("inbox.noMatch")}>
      <a class="button plain" href=${pathTo(["inbox", view])}>${t("inbox.clearFilters")}</a>
    <//>`;
  }
  if (channelList.value?.length === 0 && may("admin")) {
    return html`<${Empty} icon="plug" title=${t("empty.channels")}>
      <p>${t("empty.channels.help")}</p>
      <a class="button primary" href=${pathTo(["channels", "new"])}><${Icon} name="plus" /><span>${t("channels.add")}</span></a>
    <//>`;
  }
  return html`<${Empty} icon=${VIEW_ICONS[view]} title=${t(`empty.${view}`)}><p>${t(`empty.${view}.help`)}</p><//>`;
}

export function nameOf(row) {
  return row.customerName || row.customer?.name || row.phoneNumber || row.customer?.externalId || row.externalConversationId;
}

function Row({ entry, href, isOpen, isSelected, onToggle }) {
  const row = entry.row.value;
  const name = nameOf(row);
  const { lastMessage, unread } = row;
  const preview = lastMessage?.text || (lastMessage ? t("row.attachment") : "");
  return html`<div class=${classes("row", isOpen && "open", isSelected && "selected", unread > 0 && "unread")}>
    ${onToggle
      ? html`<label class="row-check"
          ><${Avatar} name=${name} /><input type="checkbox" checked=${isSelected} onChange=${onToggle} aria-label=${t("row.select", { name })}
        /></label>`
      : html`<${Avatar} name=${name} />`}
    <a href=${href} data-row=${entry.id} aria-current=${isOpen ? "true" : undefined}>
      <span class="row-line">
        <span class="row-channel" title=${channelName(row.channelType)}><${Icon} name=${channelIcon(row.channelType)} size=${14} /></span>
        <strong class="row-name"><bdi>${name}</bdi></strong>
        <time datetime=${row.lastMessageAt}>${shortMoment(row.lastMessageAt)}</time>
      </span>
      <span class="row-line">
        <span class="row-preview">
          ${lastMessage?.direction === "OUTBOUND" && html`<${Icon} name="reply" size=${12} />`}<bdi>${preview}</bdi>
        </span>
        <${Badge} count=${unread} label=${t("row.unread", { count: unread })} />
      </span>
      <span class="row-line row-facts">
        ${row.needsHuman && html`<span class="fact alert"><${Icon} name="hand" size=${12} /> ${t("row.needsHuman")}</span>`}
        ${["HIGH", "URGENT"].includes(row.priority) && html`<span class="fact priority"><${Icon} name="flag" size=${12} /> ${t(`priority.${row.priority}`)}</span>`}
        ${row.sla && html`<${Due} sla=${row.sla} />`}
        ${row.needsReplySince && !row.sla && html`<${WaitClock} since=${row.needsReplySince} />`}
        ${row.assigneeName && html`<span class="fact"><${Icon} name="user" size=${12} /> <bdi>${row.assigneeName}</bdi></span>`}
        ${row.tags?.slice(0, 2).map((tag) => html`<${Tag} key=${tag} name=${tag} />`)}
      </span>
    </a>
  </div>`;
}

// ── Several at once ──────────────────────────────────────────────────────────────────────────────────────────────

const MOST_AT_ONCE = 100;

/** When a conversation that is put aside comes back: in three hours, tomorrow, or next Monday morning. */
export function snoozeTimes() {
  const morning = (days) => {
    const day = new Date();
    day.setDate(day.getDate() + days);
    day.setHours(9, 0, 0, 0);
    return day;
  };
  const daysToMonday = ((8 - new Date().getDay()) % 7) || 7;
  return [
    ["snooze.hours", new Date(Date.now() + 3 * 3_600_000)],
    ["snooze.tomorrow", morning(1)],
    ["snooze.monday", morning(daysToMonday)],
  ];
}

function BulkBar({ selected, onDone }) {
  const [colleagues, setColleagues] = useState([]);
  const apply = async (changes, undone) => {
    try {
      const ids = [...selected].slice(0, MOST_AT_ONCE);
      const { results } = await api.post("/api/inbox/bulk", { ids, ...changes });
      const done = results.filter((result) => result.ok);
      merge(done.map((result) => result.conversation));
      repairSoon();
      const refused = results.filter((result) => !result.ok);
      if (refused.length) toast(t("bulk.refused", { count: refused.length, reason: refused[0].detail }), { kind: "error" });
      const undo = undone && (() => api.post("/api/inbox/bulk", { ids: done.map(({ id }) => id), ...undone }).then(repairSoon, toastError));
      if (done.length) toast(t("bulk.done", { count: done.length }), { undo });
      onDone();
    } catch (error) {
      toastError(error);
    }
  };
  const addTag = async () => {
    const tag = await ask(t("tag.add"), t("tag.name"));
    if (tag) apply({ addTags: [tag] }, { removeTags: [tag] });
  };
  const assignees = colleagues.map((person) => ({
    label: person.name || person.email,
    icon: "user",
    onSelect: () => apply({ assigneeId: person.id }),
  }));
  const snoozes = snoozeTimes().map(([key, until]) => ({
    label: t(key),
    hint: shortMoment(until),
    onSelect: () => apply({ status: "SNOOZED", snoozedUntil: until.toISOString() }, { status: "OPEN" }),
  }));
  return html`<div class="bulk" role="toolbar" aria-label=${t("bulk.label")}>
    <strong>${t("bulk.selected", { count: selected.size })}</strong>
    <${Menu} icon="user-plus" label=${t("assign")} onOpen=${() => whoAnswers().then(setColleagues, toastError)} items=${[...assignees, { label: t("assign.nobody"), icon: "user-x", onSelect: () => apply({ assigneeId: null }) }]} />
    <${Menu} icon="alarm-clock" label=${t("snooze")} items=${snoozes} />
    <${Button} icon="tag" label=${t("tag.add")} onClick=${addTag} />
    <${Button} icon="check" label=${t("close.conversation")} onClick=${() => apply({ status: "CLOSED" }, { status: "OPEN" })} />
    <${Button} icon="x" label=${t("bulk.clear")} onClick=${onDone} />
  </div>`;
}
