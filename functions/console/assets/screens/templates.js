// Templates that a provider has approved: finding one, filling its places, and what it will look like.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { api, may, t } from "../core.js";
import { Button, classes, Dialog, Empty, Failure, Field, Icon, Skeleton, toast, toastError, useLoad } from "../ui.js";

const PAGE = 200;
const MOST_PAGES = 5;
const PLACE = /\{\{\s*(\w+)\s*\}\}/g;
/** A text that greets with a place means somebody's name. */
const GREETING = /^\W*[\p{L}]+[\p{L} ,]{0,20}\{\{\s*1\s*\}\}/u;

/** The approved templates of a channel; those of more than a thousand that come last are left out. */
export async function approvedTemplates(channelId, signal) {
  const templates = [];
  let cursor;
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await api.get(`/api/channels/${channelId}/templates`, { status: "approved", limit: PAGE, cursor }, { signal });
    templates.push(...answer.templates);
    cursor = answer.nextCursor;
    if (!cursor) break;
  }
  return templates;
}

const placesOf = (text) => [...new Set([...(text ?? "").matchAll(PLACE)].map((match) => match[1]))];

/** What has to be filled in a template: `{key, place, kind}`, where `key` is its name among the values. */
export function placesToFill({ header, body, buttons }) {
  const places = [];
  if (header?.type === "text") placesOf(header.text).forEach((place) => places.push({ key: `header:${place}`, place, kind: "header" }));
  else if (header && header.type !== "location") places.push({ key: "header:link", place: header.type, kind: "link" });
  placesOf(body).forEach((place) => places.push({ key: `body:${place}`, place, kind: "body" }));
  buttons.forEach((button, index) => {
    if (button.type === "url" && placesOf(button.url).length) places.push({ key: `button:${index}`, place: button.text, kind: "button" });
  });
  return places;
}

/** The filling as the API takes it; `values` are those of `placesToFill`, by key. */
export function fillingOf(template, values) {
  const { name, language, parameterFormat, body, header, buttons } = template;
  const filling = { name, language };
  const texts = placesOf(body).map((place) => [place, values[`body:${place}`] ?? ""]);
  if (parameterFormat === "named") filling.namedParameters = Object.fromEntries(texts);
  else filling.parameters = texts.sort(([one], [other]) => one - other).map(([, text]) => text);
  const headerPlace = placesToFill(template).find(({ kind }) => kind === "header" || kind === "link");
  if (headerPlace?.kind === "header") filling.header = { type: "text", text: values[headerPlace.key] };
  if (headerPlace?.kind === "link") filling.header = { type: header.type, link: values[headerPlace.key] };
  const filled = buttons.map((button, index) => ({ type: "url", index, text: values[`button:${index}`] })).filter(({ text }) => text);
  if (filled.length) filling.buttons = filled;
  return filling;
}

/** The values of `placesToFill` that a filling stands for. */
export function valuesOf(template, filling) {
  const values = {};
  for (const { key, place, kind } of placesToFill(template)) {
    if (kind === "body") values[key] = (filling.namedParameters ?? filling.named_parameters)?.[place] ?? filling.parameters?.[place - 1] ?? "";
    else if (kind === "header") values[key] = filling.header?.text ?? "";
    else if (kind === "link") values[key] = filling.header?.link ?? "";
    else values[key] = filling.buttons?.find(({ index }) => key === `button:${index}`)?.text ?? "";
  }
  return values;
}

/** What a text says with its places filled. */
const filledText = (text, values, kind) => (text ?? "").replaceAll(PLACE, (mark, place) => values[`${kind}:${place}`]?.trim() || mark);

export const shownText = (template, values) => filledText(template.body, values, "body");

/** Which places are still empty, or hold what cannot be sent: by key, what is wrong. */
export function faultsOf(template, values) {
  const faults = {};
  for (const { key, kind } of placesToFill(template)) {
    const value = values[key]?.trim();
    if (!value) faults[key] = t("templates.empty");
    else if (kind === "link" && !/^https?:\/\/\S+$/.test(value)) faults[key] = t("templates.noLink");
  }
  return faults;
}

const NAMES = /^(first_?name|nome|nombre|vorname)$/i; // codespell:ignore nome
const WHOLE_NAMES = /^(name|full_?name|customer(_?name)?|cliente|kunde)$/i; // codespell:ignore cliente

/** What is known of a customer, for the places whose name says that they mean it. */
export function knownValues(template, { name, email, phone }) {
  const first = name?.trim().split(/\s+/)[0];
  const values = {};
  for (const { key, place, kind } of placesToFill(template)) {
    if (kind !== "body" && kind !== "header") continue;
    if (NAMES.test(place) || (kind === "body" && place === "1" && GREETING.test(template.body))) values[key] = first ?? "";
    else if (WHOLE_NAMES.test(place)) values[key] = name ?? "";
    else if (/^e?_?mail$/i.test(place)) values[key] = email ?? "";
    else if (/phone|tele?fone?$/i.test(place)) values[key] = phone ?? "";
  }
  return values;
}

/** A list to choose from, narrowed by a text and a language. */
export function TemplateList({ templates, chosenId, onChoose, autofocus }) {
  const [text, setText] = useState("");
  const [language, setLanguage] = useState("");
  const languages = [...new Set(templates.map((template) => template.language))].sort();
  const part = text.trim().toLowerCase();
  const fitting = templates.filter(
    (template) => (!language || template.language === language) && `${template.name} ${template.body}`.toLowerCase().includes(part),
  );
  const list = useRef();
  useEffect(() => void (autofocus && list.current.querySelector("input").focus()), []);
  return html`<div class="template-list" ref=${list}>
    <div class="template-search">
      <${Field} label=${t("templates.search")} hiddenLabel placeholder=${t("templates.search")} type="search" value=${text} onInput=${(event) => setText(event.target.value)} />
      ${languages.length > 1 &&
      html`<${Field} as="select" label=${t("templates.language")} hiddenLabel value=${language} onChange=${(event) => setLanguage(event.target.value)}>
        <option value="">${t("filter.all")}</option>
        ${languages.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
      <//>`}
    </div>
    <ul aria-label=${t("templates.title")}>
      ${fitting.map(
        (template) => html`<li key=${template.id}>
          <button type="button" aria-pressed=${template.id === chosenId ? "true" : "false"} onClick=${() => onChoose(template)}>
            <strong><bdi>${template.name}</bdi></strong><small>${template.language} · ${t(`templates.${template.category}`)}</small>
            <span class="clamp" dir="auto">${template.body}</span>
          </button>
        </li>`,
      )}
    </ul>
    ${!fitting.length && html`<p class="help">${t("palette.nothing")}</p>`}
  </div>`;
}

/** The fields for a template's places. `help` is what may be written in them. */
export function TemplateFields({ template, values, faults = {}, help, onChange }) {
  const places = placesToFill(template);
  const labelOf = ({ place, kind }) => {
    if (kind === "link") return t("templates.file", { kind: t(`kind.${place}`) });
    if (kind === "button") return t("templates.button", { name: place });
    return t(kind === "header" ? "templates.headerPlace" : "templates.place", { name: `{{${place}}}` });
  };
  return html`${places.map(
    (each) => html`<${Field}
      key=${each.key} label=${labelOf(each)} dir="auto" maxlength="1024" value=${values[each.key] ?? ""} error=${faults[each.key]} help=${help}
      placeholder=${each.kind === "link" ? "https://" : undefined}
      onInput=${(event) => onChange({ ...values, [each.key]: event.target.value })}
    />`,
  )}`;
}

/** A text in which the places that are still empty can be seen. */
function Marked({ text }) {
  const parts = text.split(/(\{\{\s*\w+\s*\}\})/);
  return parts.map((part, index) => (index % 2 ? html`<mark key=${index}>${part}</mark>` : part));
}

/** What the customer will see. */
export function TemplatePreview({ template, values }) {
  const { header, footer, buttons } = template;
  return html`<figure class="preview" aria-label=${t("templates.preview")}>
    <div class="bubble" dir="auto">
      ${header?.type === "text" && html`<strong><${Marked} text=${filledText(header.text, values, "header")} /></strong>`}
      ${header && header.type !== "text" && html`<span class="preview-file"><${Icon} name=${header.type === "location" ? "map-pin" : "file"} size=${20} /></span>`}
      <p class="text"><${Marked} text=${shownText(template, values)} /></p>
      ${footer && html`<small>${footer}</small>`}
    </div>
    ${buttons.map((button, index) => html`<span key=${index} class="preview-button"><bdi>${button.text}</bdi></span>`)}
  </figure>`;
}

/** Choose a template of a channel, fill it and send it to one customer; `onSend` gets the template and its values. */
export function TemplateDialog({ channelId, customer, customerId, begun, onClose, onSend }) {
  const { value, error, reload } = useLoad(async (signal) => {
    const [templates, profile] = await Promise.all([
      approvedTemplates(channelId, signal),
      api.get(`/api/customers/${customerId}`, {}, { signal }).catch(() => customer),
    ]);
    return { templates, profile };
  }, [channelId]);
  const [template, setTemplate] = useState(null);
  const [values, setValues] = useState({});
  const [isTried, setTried] = useState(false);
  const choose = (chosen, filled) => {
    setTemplate(chosen);
    setTried(false);
    setValues(chosen ? (filled ?? knownValues(chosen, value.profile)) : {});
  };
  useEffect(() => {
    const former = begun && value?.templates.find(({ id }) => id === begun.templateId);
    if (former) choose(former, begun.values);
  }, [value]);
  const sync = () => syncTemplates(channelId).then(reload, toastError);
  const faults = template ? faultsOf(template, values) : {};
  const submit = (event) => {
    event.preventDefault();
    setTried(true);
    if (!Object.keys(faults).length) onSend(template, values);
  };
  return html`<${Dialog} title=${t("templates.choose")} wide onClose=${onClose}>
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!value && !error && html`<${Skeleton} lines=${6} />`}
    ${value && !value.templates.length && html`<${NoTemplates} onSync=${sync} />`}
    ${value?.templates.length > 0 &&
    html`<div class=${classes("template-choice", template && "has-template")}>
      <${TemplateList} templates=${value.templates} chosenId=${template?.id} onChoose=${choose} autofocus />
      ${template
        ? html`<form class="fields" onSubmit=${submit}>
            <${TemplatePreview} template=${template} values=${values} />
            <${TemplateFields} template=${template} values=${values} faults=${isTried ? faults : {}} onChange=${setValues} />
            <footer>
              <${Button} class="narrow-only" icon="arrow-left" onClick=${() => choose(null)}>${t("templates.other")}<//>
              <${Button} kind="primary" icon="send" type="submit">${t("templates.send")}<//>
            </footer>
          </form>`
        : html`<div class="wide-only"><${Empty} icon="file-text" title=${t("templates.none.chosen")} /></div>`}
    </div>`}
  <//>`;
}

/** Have the hub read all templates of a channel from its provider. */
export async function syncTemplates(channelId) {
  let after = null;
  let read = 0;
  do {
    const answer = await api.post(`/api/channels/${channelId}/templates/sync`, { after });
    read += answer.read;
    after = answer.after;
  } while (after);
  toast(t("templates.synced", { count: read }));
}

/** What to do where there is no template that could be sent. */
export function NoTemplates({ onSync }) {
  return html`<${Empty} icon="file-text" title=${t("templates.none")}>
    <p>${t("templates.noneHelp")}</p>
    ${may("admin") && html`<${Button} icon="rotate-ccw" onClick=${onSync}>${t("templates.sync")}<//>`}
  <//>`;
}
