// Routing rules: what is done with a conversation that begins. A form for most of them, text for the rest, and a dry run.
import { html, useState } from "../vendor/preact.js";
import { api, channels as allChannels, may, people as everybody, t, teams as allTeams } from "../core.js";
import { Button, channelName, confirmed, Dialog, Empty, Failure, Field, fieldError, Skeleton, Switch, toast, toastError, useLoad } from "../ui.js";
import { Chips, Sortable } from "./form_parts.js";
import { FIELDS, operatorsOf, readActions, readCondition, writeActions, writeCondition } from "./routing_language.js";
import { FormError, useSubmit } from "./setup_parts.js";

const PRIORITIES = ["low", "normal", "high", "urgent"];
const ACTIONS = ["assign_to_agent_group", "assign_to_agent", "set_priority", "add_tag"];
const HOURS = Array.from({ length: 24 }, (_, hour) => String(hour));
const FIRST = { field: "channel", operator: "=", values: [""] };

async function load() {
  const [{ rules }, { agents }, channels, teams, people] = await Promise.all([
    api.get("/routing/rules", { include: "all" }), api.get("/api/agents"), allChannels(), allTeams(), everybody(),
  ]);
  const types = [...new Set(channels.map(({ type }) => type.toLowerCase()))];
  const persons = people.map(({ id, name, email }) => ({ id, name: name || email }));
  return { rules, types, teams, assignees: [...persons, ...agents.map(({ id, name }) => ({ id, name }))] };
}

export default function Routing() {
  const { value, error, reload } = useLoad(load, []);
  const [order, setOrder] = useState(null);
  const [edited, setEdited] = useState(null);
  if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Skeleton} kind="rows" lines=${4} />`;
  // What was moved stands in its new place at once, and where it was if the hub refuses.
  const rules = order ? order.map((id) => value.rules.find((rule) => rule.id === id)).filter(Boolean) : value.rules;
  const done = () => {
    setOrder(null);
    setEdited(null);
    reload();
  };
  const move = async (rule, place) => {
    const rest = rules.filter((each) => each !== rule).map(({ id }) => id);
    setOrder([...rest.slice(0, place), rule.id, ...rest.slice(place)]);
    await api.put(`/routing/rules/${rule.id}`, { position: place }).catch((failure) => {
      setOrder(null);
      toastError(failure);
    });
  };
  const switchTo = (rule, active) => api.put(`/routing/rules/${rule.id}`, { active }).then(done, toastError);
  const remove = async (rule) => {
    if (await confirmed(t("routing.remove"), t("routing.removeHelp"), t("routing.remove"))) await api.delete(`/routing/rules/${rule.id}`).then(done, toastError);
  };
  const isAdmin = may("admin");
  return html`<section class="card wide-card">
      <div class="card-header">
        <p class="help">${t("routing.help")}</p>
        ${isAdmin && html`<${Button} kind="primary" icon="plus" onClick=${() => setEdited({})}>${t("routing.add")}<//>`}
      </div>
      ${rules.length === 0 && html`<${Empty} icon="split" title=${t("routing.none")}><p>${t("routing.noneHelp")}</p><//>`}
      <${Sortable}
        items=${rules} label=${t("rules.routing")} disabled=${!isAdmin} onMove=${move} nameOf=${(rule) => conditionText(rule.condition, value)}
        render=${(rule, index) => html`<span class="place">${index + 1}</span>
          <div class=${`rule ${rule.active ? "" : "off"}`}>
            <p><strong>${t("routing.if")}</strong> <bdi>${conditionText(rule.condition, value)}</bdi></p>
            <p><strong>${t("routing.then")}</strong> <bdi>${actionsText(rule.action, value)}</bdi></p>
          </div>
          ${isAdmin &&
          html`<div class="rule-actions">
            <input type="checkbox" role="switch" checked=${rule.active} aria-label=${t("routing.active")} title=${t("routing.active")} onChange=${(event) => switchTo(rule, event.target.checked)} />
            <${Button} icon="pencil" label=${t("routing.change")} onClick=${() => setEdited(rule)} />
            <${Button} icon="trash-2" label=${t("routing.remove")} onClick=${() => remove(rule)} />
          </div>`}`}
      />
    </section>
    ${rules.length > 0 && html`<${DryRun} place=${value} rules=${rules} />`}
    ${edited && html`<${Rule} rule=${edited} place=${value} onClose=${() => setEdited(null)} onDone=${done} />`}`;
}

// ── Rules in words ───────────────────────────────────────────────────────────────────────────────────────────────

function valueText(field, value) {
  if (field === "channel") return channelName(value.toUpperCase());
  if (field === "priority") return t(`priority.${value.toUpperCase()}`);
  return field === "hour" ? `${value}:00 UTC` : `“${value}”`;
}

function conditionText(text) {
  const condition = readCondition(text);
  if (!condition) return text;
  const parts = condition.comparisons.map(
    ({ field, operator, values }) => `${t(`routingField.${field}`)} ${operatorText(operator)} ${values.map((value) => valueText(field, value)).join(", ")}`,
  );
  return parts.join(` ${t(condition.join === "and" ? "routing.and" : "routing.or")} `);
}

const OPERATORS = { "=": "routing.is", "!=": "routing.isNot", in: "routing.isOneOf", contains: "routing.contains" };
const operatorText = (operator) => t(OPERATORS[operator]);

const nameOf = (entries, argument) => entries.find(({ id, name }) => id === argument || name === argument)?.name ?? argument;

function actionsText(text, { teams, assignees }) {
  const words = ({ kind, argument }) => {
    if (kind === "assign_to_agent_group") return nameOf(teams, argument);
    if (kind === "assign_to_agent") return nameOf(assignees, argument);
    return kind === "set_priority" ? t(`priority.${argument.toUpperCase()}`) : argument;
  };
  return readActions(text).map((action) => `${t(`routingAction.${action.kind}`)}: ${words(action)}`).join("; ");
}

// ── One rule ─────────────────────────────────────────────────────────────────────────────────────────────────────

function Rule({ rule, place, onClose, onDone }) {
  const read = rule.id ? readCondition(rule.condition) : { join: "and", comparisons: [{ ...FIRST, values: [place.types[0] ?? ""] }] };
  const [condition, setCondition] = useState(read);
  const [text, setText] = useState(rule.condition ?? "");
  const [actions, setActions] = useState(rule.id ? readActions(rule.action) : [{ kind: ACTIONS[0], argument: place.teams[0]?.id ?? "" }]);
  const [active, setActive] = useState(rule.active ?? true);
  const { submit, busy, error } = useSubmit(async () => {
    const fields = { condition: condition ? writeCondition(condition) : text, action: writeActions(actions), active };
    if (rule.id) await api.put(`/routing/rules/${rule.id}`, fields);
    else await api.post("/routing/rules", fields);
    toast(t("saved"));
    onDone();
  });
  const set = (index, changes) => setCondition({ ...condition, comparisons: condition.comparisons.map((each, at) => (at === index ? { ...each, ...changes } : each)) });
  const asText = () => {
    setText(writeCondition(condition));
    setCondition(null);
  };
  const asForm = () => {
    const again = readCondition(text);
    if (again) setCondition(again);
    else toast(t("routing.onlyText"));
  };
  return html`<${Dialog} title=${rule.id ? t("routing.change") : t("routing.add")} wide onClose=${onClose}>
    <form onSubmit=${submit}>
      <fieldset class="fields">
        <legend>${t("routing.when")}</legend>
        ${condition
          ? html`${condition.comparisons.length > 1 &&
              html`<${Field} as="select" label=${t("routing.join")} value=${condition.join} onChange=${(event) => setCondition({ ...condition, join: event.target.value })}>
                <option value="and">${t("routing.all")}</option><option value="or">${t("routing.any")}</option>
              <//>`}
              ${condition.comparisons.map(
                (comparison, index) => html`<${Comparison}
                  key=${index} comparison=${comparison} types=${place.types} onChange=${(changes) => set(index, changes)}
                  onRemove=${condition.comparisons.length > 1 && (() => setCondition({ ...condition, comparisons: condition.comparisons.filter((_, at) => at !== index) }))}
                />`,
              )}
              <div class="page-actions">
                <${Button} icon="plus" onClick=${() => setCondition({ ...condition, comparisons: [...condition.comparisons, { field: "text", operator: "contains", values: [""] }] })}>${t("routing.addCondition")}<//>
                <${Button} kind="link" onClick=${asText}>${t("routing.asText")}<//>
              </div>
              ${fieldError(error, "condition") && html`<p class="error" role="alert">${fieldError(error, "condition")}</p>`}`
          : html`<${Field} as="textarea" rows="3" label=${t("routing.condition")} help=${t("routing.conditionHelp")} maxlength="1000" spellcheck=${false} value=${text} error=${fieldError(error, "condition")} onInput=${(event) => setText(event.target.value)} />
              <div><${Button} kind="link" onClick=${asForm}>${t("routing.asForm")}<//></div>`}
      </fieldset>
      <fieldset class="fields">
        <legend>${t("routing.do")}</legend>
        ${actions.map(
          (action, index) => html`<${Action}
            key=${index} action=${action} place=${place} onChange=${(changed) => setActions(actions.map((each, at) => (at === index ? changed : each)))}
            onRemove=${actions.length > 1 && (() => setActions(actions.filter((_, at) => at !== index)))}
          />`,
        )}
        <div><${Button} icon="plus" onClick=${() => setActions([...actions, { kind: "add_tag", argument: "" }])}>${t("routing.addAction")}<//></div>
        ${fieldError(error, "action") && html`<p class="error" role="alert">${fieldError(error, "action")}</p>`}
      </fieldset>
      <${Switch} label=${t("routing.active")} checked=${active} onChange=${setActive} />
      <${FormError} error=${error && !fieldError(error, "condition") && !fieldError(error, "action") ? error : null} />
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></footer>
    </form>
  <//>`;
}

/** What can be chosen for a field; null where any text will do. */
function choicesOf(field, types) {
  if (field === "channel") return types;
  if (field === "priority") return PRIORITIES;
  return field === "hour" ? HOURS : null;
}

function Comparison({ comparison: { field, operator, values }, types, onChange, onRemove }) {
  const choices = choicesOf(field, types);
  const options = choices && [...new Set([...choices, ...values.filter(Boolean)])];
  const changeField = (event) => {
    const next = event.target.value;
    onChange({ field: next, operator: operatorsOf(next)[0], values: [choicesOf(next, types)?.[0] ?? ""] });
  };
  const changeOperator = (event) => onChange({ operator: event.target.value, values: event.target.value === "in" ? values.filter(Boolean) : [values[0] ?? options?.[0] ?? ""] });
  const toggle = (value) => (event) => onChange({ values: event.target.checked ? [...values, value] : values.filter((each) => each !== value) });
  const label = t("routing.value");
  return html`<div class="comparison">
    <${Field} as="select" label=${t("routing.field")} hiddenLabel value=${field} onChange=${changeField}>
      ${FIELDS.map((each) => html`<option key=${each} value=${each} selected=${each === field}>${t(`routingField.${each}`)}</option>`)}
    <//>
    <${Field} as="select" label=${t("routing.operator")} hiddenLabel value=${operator} onChange=${changeOperator}>
      ${operatorsOf(field).map((each) => html`<option key=${each} value=${each} selected=${each === operator}>${operatorText(each)}</option>`)}
    <//>
    ${operator !== "in" && options && html`<${Field} as="select" label=${label} hiddenLabel value=${values[0]} onChange=${(event) => onChange({ values: [event.target.value] })}>
      ${options.map((each) => html`<option key=${each} value=${each} selected=${each === values[0]}>${valueText(field, each)}</option>`)}
    <//>`}
    ${operator !== "in" && !options && html`<${Field} label=${label} hiddenLabel value=${values[0]} required maxlength="200" dir="auto" onInput=${(event) => onChange({ values: [event.target.value] })} />`}
    ${operator === "in" && options && html`<fieldset class="checks"><legend class="visually-hidden">${label}</legend>
      ${options.map((each) => html`<label key=${each} class="check"><input type="checkbox" checked=${values.includes(each)} onChange=${toggle(each)} /> ${valueText(field, each)}</label>`)}
    </fieldset>`}
    ${operator === "in" && !options && html`<${Chips} label=${label} items=${values} placeholder=${t("routing.several")} onChange=${(changed) => onChange({ values: changed })} />`}
    ${onRemove && html`<${Button} icon="x" label=${t("routing.removeCondition")} onClick=${onRemove} />`}
  </div>`;
}

function Action({ action: { kind, argument }, place, onChange, onRemove }) {
  const entries = { assign_to_agent_group: place.teams, assign_to_agent: place.assignees, set_priority: PRIORITIES.map((id) => ({ id, name: t(`priority.${id.toUpperCase()}`) })) }[kind];
  const chosen = entries?.find(({ id, name }) => id === argument || name === argument)?.id ?? argument;
  const changeKind = (event) => {
    const next = event.target.value;
    const first = { assign_to_agent_group: place.teams[0]?.id, assign_to_agent: place.assignees[0]?.id, set_priority: "high" }[next];
    onChange({ kind: next, argument: first ?? "" });
  };
  return html`<div class="comparison action">
    <${Field} as="select" label=${t("routing.what")} hiddenLabel value=${kind} onChange=${changeKind}>
      ${ACTIONS.map((each) => html`<option key=${each} value=${each} selected=${each === kind}>${t(`routingAction.${each}`)}</option>`)}
    <//>
    ${entries
      ? html`<${Field} as="select" label=${t("routing.value")} hiddenLabel required value=${chosen} onChange=${(event) => onChange({ kind, argument: event.target.value })}>
          ${entries.map(({ id, name }) => html`<option key=${id} value=${id} selected=${id === chosen}>${name}</option>`)}
        <//>`
      : html`<${Field} label=${t("routing.value")} hiddenLabel required maxlength="64" dir="auto" value=${argument} onInput=${(event) => onChange({ kind, argument: event.target.value })} />`}
    ${onRemove && html`<${Button} icon="x" label=${t("routing.removeAction")} onClick=${onRemove} />`}
  </div>`;
}

// ── Dry run ──────────────────────────────────────────────────────────────────────────────────────────────────────

function DryRun({ place, rules }) {
  const [tags, setTags] = useState([]);
  const [outcome, setOutcome] = useState(null);
  const { submit, busy, error } = useSubmit(async (form) => {
    const hour = form.get("hour");
    const facts = { channel: form.get("channel"), priority: form.get("priority"), text: form.get("text"), language: form.get("language").trim() || null, tags };
    setOutcome(await api.post("/routing/rules/dry-run", hour === "" ? facts : { ...facts, hour: Number(hour) }));
  });
  const { effects } = outcome ?? {};
  return html`<section class="card wide-card">
    <h2>${t("routing.try")}</h2>
    <p class="help">${t("routing.tryHelp")}</p>
    <form class="fields" onSubmit=${submit}>
      <${Field} label=${t("routingField.text")} name="text" maxlength="2000" dir="auto" />
      <div class="two">
        <${Field} as="select" label=${t("routingField.channel")} name="channel">
          ${(place.types.length ? place.types : ["widget"]).map((type) => html`<option key=${type} value=${type === "widget" ? "chat" : type}>${channelName(type.toUpperCase())}</option>`)}
        <//>
        <${Field} as="select" label=${t("routingField.priority")} name="priority">
          ${PRIORITIES.map((each) => html`<option key=${each} value=${each} selected=${each === "normal"}>${t(`priority.${each.toUpperCase()}`)}</option>`)}
        <//>
        <${Field} label=${t("routingField.language")} name="language" maxlength="16" placeholder="pt" />
        <${Field} as="select" label=${t("routingField.hour")} name="hour">
          <option value="">${t("routing.now")}</option>${HOURS.map((hour) => html`<option key=${hour} value=${hour}>${hour}:00</option>`)}
        <//>
      </div>
      <${Chips} label=${t("routingField.tag")} items=${tags} onChange=${setTags} />
      <${FormError} error=${error} />
      <div><${Button} type="submit" icon="play" busy=${busy}>${t("routing.run")}<//></div>
    </form>
    <div role="status">
      ${outcome &&
      html`<dl class="facts outcome">
        <div><dt>${t("routing.matched")}</dt><dd>${outcome.rules.length ? outcome.rules.map(({ id }) => rules.findIndex((rule) => rule.id === id) + 1).join(", ") : t("routing.noMatch")}</dd></div>
        ${effects.agent_group && html`<div><dt>${t("routingAction.assign_to_agent_group")}</dt><dd><bdi>${nameOf(place.teams, effects.agent_group)}</bdi></dd></div>`}
        ${effects.agent_id && html`<div><dt>${t("routingAction.assign_to_agent")}</dt><dd><bdi>${nameOf(place.assignees, effects.agent_id)}</bdi></dd></div>`}
        ${effects.priority && html`<div><dt>${t("routingAction.set_priority")}</dt><dd>${t(`priority.${effects.priority.toUpperCase()}`)}</dd></div>`}
        ${effects.tags.length > 0 && html`<div><dt>${t("routingAction.add_tag")}</dt><dd><bdi>${effects.tags.join(", ")}</bdi></dd></div>`}
      </dl>`}
    </div>
  </section>`;
}
