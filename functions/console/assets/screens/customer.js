// The panel beside a conversation: who the customer is, where they can be reached, and who else they were.
import { html, useState } from "../vendor/preact.js";
import { api, dateAndTime, dayName, goTo, may, pathTo, shortMoment, t } from "../core.js";
import { change, repairSoon } from "../live.js";
import { nameOf } from "./inbox.js";
import {
  ask, Avatar, Button, channelIcon, channelName, Dialog, Failure, Field, fieldError, Icon, Skeleton, Tag, toast, toastError, useLoad,
} from "../ui.js";

const MOST_MATCHES = 6;

export function CustomerPanel({ row, onClose }) {
  const customer = useLoad((signal) => api.get(`/api/customers/${row.customerId}`, {}, { signal }), [row.customerId]);
  const [editing, setEditing] = useState(false);
  const [merging, setMerging] = useState(false);
  const [erasing, setErasing] = useState(false);
  const { value, error, isLoading, reload } = customer;
  return html`<aside class="customer-panel" aria-label=${t("customer.panel")}>
    <header><h2>${t("customer.title")}</h2><${Button} icon="x" label=${t("close")} onClick=${onClose} /></header>
    ${error
      ? html`<${Failure} error=${error} onRetry=${reload} />`
      : !value
        ? html`<${Skeleton} lines=${7} />`
        : html`<div class="customer-body" aria-busy=${isLoading ? "true" : undefined}>
            <${Profile} customer=${value} onEdit=${() => setEditing(true)} />
            <${ConversationTags} row=${row} />
            <${CustomFields} customer=${value} />
            <${Addresses} customer=${value} current=${row.id} />
            <${Later} title=${t("customer.history")}><${History} customer=${value} current=${row.id} /><//>
            <${Later} title=${t("merge.list")}><${Merges} customer=${value} onChange=${reload} onMerge=${() => setMerging(true)} /><//>
            ${may("owner") && html`<section><${Button} kind="danger" icon="trash-2" onClick=${() => setErasing(true)}>${t("erase.begin")}<//></section>`}
          </div>`}
    ${editing && html`<${EditCustomer} customer=${value} onClose=${() => setEditing(false)} onSaved=${reload} />`}
    ${merging && html`<${Merge} customer=${value} onClose=${() => setMerging(false)} onMerged=${reload} />`}
    ${erasing && html`<${Erase} customer=${value} onClose=${() => setErasing(false)} />`}
  </aside>`;
}

function Profile({ customer, onEdit }) {
  const name = customer.name || t("customer.nameless");
  const { email, phone, preferences, createdAt } = customer;
  return html`<section class="profile">
    <div class="profile-head">
      <${Avatar} name=${name} size=${48} />
      <div><h3><bdi>${name}</bdi></h3><small>${t("customer.since", { date: dayName(createdAt) })}</small></div>
      ${may("agent") && html`<${Button} icon="pencil" label=${t("customer.edit")} onClick=${onEdit} />`}
    </div>
    <dl>
      ${email && html`<div><dt><${Icon} name="mail" size=${14} /><span class="visually-hidden">${t("customer.email")}</span></dt><dd><a href=${`mailto:${email}`}>${email}</a></dd></div>`}
      ${phone && html`<div><dt><${Icon} name="phone" size=${14} /><span class="visually-hidden">${t("customer.phone")}</span></dt><dd><a href=${`tel:${phone}`}>${phone}</a></dd></div>`}
      ${preferences.language && html`<div><dt><${Icon} name="globe" size=${14} /><span class="visually-hidden">${t("customer.language")}</span></dt><dd>${preferences.language}</dd></div>`}
    </dl>
    ${customer.tags.length > 0 && html`<p class="tags">${customer.tags.map((tag) => html`<${Tag} key=${tag} name=${tag} />`)}</p>`}
  </section>`;
}

function ConversationTags({ row }) {
  const tags = row.tags ?? [];
  const set = (next) => change(row.id, { tags: next }).catch(toastError);
  const add = async () => {
    const tag = await ask(t("tag.add"), t("tag.name"));
    if (tag && !tags.includes(tag)) set([...tags, tag]);
  };
  return html`<section>
    <h3>${t("conversation.tags")}</h3>
    <p class="tags">
      ${tags.map((tag) => html`<${Tag} key=${tag} name=${tag} onRemove=${may("agent") && (() => set(tags.filter((each) => each !== tag)))} />`)}
      ${may("agent") && html`<${Button} kind="link" icon="plus" onClick=${add}>${t("tag.add")}<//>`}
    </p>
  </section>`;
}

function CustomFields({ customer }) {
  const fields = Object.entries(customer.customFields);
  if (!fields.length) return null;
  return html`<section><h3>${t("customer.fields")}</h3>
    <dl class="custom-fields">${fields.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd dir="auto">${String(value)}</dd></div>`)}</dl>
  </section>`;
}

function Addresses({ customer, current }) {
  return html`<section><h3>${t("customer.addresses")}</h3>
    <ul class="addresses">
      ${customer.identities.map(
        ({ channelId, channelType, externalId, conversationId }) => html`<li key=${channelId + externalId}>
          <${Icon} name=${channelIcon(channelType ?? "")} size=${14} /><span><bdi>${externalId}</bdi><small>${channelName(channelType ?? "")}</small></span>
          ${conversationId && conversationId !== current && html`<a href=${pathTo(["inbox", "open", conversationId])}>${t("customer.openHere")}</a>`}
        </li>`,
      )}
    </ul>
  </section>`;
}

const STATUSES = { active: "OPEN", resolved: "CLOSED", snoozed: "SNOOZED" };

/** A part of the panel that is loaded when it is opened: most people never look. */
function Later({ title, children }) {
  const [isOpen, setOpen] = useState(false);
  return html`<details onToggle=${(event) => setOpen(event.target.open)}>
    <summary>${title}<${Icon} name="chevron-down" size=${14} /></summary>
    ${isOpen && children}
  </details>`;
}

function History({ customer, current }) {
  const history = useLoad((signal) => api.get("/sessions", { customer_id: customer.id, limit: 20 }, { signal }), [customer.id]);
  if (history.error) return html`<p class="error">${history.error.message}</p>`;
  if (!history.value) return html`<${Skeleton} lines=${2} />`;
  const others = history.value.sessions.filter((session) => session.session_id !== current);
  if (!others.length) return html`<p class="help">${t("customer.noHistory")}</p>`;
  return html`<ul class="history">
    ${others.map(
      ({ session_id: id, status, channel_type: channel, last_activity: at }) => html`<li key=${id}>
        <a href=${pathTo(["inbox", status === "resolved" ? "closed" : "open", id])}>
          <${Icon} name=${channelIcon(channel.toUpperCase())} size=${14} /><span>${t(`status.${STATUSES[status]}`)}</span><time>${shortMoment(at)}</time>
        </a>
      </li>`,
    )}
  </ul>`;
}

function Merges({ customer, onChange, onMerge }) {
  const merges = useLoad((signal) => api.get(`/api/customers/${customer.id}/merges`, {}, { signal }), [customer]);
  const undo = async (merge) => {
    try {
      await api.post(`/api/customers/${customer.id}/unmerge`, { mergeId: merge.mergeId });
      toast(t("merge.undone"));
      repairSoon();
      onChange();
    } catch (error) {
      toastError(error);
    }
  };
  if (merges.error) return html`<p class="error">${merges.error.message}</p>`;
  if (!merges.value) return html`<${Skeleton} lines=${2} />`;
  const merged = merges.value.merges.filter((merge) => merge.state === "merged");
  return html`${merged.length > 0
      ? html`<ul class="history">
          ${merged.map((merge) => html`<li key=${merge.mergeId}><time>${dateAndTime(merge.createdAt)}</time>${may("agent") && html`<${Button} kind="link" onClick=${() => undo(merge)}>${t("merge.undo")}<//>`}</li>`)}
        </ul>`
      : html`<p class="help">${t("merge.none")}</p>`}
    ${may("agent") && html`<${Button} icon="merge" onClick=${onMerge}>${t("merge.begin")}<//>`}`;
}

function EditCustomer({ customer, onClose, onSaved }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const [rows, setRows] = useState(Object.entries(customer.customFields).map(([name, value]) => ({ name, value: String(value) })));
  const setRow = (index, changes) => setRows(rows.map((row, each) => (each === index ? { ...row, ...changes } : row)));
  const save = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const customFields = Object.fromEntries(Object.keys(customer.customFields).map((name) => [name, null]));
    for (const { name, value } of rows) if (name.trim()) customFields[name.trim()] = valueOf(value, customer.customFields[name.trim()]);
    const tags = form.get("tags").split(",").map((tag) => tag.trim()).filter(Boolean);
    const [name, email, phone] = ["name", "email", "phone"].map((field) => form.get(field).trim());
    setBusy(true);
    try {
      await api.patch(`/api/customers/${customer.id}`, { name, email, phone, tags, customFields, preferences: { language: form.get("language").trim() || undefined } });
      toast(t("saved"));
      repairSoon();
      onSaved();
      onClose();
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t("customer.edit")} onClose=${onClose}>
    <form onSubmit=${save}>
      <${Field} label=${t("customer.name")} name="name" value=${customer.name ?? ""} maxlength="200" error=${fieldError(error, "name")} autofocus />
      <${Field} label=${t("customer.email")} name="email" type="email" value=${customer.email ?? ""} error=${fieldError(error, "email")} />
      <${Field} label=${t("customer.phone")} name="phone" type="tel" value=${customer.phone ?? ""} error=${fieldError(error, "phone")} />
      <${Field} label=${t("customer.language")} name="language" value=${customer.preferences.language ?? ""} maxlength="35" />
      <${Field} label=${t("customer.tags")} help=${t("customer.tagsHelp")} name="tags" value=${customer.tags.join(", ")} error=${fieldError(error, "tags")} />
      <fieldset class="field-rows">
        <legend>${t("customer.fields")}</legend>
        ${rows.map(
          (row, index) => html`<div key=${index}>
            <${Field} label=${t("customer.fieldName")} hiddenLabel placeholder=${t("customer.fieldName")} value=${row.name} onInput=${(event) => setRow(index, { name: event.target.value })} />
            <${Field} label=${t("customer.fieldValue")} hiddenLabel placeholder=${t("customer.fieldValue")} value=${row.value} onInput=${(event) => setRow(index, { value: event.target.value })} />
            <${Button} icon="x" label=${t("customer.removeField", { name: row.name })} onClick=${() => setRows(rows.filter((_, each) => each !== index))} />
          </div>`,
        )}
        <${Button} kind="link" icon="plus" onClick=${() => setRows([...rows, { name: "", value: "" }])}>${t("customer.addField")}<//>
      </fieldset>
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></footer>
    </form>
  <//>`;
}

/** What was typed, as the type that the field had: `12` stays a number, and a text stays one. */
function valueOf(typed, former) {
  if (typeof former === "number" && typed.trim() !== "" && Number.isFinite(Number(typed))) return Number(typed);
  if (typeof former === "boolean" && ["true", "false"].includes(typed.trim())) return typed.trim() === "true";
  return typed;
}

/** Erase the customer for good, once their name is typed; then shows how far that has come. */
function Erase({ customer, onClose }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const name = customer.name || customer.phone || customer.email || customer.id;
  const erase = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { id } = await api.post(`/api/customers/${customer.id}/erase`, Object.fromEntries(new FormData(event.target)));
      repairSoon();
      goTo(pathTo(["erasures", id]));
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t("erase.begin")} onClose=${onClose}>
    <form onSubmit=${erase}>
      <p>${t("erase.text")}</p>
      <${Field} label=${t("erase.confirmation", { name })} name="confirmation" maxlength="254" dir="auto" autocomplete="off" required autofocus error=${fieldError(error, "confirmation")} />
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="danger" type="submit" busy=${busy}>${t("erase.confirm")}<//></footer>
    </form>
  <//>`;
}

/** Find the other one, see what would become of the two, and make one of them. */
function Merge({ customer, onClose, onMerged }) {
  const [text, setText] = useState("");
  const [preview, setPreview] = useState(null);
  const [busy, setBusy] = useState(false);
  const matches = useLoad(async (signal) => (text.trim() ? candidates(text.trim(), customer.id, signal) : []), [text]);
  const look = async (source) => {
    try {
      setPreview({ source, ...(await api.post(`/api/customers/${customer.id}/merge`, { sourceId: source.id, dryRun: true })) });
    } catch (error) {
      toastError(error);
    }
  };
  const merge = async () => {
    setBusy(true);
    try {
      const { mergeId } = await api.post(`/api/customers/${customer.id}/merge`, { sourceId: preview.source.id });
      const undo = () => api.post(`/api/customers/${customer.id}/unmerge`, { mergeId }).then(onMerged, toastError);
      toast(t("merge.done"), { undo, seconds: 15 });
      repairSoon();
      onMerged();
      onClose();
    } catch (error) {
      toastError(error);
      setBusy(false);
    }
  };
  if (preview) {
    const { name, email, phone, tags } = preview.customer;
    return html`<${Dialog} title=${t("merge.preview")} onClose=${onClose}>
      <p>${t("merge.text", { name: preview.source.name, into: customer.name || t("customer.nameless") })}</p>
      <dl class="custom-fields">
        <div><dt>${t("customer.name")}</dt><dd><bdi>${name}</bdi></dd></div>
        ${email && html`<div><dt>${t("customer.email")}</dt><dd>${email}</dd></div>`}
        ${phone && html`<div><dt>${t("customer.phone")}</dt><dd>${phone}</dd></div>`}
        ${tags.length > 0 && html`<div><dt>${t("customer.tags")}</dt><dd>${tags.join(", ")}</dd></div>`}
        <div><dt>${t("customer.addresses")}</dt><dd>${t("merge.addresses", { count: preview.identityCount })}</dd></div>
        <div><dt>${t("customer.history")}</dt><dd>${t("merge.conversations", { count: preview.conversationCount })}</dd></div>
      </dl>
      <footer><${Button} onClick=${() => setPreview(null)}>${t("back")}<//><${Button} kind="primary" busy=${busy} onClick=${merge}>${t("merge.confirm")}<//></footer>
    <//>`;
  }
  return html`<${Dialog} title=${t("merge.begin")} onClose=${onClose}>
    <${Field} label=${t("merge.search")} help=${t("merge.searchHelp")} type="search" value=${text} onInput=${(event) => setText(event.target.value)} autofocus />
    <ul class="history">
      ${(matches.value ?? []).map(
        (each) => html`<li key=${each.id}><button type="button" class="choice" onClick=${() => look(each)}><${Avatar} name=${each.name} size=${28} /><bdi>${each.name}</bdi><small>${each.hint}</small></button></li>`,
      )}
    </ul>
    ${text.trim() && !matches.isLoading && !matches.value?.length && html`<p class="help">${t("merge.nobody")}</p>`}
  <//>`;
}

/** Other customers: those with this number or address, and those of conversations whose name has this part. */
async function candidates(text, ownId, signal) {
  const isEmail = text.includes("@");
  const isPhone = /^\+?[\d ()./-]{5,}$/.test(text);
  const exact = isEmail || isPhone ? (await api.get("/api/customers", isEmail ? { email: text } : { phone: text }, { signal })).customers : [];
  const page = await api.get("/api/inbox", { q: text, limit: 20 }, { signal });
  const others = page.conversations.map((row) => ({ id: row.customerId, name: nameOf(row), hint: row.phoneNumber ?? row.customer.externalId }));
  const all = [...exact.map((each) => ({ id: each.id, name: each.name || each.email || each.phone, hint: each.phone ?? each.email })), ...others];
  const unique = new Map(all.filter(({ id }) => id !== ownId).map((each) => [each.id, each]));
  return [...unique.values()].slice(0, MOST_MATCHES);
}
