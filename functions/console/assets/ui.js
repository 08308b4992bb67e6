// What screens are made of: icons, buttons, fields, dialogs, menus, messages that pass, and long lists.
import { Component, html, signal, useEffect, useId, useLayoutEffect, useRef, useState } from "./vendor/preact.js";
import { ApiError, elapsed, remaining, t } from "./core.js";

export const classes = (...names) => names.filter(Boolean).join(" ");

/** A drawing of the page's sprite, which says nothing by itself: what carries it has a name. */
export function Icon({ name, size = 18 }) {
  return html`<svg class="icon" width=${size} height=${size} aria-hidden="true"><use href=${`#icon-${name}`} /></svg>`;
}

/** A button with words, with an icon, or with both; with an icon alone `label` is its name and its tooltip. */
export function Button({ kind = "plain", icon, label, children, busy, class: extra, ...rest }) {
  const isIcon = icon && !children;
  const name = isIcon ? { "aria-label": label, title: rest.title ?? label } : {};
  return html`<button
    type="button"
    ...${rest}
    ...${name}
    class=${classes("button", kind, isIcon && "icon-only", extra)}
    disabled=${rest.disabled || busy}
    aria-busy=${busy ? "true" : undefined}
  >
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}
  </button>`;
}

const COLORS = 8;

function colorOf(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) >>> 0;
  return sum % COLORS;
}

const segmenter = new Intl.Segmenter();

/** The initials of a name: whole characters, so that an emoji or an accent is not cut. */
function initials(name) {
  const parts = name.trim().split(/\s+/).slice(0, 2);
  return parts.map((part) => [...segmenter.segment(part)][0]?.segment ?? "").join("").toLocaleUpperCase();
}

export function Avatar({ name, size = 36, icon }) {
  return html`<span class=${`avatar color-${colorOf(name || "?")}`} style=${{ "--size": `${size}px` }} aria-hidden="true">
    ${icon ? html`<${Icon} name=${icon} size=${size / 2} />` : initials(name || "?")}
  </span>`;
}

const CHANNEL_ICONS = [
  [/WHATSAPP|SMS|ZALO|LINE|VIBER|WECHAT/, "message-circle"],
  [/TELEGRAM/, "send"],
  [/EMAIL/, "mail"],
  [/INSTAGRAM/, "camera"],
  [/VOICE|CALL/, "phone"],
  [/VIDEO/, "video"],
  [/WIDGET|WEB/, "globe"],
  [/SLACK|DISCORD|TEAMS/, "hash"],
];

export function channelIcon(type = "") {
  return CHANNEL_ICONS.find(([pattern]) => pattern.test(type))?.[1] ?? "message-circle";
}

/** A channel's type as people write it: `WHATSAPP_CLOUD` is `WhatsApp Cloud`. */
export function channelName(type = "") {
  const spelled = { WHATSAPP: "WhatsApp", SMS: "SMS", LINE: "LINE", TELEGRAM: "Telegram", BOT: "Bot", SES: "SES", SNS: "SNS" };
  return type
    .split("_")
    .map((word) => spelled[word] ?? word.charAt(0) + word.slice(1).toLowerCase())
    .join(" ");
}

export function Badge({ count, most = 9, label }) {
  if (!count) return null;
  return html`<span class="badge" aria-label=${label}>${count > most ? `${most}+` : count}</span>`;
}

export function Tag({ name, onRemove }) {
  return html`<span class="tag"
    ><bdi>${name}</bdi>${onRemove &&
    html`<button type="button" aria-label=${t("tag.remove", { name })} onClick=${onRemove}><${Icon} name="x" size=${12} /></button>`}</span
  >`;
}

/** Gray bars in the place of what is being loaded, of the same height, so that nothing moves when it comes. */
export function Skeleton({ lines = 3, kind = "line" }) {
  return html`<div class=${`skeleton ${kind}`} role="status" aria-label=${t("loading")}>
    ${Array.from({ length: lines }, (_, index) => html`<span key=${index}></span>`)}
  </div>`;
}

/** A place where nothing is: what that means and, in the children, what can be done next. */
export function Empty({ icon, title, children }) {
  return html`<div class="empty"><${Icon} name=${icon} size=${32} /><h2>${title}</h2>${children}</div>`;
}

export function Failure({ error, onRetry }) {
  return html`<div class="empty" role="alert">
    <${Icon} name="circle-alert" size=${32} />
    <h2>${t("failure.title")}</h2>
    <p>${error.message}</p>
    ${onRetry && html`<${Button} icon="rotate-ccw" onClick=${onRetry}>${t("retry")}<//>`}
  </div>`;
}

/** Keeps what fails inside it from taking the rest of the page with it; a new `key` tries again. */
export class ErrorBoundary extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ error });
  }
  render({ children }, { error }) {
    return error ? html`<${Failure} error=${error} onRetry=${() => this.setState({ error: null })} />` : children;
  }
}

/** What a promise gives, and how it stands: `{value, error, isLoading, reload}`; `inputs` begin it anew. */
export function useLoad(load, inputs) {
  const [state, setState] = useState({ isLoading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    setState((before) => ({ ...before, isLoading: true, error: undefined }));
    load(control.signal).then(
      (value) => control.signal.aborted || setState({ value, isLoading: false }),
      (error) => control.signal.aborted || setState({ error, isLoading: false }),
    );
    return () => control.abort();
  }, [...inputs, turn]);
  return { ...state, reload: () => setTurn(turn + 1) };
}

// ── Fields ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A field with its label, a help text, and what is wrong with it. `as` is `input`, `textarea` or `select`. */
export function Field({ label, help, error, as = "input", hiddenLabel, children, class: extra, ...rest }) {
  const id = useId();
  const about = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ");
  return html`<div class=${classes("field", extra)}>
    <label for=${id} class=${hiddenLabel && "visually-hidden"}>${label}</label>
    <${as} id=${id} aria-invalid=${error ? "true" : undefined} aria-describedby=${about || undefined} ...${rest}>${children}<//>
    ${help && html`<p class="help" id=${`${id}-help`}>${help}</p>`}
    ${error && html`<p class="error" id=${`${id}-error`}>${error}</p>`}
  </div>`;
}

/** What the hub says against a field, by the name that the API has for it. */
export const fieldError = (error, name) => (error instanceof ApiError ? error.fields[name] : undefined);

/** A switch with its label. */
export function Switch({ label, help, checked, onChange, disabled }) {
  const id = useId();
  return html`<div class="switch">
    <input type="checkbox" role="switch" id=${id} checked=${checked} disabled=${disabled} onChange=${(event) => onChange(event.target.checked)} />
    <label for=${id}>${label}${help && html`<small>${help}</small>`}</label>
  </div>`;
}

// ── Messages that pass ───────────────────────────────────────────────────────────────────────────────────────────

const toasts = signal([]);
const TOAST_SECONDS = 6;

/** Say something for a few seconds; `undo` is what its button does. */
export function toast(text, { undo, kind = "plain", seconds = TOAST_SECONDS } = {}) {
  const item = { id: Symbol("toast"), text, undo, kind };
  toasts.value = [...toasts.value, item].slice(-3);
  setTimeout(() => dismiss(item), seconds * 1000);
}

export const toastError = (error) => toast(error.message, { kind: "error", seconds: 10 });

function dismiss(item) {
  toasts.value = toasts.value.filter((each) => each !== item);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      (item) => html`<div key=${item.id} class=${`toast ${item.kind}`}>
        <span>${item.text}</span>
        ${item.undo &&
        html`<${Button}
          kind="link"
          onClick=${() => {
            dismiss(item);
            item.undo();
          }}
          >${t("undo")}<//
        >`}
        <${Button} icon="x" label=${t("close")} onClick=${() => dismiss(item)} />
      </div>`,
    )}
  </div>`;
}

// ── Dialogs and menus ────────────────────────────────────────────────────────────────────────────────────────────

/** A dialog over the page. The browser keeps the focus inside, closes it on Escape and gives the focus back. */
export function Dialog({ title, onClose, children, actions, wide }) {
  const dialog = useRef();
  const id = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      before?.focus?.();
    };
  }, []);
  const closeOutside = (event) => event.target === dialog.current && onClose();
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${dialog} class=${wide && "wide"} aria-labelledby=${id} onCancel=${cancel} onMouseDown=${closeOutside}>
    <div class="dialog-body">
      <header><h2 id=${id}>${title}</h2><${Button} icon="x" label=${t("close")} onClick=${onClose} /></header>
      ${children}
      ${actions && html`<footer>${actions}</footer>`}
    </div>
  </dialog>`;
}

const question = signal(null);

/** Ask for a line of text; gives null where the person thinks better of it. */
export const ask = (title, label, value = "") => pose({ title, label, value, action: t("save"), kind: "primary" });

/** Ask whether something is to be done; gives true or null. */
export const confirmed = (title, text, action, kind = "danger") => pose({ title, text, action, kind });

function pose(details) {
  return new Promise((resolve) => {
    question.value = { ...details, answer: resolve };
  });
}

/** The question of the moment, over whatever is shown. */
export function Question() {
  const current = question.value;
  if (!current) return null;
  const answer = (value) => {
    question.value = null;
    current.answer(value);
  };
  const submit = (event) => {
    event.preventDefault();
    answer(current.label ? new FormData(event.target).get("answer").trim() || null : true);
  };
  return html`<${Dialog} title=${current.title} onClose=${() => answer(null)}>
    <form onSubmit=${submit}>
      ${current.text && html`<p>${current.text}</p>`}
      ${current.label && html`<${Field} label=${current.label} name="answer" value=${current.value} autofocus maxlength="64" />`}
      <footer><${Button} onClick=${() => answer(null)}>${t("cancel")}<//><${Button} kind=${current.kind} type="submit">${current.action}<//></footer>
    </form>
  <//>`;
}

const ARROWS = { ArrowDown: 1, ArrowUp: -1 };

/** Turn a menu over that would leave the box in which it can be seen. */
function stayInside(menu) {
  const items = menu.querySelector(".menu-items");
  const page = { left: 0, right: innerWidth, bottom: innerHeight };
  const limit = menu.closest(".log, .page, .dialog-body")?.getBoundingClientRect() ?? page;
  const { left, right, bottom } = items.getBoundingClientRect();
  items.classList.toggle("flipped", right > limit.right || left < limit.left);
  items.classList.toggle("up", bottom > limit.bottom);
}

/** A button that opens a menu of `items`: `{label, icon, onSelect, checked, hint}`, or nothing. */
export function Menu({ label, icon, kind, children, items, onOpen, align = "end", class: extra }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef();
  const entries = items.filter(Boolean);
  useEffect(() => {
    if (!isOpen) return undefined;
    stayInside(root.current);
    onOpen?.();
    root.current.querySelector("[role^=menuitem]")?.focus();
    const closeOutside = (event) => root.current.contains(event.target) || setOpen(false);
    document.addEventListener("pointerdown", closeOutside);
    return () => document.removeEventListener("pointerdown", closeOutside);
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    root.current.querySelector("button").focus();
  };
  const onKeyDown = (event) => {
    if (!isOpen) return;
    const buttons = [...root.current.querySelectorAll("[role^=menuitem]")];
    const step = ARROWS[event.key];
    if (event.key === "Escape") close();
    else if (event.key === "Tab") setOpen(false);
    else if (step) buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length).focus();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  };
  const select = (item) => {
    close();
    item.onSelect();
  };
  return html`<div class=${classes("menu", extra)} ref=${root} onKeyDown=${onKeyDown}>
    <${Button} icon=${icon} label=${label} kind=${kind} aria-haspopup="menu" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>
      ${children}
    <//>
    ${isOpen &&
    html`<div class=${`menu-items ${align}`} role="menu" aria-label=${label}>
      ${entries.map((item) => {
        const isChoice = item.checked !== undefined;
        return html`<button
          type="button"
          key=${item.label}
          role=${isChoice ? "menuitemradio" : "menuitem"}
          aria-checked=${isChoice ? String(item.checked) : undefined}
          tabindex="-1"
          class=${item.kind}
          onClick=${() => select(item)}
        >
          ${item.icon && html`<${Icon} name=${item.icon} />`}
          <span>${item.label}</span>
          ${item.hint !== undefined && html`<small>${item.hint}</small>`}
          ${item.checked && html`<${Icon} name="check" size=${16} />`}
        </button>`;
      })}
    </div>`}
  </div>`;
}

// ── Long lists ───────────────────────────────────────────────────────────────────────────────────────────────────

const OVERSCAN = 6;

/** Rows of one height, of which only those in sight are in the page. `onEnd` is called when the end comes near. */
export function VirtualList({ items, rowHeight, render, onEnd, label, focusIndex, class: extra }) {
  const box = useRef();
  const [view, setView] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const measure = () => setView({ top: box.current.scrollTop, height: box.current.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (focusIndex === undefined || focusIndex < 0) return;
    const [top, bottom] = [focusIndex * rowHeight, (focusIndex + 1) * rowHeight];
    const element = box.current;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  }, [focusIndex]);
  const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
  useEffect(() => {
    if (items.length - last < OVERSCAN * 2) onEnd?.();
  }, [last, items.length]);
  const onScroll = () => setView({ top: box.current.scrollTop, height: box.current.clientHeight });
  return html`<div class=${classes("virtual-list", extra)} ref=${box} onScroll=${onScroll} tabindex="-1">
    <ul aria-label=${label} style=${{ height: `${items.length * rowHeight}px` }}>
      ${items.slice(first, last).map(
        (item, index) => html`<li
          key=${item.id}
          style=${{ transform: `translateY(${(first + index) * rowHeight}px)`, height: `${rowHeight}px` }}
          aria-setsize=${items.length}
          aria-posinset=${first + index + 1}
        >
          ${render(item)}
        </li>`,
      )}
    </ul>
  </div>`;
}

/** How long somebody has been waiting; redder the longer. */
export function WaitClock({ since }) {
  const minutes = (Date.now() - new Date(since)) / 60_000;
  const level = minutes > 60 ? "late" : minutes > 10 ? "soon" : "fresh";
  const text = elapsed(since);
  return html`<span class=${`wait ${level}`} title=${t("row.waiting", { time: text })}>
    <${Icon} name="clock" size=${12} /><span class="visually-hidden">${t("row.waits")}</span> ${text}
  </span>`;
}

/** By when an answer is promised, or how long ago it was. */
export function Due({ sla }) {
  const late = new Date(sla.dueAt) < Date.now();
  const text = late ? t("sla.late", { time: elapsed(sla.dueAt) }) : t("sla.due", { time: remaining(sla.dueAt) });
  return html`<span class=${`due ${sla.state}`} title=${text}><${Icon} name="timer" size=${12} /> ${text}</span>`;
}

// ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]");

/** Have keys do something while a component is shown: `{j: next, "g i": inbox}`. Off while typing and in dialogs. */
export function useKeys(actions) {
  const latest = useRef(actions);
  latest.current = actions;
  useLayoutEffect(() => {
    const listen = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event.target) || event.target.closest?.("[role=menu]") || document.querySelector("dialog[open]")) return;
      const action = latest.current[prefix ? `${prefix} ${event.key}` : event.key];
      if (!action) return;
      event.preventDefault();
      action(event);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}

// `g` and then another key: the first one counts for a second and a half.
let prefix = "";
let prefixTimer = 0;
document.addEventListener("keydown", (event) => {
  clearTimeout(prefixTimer);
  const begins = event.key === "g" && !prefix && !event.ctrlKey && !event.metaKey && !isTyping(event.target);
  // The listeners of the components, which come after this one, still see the prefix.
  if (begins) {
    prefix = "g";
    prefixTimer = setTimeout(() => (prefix = ""), 1500);
  } else setTimeout(() => (prefix = ""));
});
