// A form made of a JSON schema, for what each channel asks for.
import { html, useState } from "../vendor/preact.js";
import { t } from "../core.js";
import { Field, fieldError, Switch } from "../ui.js";

const MOST_AT_ONCE = 7;
/** What goes with a secret, though the channel could do without it. */
const NAMES_ACCOUNT = /(Id|Sid|Url|Number)$/;

/** What a field's schema comes down to: its own, or the one that it has beside null. */
const plain = (schema) => ({ ...schema, ...(schema.anyOf ?? []).find(({ type }) => type !== "null"), anyOf: undefined });

const isText = ({ type }) => ["string", "integer", "number"].includes(type);
const isList = ({ type, items }) => type === "array" && items?.type === "string";

/** The schema with `words` for its fields: by name a label, by `name.help` a help text, by `name.value` a choice. */
export function worded(schema, words) {
  const all = Object.entries(schema.properties).map(([name, field]) => {
    const choices = Object.fromEntries((plain(field).enum ?? []).map((value) => [value, words[`${name}.${value}`] ?? value]));
    return [name, { ...field, title: words[name] ?? field.title, description: words[`${name}.help`] ?? field.description, choices }];
  });
  return { ...schema, properties: Object.fromEntries(all) };
}

/**
 * The fields that a person can fill in: `[name, schema, isRequired]`. What is made of further objects is left out, and
 * what can have one value only.
 */
function fieldsOf({ properties, required }) {
  const all = Object.entries(properties).map(([name, schema]) => [name, plain(schema), required.includes(name)]);
  const canBeEntered = (schema) => schema.enum || schema.type === "boolean" || isText(schema) || isList(schema);
  return all.filter(([, schema]) => schema.const === undefined && canBeEntered(schema));
}

function SchemaField({ name, schema, isRequired, value, error, onChange }) {
  const same = { label: schema.title, error, help: schema.description, required: isRequired };
  const set = (event) => onChange(event.target.value);
  if (schema.type === "boolean") return html`<${Switch} label=${schema.title} help=${schema.description} checked=${value ?? schema.default ?? false} onChange=${onChange} />`;
  if (schema.enum) {
    return html`<${Field} ...${same} as="select" value=${value ?? schema.default ?? ""} onChange=${set}>
      ${schema.default === undefined && html`<option value="">–</option>`}
      ${schema.enum.map((each) => html`<option key=${each} value=${each}>${schema.choices?.[each] ?? each}</option>`)}
    <//>`;
  }
  if (isList(schema)) {
    const lines = (event) => onChange(event.target.value.split("\n").map((line) => line.trim()).filter(Boolean));
    return html`<${Field} ...${same} as="textarea" rows="3" help=${schema.description ?? t("form.lines")} defaultValue=${(value ?? []).join("\n")} onChange=${lines} />`;
  }
  if (schema.writeOnly) {
    const kept = value ? t("form.secretKept") : undefined;
    return html`<${Field} ...${same} required=${isRequired && !value} type="password" autocomplete="off" placeholder=${kept} minlength=${schema.minLength} onInput=${set} />`;
  }
  const isColor = schema.pattern === "^#[0-9a-fA-F]{6}$";
  const type = isColor ? "color" : isText(schema) && schema.type !== "string" ? "number" : "text";
  return html`<${Field} ...${same} type=${type} value=${value ?? schema.default ?? ""} maxlength=${schema.maxLength} onInput=${set} />`;
}

/** The fields of a schema, the needed ones first. `onChange` gets all that was entered, by name. */
export function SchemaFields({ schema, values = {}, error, onChange }) {
  const [entered, setEntered] = useState({});
  const fields = fieldsOf(schema);
  const change = (name, kind) => (value) => {
    const isNumber = kind === "integer" || kind === "number";
    const next = { ...entered, [name]: isNumber && value !== "" ? Number(value) : value === "" ? null : value };
    setEntered(next);
    onChange(next);
  };
  const shown = ([name, fieldSchema, isRequired]) => html`<${SchemaField}
    key=${name} name=${name} schema=${fieldSchema} isRequired=${isRequired} value=${name in entered && !fieldSchema.writeOnly ? entered[name] : values[name]}
    error=${fieldError(error, `config.${name}`)} onChange=${change(name, fieldSchema.type)}
  />`;
  const isShort = fields.length <= MOST_AT_ONCE;
  const isNeeded = ([name, fieldSchema, isRequired]) => isRequired || fieldSchema.writeOnly || NAMES_ACCOUNT.test(name);
  const first = fields.filter((field) => isShort || isNeeded(field));
  const rest = fields.filter((field) => !first.includes(field));
  return html`${first.map(shown)}
    ${rest.length > 0 && html`<details class="more"><summary>${t("form.more")}</summary><div class="fields">${rest.map(shown)}</div></details>`}`;
}
