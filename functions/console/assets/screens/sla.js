// How soon customers are promised an answer, and the end of a conversation.
import { html, useState } from "../vendor/preact.js";
import { api, formatNumber, may, t } from "../core.js";
import { Button, confirmed, Dialog, Empty, Failure, Field, fieldError, Skeleton, Switch, toast, toastError, useLoad } from "../ui.js";
import { nameIn, Scope, scopes } from "./form_parts.js";
import { FormError, useSubmit } from "./setup_parts.js";

const PRIORITIES = ["LOW", "NORMAL", "HIGH", "URGENT"];
const TARGETS = ["firstAnswerMinutes", "nextAnswerMinutes", "resolutionMinutes"];

async function load() {
  const [{ slaPolicies }, places] = await Promise.all([api.get("/api/sla-policies"), scopes()]);
  return { policies: slaPolicies, ...places };
}

/** Minutes in the largest unit that leaves no rest. */
function duration(minutes) {
  if (minutes % 1440 === 0) return t("elapsed.days", { number: formatNumber(minutes / 1440) });
  if (minutes % 60 === 0) return t("elapsed.hours", { number: formatNumber(minutes / 60) });
  return t("elapsed.minutes", { number: formatNumber(minutes) });
}

export default function Policies() {
  const { value, error, reload } = useLoad(load, []);
  const [edited, setEdited] = useState(null);
  if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Skeleton} kind="rows" lines=${3} />`;
  const remove = async ({ id, name }) => {
    if (await confirmed(t("sla.remove"), t("sla.removeHelp", { name }), t("sla.remove"))) await api.delete(`/api/sla-policies/${id}`).then(reload, toastError);
  };
  const promises = (policy) => TARGETS.filter((target) => policy[target]).map((target) => `${t(`sla.${target}`)}: ${duration(policy[target])}`).join(" · ");
  const holdsFor = ({ teamId, channelId, priority }) =>
    [teamId && nameIn(value.teams, teamId), channelId && nameIn(value.channels, channelId), priority && t(`priority.${priority}`)].filter(Boolean).join(" · ") || t("scope.all");
  return html`<section class="card wide-card">
      <div class="card-header">
        <p class="help">${t("sla.help")}</p>
        ${may("admin") && html`<${Button} kind="primary" icon="plus" onClick=${() => setEdited({})}>${t("sla.add")}<//>`}
      </div>
      ${value.policies.length === 0 && html`<${Empty} icon="timer" title=${t("sla.none")}><p>${t("sla.noneHelp")}</p><//>`}
      <ul class="rows">
        ${value.policies.map(
          (policy) => html`<li key=${policy.id}>
            <div>
              <strong><bdi>${policy.name}</bdi></strong>
              <small>${promises(policy)}</small>
              <small><bdi>${holdsFor(policy)}</bdi> · ${t(policy.inBusinessTime ? "sla.businessTime" : "sla.anyTime")}</small>
            </div>
            ${may("admin") &&
            html`<${Button} icon="pencil" label=${t("sla.change", { name: policy.name })} onClick=${() => setEdited(policy)} /><${Button} icon="trash-2" label=${t("remove.named", { name: policy.name })} onClick=${() => remove(policy)} />`}
          </li>`,
        )}
      </ul>
    </section>
    ${edited &&
    html`<${Edit}
      policy=${edited} places=${value} onClose=${() => setEdited(null)}
      onDone=${() => {
        setEdited(null);
        reload();
      }}
    />`}`;
}

function Edit({ policy, places, onClose, onDone }) {
  const [inBusinessTime, setBusinessTime] = useState(policy.inBusinessTime ?? true);
  const { submit, busy, error } = useSubmit(async (form) => {
    const minutes = (name) => (form.get(name) === "" ? null : Number(form.get(name)));
    const fields = {
      name: form.get("name").trim(),
      teamId: form.get("team") || null,
      channelId: form.get("channel") || null,
      priority: form.get("priority") || null,
      ...Object.fromEntries(TARGETS.map((target) => [target, minutes(target)])),
      inBusinessTime,
      warnBeforeMinutes: minutes("warnBeforeMinutes"),
    };
    if (policy.id) await api.patch(`/api/sla-policies/${policy.id}`, fields);
    else await api.post("/api/sla-policies", fields);
    toast(t("saved"));
    onDone();
  });
  return html`<${Dialog} title=${policy.id ? t("sla.change", { name: policy.name }) : t("sla.add")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Field} label=${t("settings.name")} name="name" maxlength="100" required autofocus defaultValue=${policy.name ?? ""} error=${fieldError(error, "name")} />
      ${TARGETS.map((target) => html`<${Field} key=${target} label=${`${t(`sla.${target}`)} (${t("sla.minutes")})`} name=${target} type="number" min="1" max="43200" defaultValue=${policy[target] ?? ""} error=${fieldError(error, target)} />`)}
      <${Field} label=${`${t("sla.warn")} (${t("sla.minutes")})`} help=${t("sla.warnHelp")} name="warnBeforeMinutes" type="number" min="0" max="43200" defaultValue=${policy.warnBeforeMinutes ?? ""} error=${fieldError(error, "warnBeforeMinutes")} />
      <${Switch} label=${t("sla.inBusinessTime")} help=${t("sla.inBusinessTimeHelp")} checked=${inBusinessTime} onChange=${setBusinessTime} />
      <div class="two">
        <${Scope} name="team" label=${t("filter.team")} all=${t("scope.all")} value=${policy.teamId} entries=${places.teams} error=${fieldError(error, "teamId")} />
        <${Scope} name="channel" label=${t("filter.channel")} all=${t("scope.all")} value=${policy.channelId} entries=${places.channels} error=${fieldError(error, "channelId")} />
        <${Scope} name="priority" label=${t("priority")} all=${t("scope.all")} value=${policy.priority} entries=${PRIORITIES.map((id) => ({ id, name: t(`priority.${id}`) }))} error=${fieldError(error, "priority")} />
      </div>
      <${FormError} error=${error} />
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></footer>
    </form>
  <//>`;
}
