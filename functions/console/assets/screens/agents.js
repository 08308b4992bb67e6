// Who answers by itself: AI agents, with a chat to try each out before customers meet it.
import { html, useRef, useState } from "../vendor/preact.js";
import { api, goTo, may, pathTo, t } from "../core.js";
import { Button, confirmed, Empty, Failure, Field, fieldError, Icon, Skeleton, Switch, toast, toastError, useLoad } from "../ui.js";
import { FormError, PageHeader, useSubmit } from "./setup_parts.js";

const HOME = pathTo(["agents"]);
const LONGEST_REST = 3600;

export default function Agents({ parts }) {
  const [id] = parts;
  if (!id) return html`<${List} />`;
  return html`<${Agent} key=${id} id=${id} />`;
}

function List() {
  const { value, error, reload } = useLoad(async () => (await api.get("/api/agents")).agents, []);
  const isAdmin = may("admin");
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("nav.agents")}>
      ${isAdmin && html`<a class="button primary" href=${pathTo(["agents", "new"])}><${Icon} name="plus" /><span>${t("agents.add")}</span></a>`}
    <//>
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!value && !error && html`<${Skeleton} lines=${4} />`}
    ${value?.length === 0 && html`<${Empty} icon="bot" title=${t("agents.none")}><p>${t("agents.noneHelp")}</p><//>`}
    <ul class="cards">
      ${value?.map(
        (agent) => html`<li key=${agent.id} class="card channel-card">
          <span class="card-icon"><${Icon} name="bot" size=${22} /></span>
          <div>
            <h2><a class="whole" href=${pathTo(["agents", agent.id])}><bdi>${agent.name}</bdi></a></h2>
            <small>${agent.model ?? t(`agentKind.${agent.kind.toLowerCase()}`)}</small>
          </div>
          <span class=${`status ${agent.active ? "good" : "idle"}`}>${t(agent.active ? "agents.active" : "agents.inactive")}</span>
          ${agent.prompt && html`<p class="help clamp">${agent.prompt}</p>`}
        </li>`,
      )}
    </ul>
  </main>`;
}

function Agent({ id }) {
  const isNew = id === "new";
  const { value, error, reload } = useLoad(
    async () => (isNew ? { name: "", prompt: "", active: true, cooldownSeconds: 0, kind: "ai" } : api.get(`/api/agents/${id}`)),
    [id],
  );
  const title = isNew ? t("agents.add") : (value?.name ?? " ");
  return html`<main id="main" class="page">
    <${PageHeader} title=${title} back=${HOME} />
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!value && !error && html`<${Skeleton} lines=${8} />`}
    ${value &&
    html`<div class="side-by-side">
      <${Form} agent=${value} isNew=${isNew} onDone=${reload} />
      ${!isNew && may("admin") && value.kind.toLowerCase() === "ai" && html`<${TestChat} id=${id} />`}
    </div>`}
  </main>`;
}

function Form({ agent, isNew, onDone }) {
  const [active, setActive] = useState(agent.active);
  const mayChange = may("admin");
  const { submit, busy, error } = useSubmit(async (form) => {
    const text = (name) => form.get(name).trim() || null;
    const fields = {
      name: text("name"),
      prompt: form.get("prompt"),
      model: text("model"),
      temperature: form.get("temperature") === "" ? null : Number(form.get("temperature")),
      cooldownSeconds: Number(form.get("cooldown")),
      active,
    };
    const saved = isNew ? await api.post("/api/agents", fields) : await api.patch(`/api/agents/${agent.id}`, fields);
    toast(t("saved"));
    if (isNew) goTo(pathTo(["agents", saved.id]));
    else onDone();
  });
  const remove = async () => {
    if (!(await confirmed(t("agents.remove"), t("agents.removeHelp", { name: agent.name }), t("agents.remove")))) return;
    await api.delete(`/api/agents/${agent.id}`).then(() => goTo(HOME), toastError);
  };
  return html`<section class="card">
    <form onSubmit=${submit}>
      <fieldset class="fields" disabled=${!mayChange}>
        <legend class="visually-hidden">${t("agents.form")}</legend>
        <${Field} label=${t("agents.name")} name="name" defaultValue=${agent.name} maxlength="100" required error=${fieldError(error, "name")} />
        <${Field} as="textarea" label=${t("agents.prompt")} help=${t("agents.promptHelp")} name="prompt" rows="8" defaultValue=${agent.prompt} error=${fieldError(error, "prompt")} />
        <${Field} label=${t("agents.model")} help=${t("agents.modelHelp")} name="model" defaultValue=${agent.model ?? ""} error=${fieldError(error, "model")} />
        <div class="two">
          <${Field} label=${t("agents.temperature")} help=${t("agents.temperatureHelp")} name="temperature" type="number" min="0" max="2" step="0.1" defaultValue=${agent.temperature ?? ""} error=${fieldError(error, "temperature")} />
          <${Field} label=${t("agents.cooldown")} help=${t("agents.cooldownHelp")} name="cooldown" type="number" min="0" max=${LONGEST_REST} required defaultValue=${agent.cooldownSeconds} error=${fieldError(error, "cooldownSeconds")} />
        </div>
        <${Switch} label=${t("agents.active")} checked=${active} disabled=${!mayChange} onChange=${setActive} />
        ${agent.tools?.length > 0 && html`<p class="help">${t("agents.tools", { names: agent.tools.map(({ name }) => name).join(", ") })}</p>`}
        <${FormError} error=${error} />
        ${mayChange &&
        html`<div class="actions">
          <${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//>
          ${!isNew && html`<${Button} kind="danger" icon="trash-2" onClick=${remove}>${t("agents.remove")}<//>`}
        </div>`}
      </fieldset>
    </form>
  </section>`;
}

function TestChat({ id }) {
  const [lines, setLines] = useState([]);
  const [busy, setBusy] = useState(false);
  const input = useRef();
  const send = async (event) => {
    event.preventDefault();
    const text = input.current.value.trim();
    if (!text || busy) return;
    const asked = [...lines, { role: "user", text }];
    setLines(asked);
    setBusy(true);
    input.current.value = "";
    try {
      const messages = asked.filter((line) => line.text).map(({ role, text: said }) => ({ role, text: said }));
      const answer = await api.post(`/api/agents/${id}/try`, { messages: messages.slice(-39) });
      setLines([...asked, { ...answer, role: "assistant" }]);
    } catch (failure) {
      setLines(lines);
      input.current.value = text;
      toastError(failure);
    }
    setBusy(false);
    input.current.focus();
  };
  return html`<section class="card test-chat">
    <header><h2>${t("agents.try")}</h2>${lines.length > 0 && html`<${Button} kind="link" onClick=${() => setLines([])}>${t("agents.tryAgain")}<//>`}</header>
    <p class="help">${t("agents.tryHelp")}</p>
    <div role="log" aria-label=${t("agents.try")} tabindex="0"><ol>
      ${lines.map(
        (line, index) => html`<li key=${index} class=${line.role}>
          <span class="visually-hidden">${t(line.role === "user" ? "author.me" : "author.bot")}: </span>
          <p>${line.text || "–"}</p>
          ${line.isEcho && html`<small>${t("agents.echo")}</small>`}
          ${line.toolCalls?.map((call) => html`<small key=${call.name}>${t("agents.toolCall", { name: call.name })} <code>${String(call.arguments)}</code></small>`)}
          ${line.handOverReason && html`<small>${t("agents.handsOver", { reason: line.handOverReason })}</small>`}
        </li>`,
      )}
      ${busy && html`<li class="assistant"><p aria-label=${t("loading")}>…</p></li>`}
    </ol></div>
    <form onSubmit=${send} class="one-line">
      <input ref=${input} aria-label=${t("agents.tryText")} placeholder=${t("agents.tryText")} maxlength="4000" autocomplete="off" />
      <${Button} icon="send" type="submit" label=${t("agents.trySend")} busy=${busy} />
    </form>
  </section>`;
}
