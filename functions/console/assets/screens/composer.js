// Where answers and notes are written: drafts that outlive a reload, canned replies, mentions, files, and five seconds
// in which what was sent can be taken back.
import { html, signal, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { api, beforeSignOut, cannedReplies, formatBytes, may, me, people, storage, t, uniqueId } from "../core.js";
import { Button, classes, Failure, Icon, toast, toastError, useKeys, useLoad } from "../ui.js";

const UNDO_SECONDS = 5;
const TYPING_PAUSE = 4_000;
const MOST_FILES = 10;
const LONGEST_TEXT = 65_536;

// ── What is about to be sent ─────────────────────────────────────────────────────────────────────────────────────

/**
 * Messages that the hub does not have yet: `{id, conversationId, text, files, replyTo, template, state, error, sendAt}`,
 * where `state` is `held` (it can be taken back), `sending` or `failed`. A `template` is sent instead of the text, which
 * shows what it says; `filled` has its id and values, to go on with when it is taken back. They belong to the page and not to a conversation
 * that is in sight, so that changing to another one neither loses nor misdirects them.
 */
export const outgoing = signal([]);
const timers = new Map();

function put(item, changes) {
  outgoing.value = outgoing.value.map((each) => (each.id === item.id ? { ...each, ...changes } : each));
}

const drop = (id) => {
  clearTimeout(timers.get(id));
  timers.delete(id);
  outgoing.value = outgoing.value.filter((each) => each.id !== id);
};

function hold(message) {
  const item = { id: uniqueId(), state: "held", sendAt: Date.now() + UNDO_SECONDS * 1000, ...message };
  outgoing.value = [...outgoing.value, item];
  timers.set(item.id, setTimeout(() => send(item), UNDO_SECONDS * 1000));
}

/** Take back what was not sent yet; it goes into the draft again. */
export function takeBack(item) {
  drop(item.id);
  restored.value = item;
}

const restored = signal(null);

export async function send(item, options) {
  clearTimeout(timers.get(item.id));
  put(item, { state: "sending", error: undefined });
  const { id, conversationId, text, files, replyTo, template } = item;
  const attachments = files.map((file) => ({ type: kindOf(file.mimeType), fileId: file.id, fileName: file.fileName }));
  const body = { conversationId, text: text || undefined, attachments, replyTo, template };
  try {
    const accepted = await api.post("/api/messages/send", body, { "Idempotency-Key": id }, options);
    sent.value = { conversationId, message: accepted.message };
    drop(id);
  } catch (error) {
    put(item, { state: "failed", error });
  }
}

/** The message that the hub has accepted last, for the conversation that it belongs to. */
export const sent = signal(null);

export const discard = (item) => drop(item.id);

// Who closes the page has decided: what is held goes out, and the browser finishes the request.
const sendHeld = () => Promise.all(outgoing.value.filter(({ state }) => state === "held").map((item) => send(item, { keepalive: true })));
addEventListener("pagehide", sendHeld);
beforeSignOut.add(sendHeld);

function kindOf(mimeType = "") {
  const kind = mimeType.split("/")[0];
  return ["image", "video", "audio"].includes(kind) ? kind : "document";
}

// ── Drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────

const MOST_DRAFTS = 200;

const draftKey = (id, mode) => `draft:${me.value.id}:${id}:${mode}`;

function keepDraft(id, mode, text) {
  storage.set(draftKey(id, mode), text);
  const others = JSON.parse(storage.get("drafts") ?? "[]").filter((key) => key !== draftKey(id, mode));
  const drafts = text ? [...others, draftKey(id, mode)] : others;
  for (const key of drafts.splice(0, drafts.length - MOST_DRAFTS)) storage.set(key, null);
  storage.set("drafts", drafts.length ? JSON.stringify(drafts) : null);
}

// ── The composer ─────────────────────────────────────────────────────────────────────────────────────────────────

export function Composer({ row, reach, quoted, onUnquote }) {
  const { id } = row;
  const [mode, setMode] = useState(storage.get(`mode:${id}`) === "note" ? "note" : "reply");
  const [text, setText] = useState(() => storage.get(draftKey(id, mode)) ?? "");
  const [files, setFiles] = useState([]);
  const [isOver, setOver] = useState(false);
  const [picker, setPicker] = useState(null);
  const area = useRef();
  const isNote = mode === "note";
  const refusal = isNote ? null : refusalOf(row, reach);
  const canUseTemplate = !isNote && row.status !== "CLOSED" && (reach?.abilities ?? []).includes("template");

  const write = (value) => {
    setText(value);
    keepDraft(id, mode, value);
    if (!isNote && value) tellTyping(id);
  };
  const change = (next) => {
    setMode(next);
    storage.set(`mode:${id}`, next === "note" ? "note" : null);
    setText(storage.get(draftKey(id, next)) ?? "");
    requestAnimationFrame(() => area.current?.focus());
  };
  useKeys({ r: () => change("reply"), n: () => change("note") });
  useEffect(() => {
    const item = restored.value;
    if (item?.conversationId !== id) return;
    restored.value = null;
    if (isNote) change("reply");
    if (item.template) return setPicker(item.filled);
    setFiles(item.files);
    setText(item.text);
    keepDraft(id, "reply", item.text);
    area.current?.focus();
  }, [restored.value]);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight + 2, 220)}px`;
  }, [text, mode]);

  const uploading = files.some((file) => !file.id && !file.error);
  const isEmpty = !text.trim() && !files.some((file) => file.id);
  const submit = async () => {
    if (isEmpty || uploading || refusal) return;
    if (isNote) {
      const note = text;
      write("");
      try {
        const { message } = await api.post(`/api/conversations/${id}/notes`, { text: note });
        sent.value = { conversationId: id, message };
      } catch (error) {
        write(note);
        toastError(error);
      }
      return;
    }
    hold({ conversationId: id, text: text.trim(), files: files.filter((file) => file.id), replyTo: quoted?.externalMessageId, quoted });
    write("");
    setFiles([]);
    onUnquote();
  };
  const sendTemplate = (message) => {
    setPicker(null);
    hold({ conversationId: id, files: [], ...message });
  };
  const add = async (added) => {
    const room = [...added].slice(0, MOST_FILES - files.length);
    for (const file of room) {
      const key = uniqueId();
      const isPicture = file.type.startsWith("image/");
      setFiles((all) => [...all, { key, fileName: file.name, size: file.size, mimeType: file.type, preview: isPicture ? URL.createObjectURL(file) : null }]);
      api.upload(file).then(
        (stored) => setFiles((all) => all.map((each) => (each.key === key ? { ...each, ...stored } : each))),
        (error) => setFiles((all) => all.map((each) => (each.key === key ? { ...each, error: error.message } : each))),
      );
    }
  };
  const canAttach = !isNote && (reach?.abilities ?? []).some((ability) => ["image", "document"].includes(ability));
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    if (canAttach) add(event.dataTransfer.files);
  };
  const paste = (event) => {
    if (!canAttach || !event.clipboardData.files.length) return;
    event.preventDefault();
    add(event.clipboardData.files);
  };
  const suggestions = useSuggestions(area, text, mode, write);
  const onKeyDown = (event) => {
    if (suggestions.onKeyDown(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") area.current.blur();
  };
  if (!may("agent")) return null;
  return html`<form
    class=${classes("composer", mode, isOver && "over")}
    aria-label=${t("composer.label")}
    onSubmit=${(event) => {
      event.preventDefault();
      submit();
    }}
    onDragOver=${(event) => {
      event.preventDefault();
      setOver(canAttach);
    }}
    onDragLeave=${() => setOver(false)}
    onDrop=${drop}
  >
    <div class="composer-modes" role="tablist" aria-label=${t("composer.mode")}>
      ${["reply", "note"].map(
        (each) => html`<button type="button" key=${each} role="tab" aria-selected=${each === mode ? "true" : "false"} onClick=${() => change(each)}>
          <${Icon} name=${each === "note" ? "sticky-note" : "reply"} size=${14} /> ${t(`composer.${each}`)}
        </button>`,
      )}
      ${!isNote && reach?.window_closes_at && html`<${Countdown} until=${reach.window_closes_at} />`}
    </div>
    ${quoted &&
    !isNote &&
    html`<div class="composer-quote"><${Icon} name="reply" size=${14} /><bdi>${quoted.text || t("row.attachment")}</bdi><${Button} icon="x" label=${t("composer.unquote")} onClick=${onUnquote} /></div>`}
    ${refusal &&
    html`<div class="composer-refusal">
      <${Icon} name="lock" size=${16} /><p>${refusal}</p>
      ${canUseTemplate && html`<${Button} kind="primary" icon="file-text" onClick=${() => setPicker({})}>${t("templates.choose")}<//>`}
    </div>`}
    <div class="composer-text">
      ${suggestions.list}
      <textarea
        ref=${area} rows="2" dir="auto" maxlength=${LONGEST_TEXT} value=${text} disabled=${Boolean(refusal)}
        aria-label=${t(`composer.${mode}.label`)} placeholder=${t(`composer.${mode}.placeholder`)}
        ...${suggestions.attributes}
        onInput=${(event) => write(event.target.value)} onKeyDown=${onKeyDown} onPaste=${paste}
      ></textarea>
    </div>
    ${files.length > 0 &&
    html`<ul class="composer-files">
      ${files.map(
        (file) => html`<li key=${file.key} class=${file.error && "failed"}>
          ${file.preview ? html`<img src=${file.preview} alt="" />` : html`<${Icon} name="file" />`}
          <span><bdi>${file.fileName}</bdi><small>${file.error ?? (file.id ? formatBytes(file.size) : t("composer.uploading"))}</small></span>
          <${Button} icon="x" label=${t("composer.removeFile", { name: file.fileName })} onClick=${() => setFiles(files.filter((each) => each !== file))} />
        </li>`,
      )}
    </ul>`}
    ${!refusal &&
    html`<div class="composer-actions">
      ${canAttach &&
      html`<label class="button icon-only" title=${t("composer.attach")}
        ><${Icon} name="paperclip" /><span class="visually-hidden">${t("composer.attach")}</span
        ><input class="visually-hidden" type="file" multiple onChange=${(event) => {
          add(event.target.files);
          event.target.value = "";
        }}
      /></label>`}
      ${canUseTemplate && html`<${Button} icon="file-text" label=${t("templates.choose")} onClick=${() => setPicker({})} />`}
      <span class="help">${t(isNote ? "composer.note.help" : "composer.reply.help")}</span>
      <${Button} kind=${isNote ? "note" : "primary"} icon=${isNote ? "sticky-note" : "send"} type="submit" disabled=${isEmpty || uploading}>
        ${t(isNote ? "composer.note.submit" : "composer.reply.submit")}
      <//>
    </div>`}
  </form>
  ${picker && html`<${TemplatePicker} row=${row} begun=${picker} onSend=${sendTemplate} onClose=${() => setPicker(null)} />`}`;
}

/** The dialog for templates, whose module is fetched when it is first opened. */
function TemplatePicker({ row, begun, onSend, onClose }) {
  const { value: module, error } = useLoad(() => import("./templates.js"), []);
  if (error) return html`<${Failure} error=${error} onRetry=${onClose} />`;
  if (!module) return null;
  const choose = (template, values) =>
    onSend({
      text: module.shownText(template, values),
      template: module.fillingOf(template, values),
      filled: { templateId: template.id, values },
    });
  const customer = { name: row.customerName, phone: row.phoneNumber };
  return html`<${module.TemplateDialog}
    channelId=${row.channelInstanceId} customerId=${row.customerId} customer=${customer} begun=${begun} onSend=${choose} onClose=${onClose}
  />`;
}

function refusalOf(row, reach) {
  if (row.status === "CLOSED") return t("refusal.closed");
  if (!reach || (reach.can_send && !reach.template_required)) return null;
  return t(`refusal.${reach.template_required ? "window_closed" : (reach.reason ?? "cannot_send")}`);
}

/** How long free text can still be sent, where the provider has a window for it. */
function Countdown({ until }) {
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => redraw((turn) => turn + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
  const minutes = Math.max(0, Math.floor((new Date(until) - Date.now()) / 60_000));
  const text = minutes < 60 ? t("elapsed.minutes", { number: minutes }) : t("elapsed.hours", { number: Math.floor(minutes / 60) });
  return html`<span class=${classes("countdown", minutes < 120 && "soon")} title=${t("composer.windowHelp")}>
    <${Icon} name="hourglass" size=${12} /> ${t("composer.window", { time: text })}
  </span>`;
}

let typingTold = 0;

function tellTyping(id) {
  if (Date.now() - typingTold < TYPING_PAUSE) return;
  typingTold = Date.now();
  api.post(`/api/conversations/${id}/typing`).catch(() => {});
}

// ── Canned replies and mentions ──────────────────────────────────────────────────────────────────────────────────

const MOST_SUGGESTIONS = 8;
const MARKS = {
  reply: { mark: /(?:^|\s)\/([\w.-]*)$/, load: cannedReplies, word: (reply) => reply.shortCode, text: (reply) => reply.text, sign: "/" },
  note: { mark: /(?:^|\s)@([^\s@]*)$/, load: people, word: (person) => person.name || person.email, text: (person) => `@${person.email} `, sign: "@" },
};

/** What `/` in an answer and `@` in a note lead to: a list beside the text, worked with the arrow keys. */
function useSuggestions(area, text, mode, write) {
  const [all, setAll] = useState([]);
  const [index, setIndex] = useState(0);
  const [closedFor, close] = useState(null);
  const { mark, load, word, text: textOf, sign } = MARKS[mode];
  const before = area.current ? text.slice(0, area.current.selectionStart) : text;
  const match = closedFor === text ? null : before.match(mark);
  const isAsked = Boolean(match);
  useEffect(() => {
    setAll([]);
    if (isAsked) load().then(setAll, toastError);
  }, [isAsked, mode]);
  const part = match?.[1].toLowerCase() ?? "";
  const options = isAsked ? all.filter((each) => word(each).toLowerCase().includes(part)).slice(0, MOST_SUGGESTIONS) : [];
  const chosen = Math.min(index, options.length - 1);
  const choose = (item) => {
    const start = before.length - part.length - 1;
    const value = text.slice(0, start) + textOf(item) + text.slice(before.length);
    write(value);
    const end = start + textOf(item).length;
    requestAnimationFrame(() => {
      area.current.focus();
      area.current.setSelectionRange(end, end);
    });
  };
  const onKeyDown = (event) => {
    if (!options.length) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setIndex((chosen + step + options.length) % options.length);
    else if (event.key === "Enter" || event.key === "Tab") choose(options[chosen]);
    else if (event.key === "Escape") close(text);
    else return false;
    event.preventDefault();
    return true;
  };
  const list =
    options.length > 0 &&
    html`<ul class="suggestions" id="suggestions" role="listbox" aria-label=${t(`suggestions.${mode}`)}>
      ${options.map(
        (item, position) => html`<li
          key=${item.id} id=${`suggestion-${position}`} role="option" aria-selected=${position === chosen ? "true" : "false"}
          onPointerDown=${(event) => {
            event.preventDefault();
            choose(item);
          }}
        >
          <strong><bdi>${sign}${word(item)}</bdi></strong><small>${mode === "reply" ? item.text : item.email}</small>
        </li>`,
      )}
    </ul>`;
  const attributes = options.length
    ? { role: "combobox", "aria-expanded": "true", "aria-controls": "suggestions", "aria-activedescendant": `suggestion-${chosen}` }
    : {};
  return { list, attributes, onKeyDown };
}
