// Who may write to the business, and a check of what becomes of an address.
import { html, useState } from "../vendor/preact.js";
import { api, may, t } from "../core.js";
import { Button, Dialog, Empty, Failure, Field, fieldError, Skeleton, toast, toastError, useLoad } from "../ui.js";
import { nameIn, Scope, scopes } from "./form_parts.js";
import { FormError, useSubmit } from "./setup_parts.js";

const KINDS = ["address", "prefix", "country", "tag"];
const EXAMPLES = { address: "+5511988887777", prefix: "+882", country: "BR", tag: "spam" };

async function load() {
  const [{ rules }, { channels }] = await Promise.all([api.get("/api/access/rules"), scopes()]);
  return { rules, channels };
}

const ruleText = ({ effect, kind, value }) => (value === "*" ? t(`access.${effect}All`) : `${t(`access.${effect}`)} ${t(`access.kind.${kind}`)} ${value}`);

export default function Access() {
  const { value, error, reload } = useLoad(load, []);
  const [edited, setEdited] = useState(null);
  if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Skeleton} kind="rows" lines=${3} />`;
  const { rules, channels } = value;
  const remove = async (rule) => {
    const { effect, kind, value: matched, channelId, note } = rule;
    const undo = () => api.post("/api/access/rules", { effect, kind, value: matched, channelId, note }).then(reload, toastError);
    await api.delete(`/api/access/rules/${rule.id}`).then(() => {
      toast(t("access.removed"), { undo });
      reload();
    }, toastError);
  };
  return html`<section class="card wide-card">
      <div class="card-header">
        <p class="help">${t("access.help")}</p>
        ${may("admin") && html`<${Button} kind="primary" icon="plus" onClick=${() => setEdited({})}>${t("access.add")}<//>`}
      </div>
      ${rules.length === 0 && html`<${Empty} icon="shield-alert" title=${t("access.none")}><p>${t("access.noneHelp")}</p><//>`}
      <ul class="rows">
        ${rules.map(
          (rule) => html`<li key=${rule.id}>
            <span class=${`status ${rule.effect === "allow" ? "good" : "bad"}`}>${t(`access.is.${rule.effect}`)}</span>
            <div>
              <bdi>${ruleText(rule)}</bdi>
              <small>${rule.channelId ? nameIn(channels, rule.channelId) : t("scope.allChannels")}${rule.note && html` · <bdi>${rule.note}</bdi>`}</small>
            </div>
            ${may("admin") &&
            html`<${Button} icon="pencil" label=${t("access.changeNamed", { name: ruleText(rule) })} onClick=${() => setEdited(rule)} /><${Button} icon="trash-2" label=${t("remove.named", { name: ruleText(rule) })} onClick=${() => remove(rule)} />`}
          </li>`,
        )}
      </ul>
    </section>
    <${Check} channels=${channels} />
    ${edited &&
    html`<${Edit}
      rule=${edited} channels=${channels} onClose=${() => setEdited(null)}
      onDone=${() => {
        setEdited(null);
        reload();
      }}
    />`}`;
}

function Check({ channels }) {
  const [result, setResult] = useState(null);
  const { submit, busy, error } = useSubmit(async (form) => {
    setResult(null);
    setResult(await api.post("/api/access/check", { address: form.get("address").trim(), channelId: form.get("channel") || null }));
  });
  return html`<section class="card">
    <h2>${t("access.check")}</h2>
    <form class="fields" onSubmit=${submit}>
      <div class="two">
        <${Field} label=${t("access.address")} name="address" required maxlength="200" placeholder=${EXAMPLES.address} error=${fieldError(error, "address")} />
        <${Scope} name="channel" label=${t("filter.channel")} all=${t("scope.allChannels")} entries=${channels} error=${fieldError(error, "channelId")} />
      </div>
      <${FormError} error=${error} />
      <div><${Button} type="submit" busy=${busy}>${t("access.checkNow")}<//></div>
    </form>
    <p role="status">
      ${result &&
      html`<span class=${`status ${result.allowed ? "good" : "bad"}`}>${t(result.allowed ? "access.mayWrite" : "access.mayNotWrite")}</span>
        <small><bdi>${result.rule ? ` ${ruleText(result.rule)}` : ` ${t("access.noRule")}`}</bdi></small>`}
    </p>
  </section>`;
}

function Edit({ rule, channels, onClose, onDone }) {
  const [kind, setKind] = useState(rule.kind ?? "address");
  const { submit, busy, error } = useSubmit(async (form) => {
    const fields = {
      effect: form.get("effect"),
      kind,
      value: form.get("value").trim(),
      channelId: form.get("channel") || null,
      note: form.get("note").trim() || null,
    };
    if (rule.id) await api.patch(`/api/access/rules/${rule.id}`, fields);
    else await api.post("/api/access/rules", fields);
    toast(t("saved"));
    onDone();
  });
  return html`<${Dialog} title=${t(rule.id ? "access.change" : "access.add")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Field} as="select" label=${t("access.effect")} name="effect">
        ${["block", "allow"].map((each) => html`<option key=${each} value=${each} selected=${each === (rule.effect ?? "block")}>${t(`access.${each}`)}</option>`)}
      <//>
      <${Field} as="select" label=${t("access.whom")} value=${kind} onChange=${(event) => setKind(event.target.value)}>
        ${KINDS.map((each) => html`<option key=${each} value=${each} selected=${each === kind}>${t(`access.kind.${each}`)}</option>`)}
      <//>
      <${Field} label=${t("routing.value")} help=${t(`access.kindHelp.${kind}`)} name="value" required maxlength="200" placeholder=${EXAMPLES[kind]} defaultValue=${rule.value ?? ""} error=${fieldError(error, "value")} />
      <${Scope} name="channel" label=${t("filter.channel")} all=${t("scope.allChannels")} value=${rule.channelId} entries=${channels} error=${fieldError(error, "channelId")} />
      <${Field} label=${t("access.note")} name="note" maxlength="500" dir="auto" defaultValue=${rule.note ?? ""} error=${fieldError(error, "note")} />
      <${FormError} error=${error} />
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></footer>
    </form>
  <//>`;
}
