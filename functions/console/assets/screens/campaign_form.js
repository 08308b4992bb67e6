// A new campaign, or one that has not begun: whom it goes to, how, what it says, and when. What it would do is counted
// while it is written.
import { html, useEffect, useMemo, useState } from "../vendor/preact.js";
import { api, capabilities, formatNumber, me, t } from "../core.js";
import { Button, channelIcon, channelName, Failure, Field, fieldError, Icon, Skeleton, Switch, toast, toastError, useLoad } from "../ui.js";
import { rulesText } from "./campaign_rules.js";
import { Chips, Sortable } from "./form_parts.js";
import { FormError, useSubmit } from "./setup_parts.js";
import { approvedTemplates, faultsOf, fillingOf, NoTemplates, syncTemplates, TemplateFields, TemplateList, TemplatePreview, valuesOf } from "./templates.js";

const COUNT_PAUSE = 600;
const FIELDS = ["first_name", "name", "email", "phone", "language"];
const SKIPS = ["optedOut", "blocked", "noAddress", "windowClosed", "missingValue", "frequencyCap"];
const MARK = /\{\{\s*([^{}|]*?)\s*(?:\|([^{}]*))?\}\}/g;

/** A text as this person would get it; what has no value stays as it is written. */
function sample(text, person) {
  const known = { name: person.name, first_name: person.name?.split(/\s+/)[0], email: person.email };
  return text.replaceAll(MARK, (mark, name, fallback) => known[name] || fallback || mark);
}

const localTime = (moment) => {
  const date = new Date(moment);
  return new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

export function CampaignForm({ campaign, channels, settings, onSaved }) {
  const types = [...new Set(channels.map(({ type }) => type))];
  const [draft, setDraft] = useState(() => ({
    channels: campaign?.channels ?? types.slice(0, 1),
    tags: campaign?.audience.tags ?? [],
    customerIds: campaign?.audience.customerIds ?? [],
    message: campaign?.message ?? "",
    isMarkdown: campaign?.isMarkdown ?? false,
    texts: campaign?.texts ?? {},
    templates: campaign?.templates ?? {},
  }));
  // Templates that were chosen here, with what is filled in so far, by channel type; what was stored counts until then.
  const [chosen, setChosen] = useState({});
  const [when, setWhen] = useState(campaign?.sendAt ? "later" : "now");
  const [isTried, setTried] = useState(false);
  const set = (changes) => setDraft((before) => ({ ...before, ...changes }));
  const fillings = Object.fromEntries(Object.entries(chosen).filter(([, each]) => each).map(([type, { template, values }]) => [type, fillingOf(template, values)]));
  const kept = Object.fromEntries(Object.entries(draft.templates).filter(([type]) => !(type in chosen)));
  const isOn = ([type]) => draft.channels.includes(type);
  const body = {
    channels: draft.channels,
    audience: { tags: draft.tags, customerIds: draft.customerIds },
    message: draft.message,
    isMarkdown: draft.isMarkdown,
    texts: Object.fromEntries(Object.entries(draft.texts).filter(isOn).filter(([, text]) => text.trim())),
    templates: Object.fromEntries(Object.entries({ ...kept, ...fillings }).filter(isOn)),
  };
  const unfilled = Object.entries(chosen).filter(isOn).some(([, each]) => each && Object.keys(faultsOf(each.template, each.values)).length);
  const { submit, busy, error } = useSubmit(async (form) => {
    setTried(true);
    if (unfilled) throw new Error(t("campaigns.unfilled"));
    const sendAt = when === "later" ? new Date(form.get("sendAt")).toISOString() : null;
    const fields = { ...body, name: form.get("name").trim(), sendAt };
    const saved = campaign ? await api.patch(`/api/campaigns/${campaign.id}`, fields) : await api.post("/api/campaigns", fields);
    toast(t("saved"));
    onSaved(saved);
  });
  if (!types.length) return html`<p>${t("campaigns.noChannels")}</p>`;
  return html`<form class="side-by-side campaign-form" onSubmit=${submit}>
    <div>
      <section class="card">
        <${Field} label=${t("campaigns.name")} name="name" maxlength="100" required defaultValue=${campaign?.name ?? ""} error=${fieldError(error, "name")} autofocus=${!campaign} />
      </section>
      <section class="card">
        <h2>${t("campaigns.audience")}</h2>
        <${Chips} label=${t("campaigns.tags")} help=${t("campaigns.tagsHelp")} items=${draft.tags} onChange=${(tags) => set({ tags })} error=${fieldError(error, "audience.tags")} />
        <${Listed} ids=${draft.customerIds} onChange=${(customerIds) => set({ customerIds })} />
      </section>
      <section class="card">
        <h2>${t("campaigns.channels")}</h2>
        <${ChannelOrder} types=${types} chosen=${draft.channels} onChange=${(chosenTypes) => set({ channels: chosenTypes })} />
      </section>
      <section class="card">
        <h2>${t("campaigns.message")}</h2>
        <${Message} text=${draft.message} onChange=${(message) => set({ message })} error=${fieldError(error, "message")} label=${t("campaigns.text")} />
        <${Switch} label=${t("campaigns.markdown")} help=${t("campaigns.markdownHelp")} checked=${draft.isMarkdown} onChange=${(isMarkdown) => set({ isMarkdown })} />
        ${draft.channels.map(
          (type) => html`<${OnChannel}
            key=${type} type=${type} channels=${channels} text=${draft.texts[type] ?? ""} stored=${draft.templates[type]} chosen=${chosen[type]} isTried=${isTried}
            onWrite=${(text) => set({ texts: { ...draft.texts, [type]: text } })}
            onChoose=${(each) => setChosen((before) => ({ ...before, [type]: each }))}
          />`,
        )}
      </section>
      <section class="card">
        <h2>${t("campaigns.when")}</h2>
        <fieldset class="checks">
          <legend class="visually-hidden">${t("campaigns.when")}</legend>
          ${["now", "later"].map(
            (each) => html`<label key=${each} class="check"><input type="radio" name="when" value=${each} checked=${when === each} onChange=${() => setWhen(each)} /> ${t(`campaigns.when.${each}`)}</label>`,
          )}
        </fieldset>
        ${when === "later" &&
        html`<${Field} label=${t("campaigns.sendAt")} name="sendAt" type="datetime-local" required min=${localTime(Date.now())} defaultValue=${campaign?.sendAt ? localTime(campaign.sendAt) : ""} error=${fieldError(error, "sendAt")} />`}
        <p class="help">${rulesText(settings)}</p>
      </section>
      <${FormError} error=${error} />
      <div class="actions"><${Button} kind="primary" type="submit" busy=${busy} disabled=${!draft.channels.length}>${t("campaigns.save")}<//><span class="help">${t("campaigns.saveHelp")}</span></div>
    </div>
    <aside aria-label=${t("campaigns.effect")}>
      <${Count} body=${body} />
      <${Preview} draft=${draft} chosen=${chosen} />
    </aside>
  </form>`;
}

// ── Whom it goes to ──────────────────────────────────────────────────────────────────────────────────────────────

const SEARCH_PAUSE = 250;

/** Customers who are named one by one, beside those with a tag. */
function Listed({ ids, onChange }) {
  const [names, setNames] = useState({});
  const [text, setText] = useState("");
  const matches = useLoad(
    async (signal) => {
      const part = text.trim();
      if (!part) return [];
      await new Promise((resolve) => setTimeout(resolve, SEARCH_PAUSE));
      if (signal.aborted) return [];
      const { conversations } = await api.get("/api/search", { q: part, limit: 10 }, { signal });
      const people = conversations.results.map((row) => [row.customerId, row.customerName || row.phoneNumber || row.customer.externalId]);
      return [...new Map(people)].filter(([id]) => !ids.includes(id));
    },
    [text],
  );
  useEffect(() => {
    const unnamed = ids.filter((id) => !(id in names)).slice(0, 20);
    unnamed.forEach((id) => api.get(`/api/customers/${id}`).then(({ name, phone, email }) => setNames((all) => ({ ...all, [id]: name || phone || email || t("customer.nameless") })), () => {}));
  }, []);
  const add = ([id, name]) => {
    setNames({ ...names, [id]: name });
    onChange([...ids, id]);
    setText("");
  };
  return html`<div class="chips">
    <${Field} label=${t("campaigns.listed")} help=${t("campaigns.listedHelp")} type="search" value=${text} autocomplete="off" onInput=${(event) => setText(event.target.value)} />
    ${matches.value?.length > 0 &&
    html`<ul class="matches" aria-label=${t("campaigns.listed")}>
      ${matches.value.map((match) => html`<li key=${match[0]}><button type="button" class="choice" onClick=${() => add(match)}><${Icon} name="plus" size=${14} /><bdi>${match[1]}</bdi></button></li>`)}
    </ul>`}
    ${ids.length > 0 &&
    html`<ul class="tags">
      ${ids.slice(0, 50).map((id) => html`<li key=${id}><span class="tag"><bdi>${names[id] ?? id}</bdi><button type="button" aria-label=${t("remove.named", { name: names[id] ?? id })} onClick=${() => onChange(ids.filter((each) => each !== id))}><${Icon} name="x" size=${12} /></button></span></li>`)}
    </ul>
    ${ids.length > 50 && html`<p class="help">${t("campaigns.moreListed", { count: ids.length - 50 })}</p>`}`}
  </div>`;
}

/** What the campaign would do now, counted anew a moment after each change. */
function Count({ body }) {
  const [state, setState] = useState({});
  const written = JSON.stringify(body);
  const hasAudience = body.audience.tags.length > 0 || body.audience.customerIds.length > 0;
  useEffect(() => {
    if (!hasAudience || !body.channels.length) return setState({});
    const control = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    const timer = setTimeout(
      () =>
        api.post("/api/campaigns/audience", body, {}, { signal: control.signal }).then(
          (count) => setState({ count }),
          (error) => control.signal.aborted || setState({ error }),
        ),
      COUNT_PAUSE,
    );
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [written]);
  const { count, error, isLoading } = state;
  return html`<section class="card count" aria-live="polite" aria-busy=${isLoading ? "true" : "false"}>
    <h2>${t("campaigns.reach")}</h2>
    ${!hasAudience && html`<p class="help">${t("campaigns.nobody")}</p>`}
    ${hasAudience && !count && !error && html`<${Skeleton} lines=${2} />`}
    ${error && html`<p class="error" role="alert">${error.message}</p>`}
    ${count &&
    html`<p class="count-total"><strong>${formatNumber(count.reachable)}</strong> ${t("campaigns.reachable", { count: count.examined, all: formatNumber(count.examined) })}</p>
      ${count.total > count.examined && html`<p class="help">${t("campaigns.examined", { all: formatNumber(count.total) })}</p>`}
      ${count.templateRefusal && html`<p class="error" role="alert">${count.templateRefusal}</p>`}
      <dl class="facts">
        ${SKIPS.filter((name) => count[name]).map((name) => html`<div key=${name}><dt>${t(`skip.${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`)}</dt><dd>${formatNumber(count[name])}</dd></div>`)}
      </dl>`}
  </section>`;
}

// ── How, and what it says ────────────────────────────────────────────────────────────────────────────────────────

/** The channels in the order in which they are tried for each customer. */
function ChannelOrder({ types, chosen, onChange }) {
  const others = types.filter((type) => !chosen.includes(type));
  const items = useMemo(() => chosen.map((type) => ({ id: type })), [chosen]);
  const move = ({ id }, place) => {
    const rest = chosen.filter((type) => type !== id);
    onChange([...rest.slice(0, place), id, ...rest.slice(place)]);
  };
  return html`<p class="help">${t("campaigns.channelsHelp")}</p>
    <${Sortable}
      items=${items} nameOf=${({ id }) => channelName(id)} onMove=${move} label=${t("campaigns.channels")}
      render=${({ id }) => html`<span class="channel-cell"><${Icon} name=${channelIcon(id)} size=${16} /> ${channelName(id)}</span>
        <${Button} icon="x" label=${t("remove.named", { name: channelName(id) })} onClick=${() => onChange(chosen.filter((type) => type !== id))} />`}
    />
    ${others.length > 0 &&
    html`<div class="page-actions">
      ${others.map((type) => html`<${Button} key=${type} icon="plus" onClick=${() => onChange([...chosen, type])}>${channelName(type)}<//>`)}
    </div>`}`;
}

/** A text with buttons that put a customer's value into it. */
function Message({ text, onChange, error, label }) {
  const insert = (field) => (event) => {
    const area = event.currentTarget.closest(".message-field").querySelector("textarea");
    const mark = `{{${field}${field === "first_name" || field === "name" ? `|${t("campaigns.fallback")}` : ""}}}`;
    const [start, end] = [area.selectionStart, area.selectionEnd];
    onChange(text.slice(0, start) + mark + text.slice(end));
    requestAnimationFrame(() => {
      area.focus();
      area.setSelectionRange(start + mark.length, start + mark.length);
    });
  };
  return html`<div class="message-field">
    <${Field} as="textarea" label=${label} rows="5" maxlength="4096" dir="auto" value=${text} error=${error} onInput=${(event) => onChange(event.target.value)} />
    <div class="placeholders" role="group" aria-label=${t("campaigns.insert")}>
      ${FIELDS.map((field) => html`<button type="button" key=${field} class="tag" onClick=${insert(field)}><${Icon} name="plus" size=${12} /> ${t(`field.${field}`)}</button>`)}
    </div>
  </div>`;
}

/** What is said on one channel alone: another text, or a template where its provider wants one. */
function OnChannel({ type, channels, text, stored, chosen, isTried, onWrite, onChoose }) {
  const abilities = useLoad(capabilities, []);
  const able = channels.find((channel) => channel.type === type && abilities.value?.find(({ adapter }) => adapter === channel.adapter)?.templates);
  return html`<details class="more" open=${Boolean(text || stored || able)}>
    <summary>${t("campaigns.onChannel", { channel: channelName(type) })}</summary>
    <div class="fields">
      ${able && html`<${ChooseTemplate} channelId=${able.id} stored=${stored} chosen=${chosen} isTried=${isTried} onChoose=${onChoose} />`}
      <${Message} text=${text} onChange=${onWrite} label=${t("campaigns.otherText")} />
    </div>
  </details>`;
}

function ChooseTemplate({ channelId, stored, chosen, isTried, onChoose }) {
  const { value, error, reload } = useLoad((signal) => approvedTemplates(channelId, signal), [channelId]);
  useEffect(() => {
    const former = chosen === undefined && stored && value?.find(({ name, language }) => name === stored.name && language === stored.language);
    if (former) onChoose({ template: former, values: valuesOf(former, stored) });
  }, [value]);
  if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Skeleton} lines=${2} />`;
  if (!value.length) return html`<${NoTemplates} onSync=${() => syncTemplates(channelId).then(reload, toastError)} />`;
  if (!chosen) return html`<p class="help">${t("campaigns.templateHelp")}</p><${TemplateList} templates=${value} onChoose=${(template) => onChoose({ template, values: firstValues(template) })} />`;
  const { template, values } = chosen;
  const faults = isTried ? faultsOf(template, values) : {};
  return html`<div class="card-header"><strong><bdi>${template.name}</bdi> (${template.language})</strong><${Button} onClick=${() => onChoose(null)}>${t("templates.other")}<//></div>
    <${TemplateFields} template=${template} values=${values} faults=${faults} help=${t("campaigns.placeHelp")} onChange=${(changed) => onChoose({ template, values: changed })} />`;
}

/** Where a template greets, the first place is the name of whoever gets it. */
const firstValues = (template) => (template.places[0] === "1" || /name/.test(template.places[0] ?? "") ? { [`body:${template.places[0]}`]: `{{first_name|${t("campaigns.fallback")}}}` } : {});

/** The campaign as the person who writes it would get it on each channel. */
function Preview({ draft, chosen }) {
  const person = me.value;
  return html`<section class="card">
    <h2>${t("campaigns.preview")}</h2>
    ${draft.channels.map((type) => {
      const each = chosen[type];
      const text = draft.texts[type]?.trim() ? draft.texts[type] : draft.message;
      return html`<div key=${type} class="preview-channel">
        <h3><${Icon} name=${channelIcon(type)} size=${14} /> ${channelName(type)}</h3>
        ${each
          ? html`<${TemplatePreview} template=${each.template} values=${Object.fromEntries(Object.entries(each.values).map(([key, value]) => [key, sample(value, person)]))} />`
          : text.trim()
            ? html`<figure class="preview"><div class="bubble" dir="auto"><p class="text">${sample(text, person)}</p></div></figure>`
            : html`<p class="help">${t("campaigns.nothingToSay")}</p>`}
      </div>`;
    })}
  </section>`;
}
