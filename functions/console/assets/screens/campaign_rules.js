// What holds for all campaigns: the hours in which nothing is sent, and how many messages somebody gets.
import { html, useState } from "../vendor/preact.js";
import { api, may, t } from "../core.js";
import { Button, Dialog, Field, fieldError, Icon, Switch, toast, useLoad } from "../ui.js";
import { FormError, useSubmit } from "./setup_parts.js";

export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The rules in words. */
export function rulesText({ quietHours, campaignCap }) {
  const quiet = quietHours
    ? t(quietHours.byCustomer ? "campaigns.quietByCustomer" : "campaigns.quiet", { from: quietHours.start, to: quietHours.end, zone: quietHours.zone })
    : t("campaigns.noQuiet");
  const cap = campaignCap ? t("campaigns.cap", { count: campaignCap.messages, days: campaignCap.days }) : t("campaigns.noCap");
  return `${quiet} ${cap}`;
}

/** The rules of the business, and for admins the way to change them. */
export function SendingRules() {
  const { value, reload } = useLoad(() => api.get("/api/settings"), []);
  const [isOpen, setOpen] = useState(false);
  if (!value) return html`<p class="page-note"> </p>`;
  return html`<p class="page-note">
      <${Icon} name="clock" size=${16} /><span>${rulesText(value)}</span>
      ${may("admin") && html`<${Button} kind="link" onClick=${() => setOpen(true)}>${t("campaigns.changeRules")}<//>`}
    </p>
    ${isOpen &&
    html`<${Rules}
      settings=${value} onClose=${() => setOpen(false)}
      onDone=${() => {
        setOpen(false);
        reload();
      }}
    />`}`;
}

function Rules({ settings, onClose, onDone }) {
  const { quietHours, campaignCap } = settings;
  const [hasQuiet, setQuiet] = useState(Boolean(quietHours));
  const [byCustomer, setByCustomer] = useState(quietHours?.byCustomer ?? true);
  const [hasCap, setCap] = useState(Boolean(campaignCap));
  const { submit, busy, error } = useSubmit(async (form) => {
    const quiet = hasQuiet ? { start: form.get("start"), end: form.get("end"), zone: form.get("zone").trim(), byCustomer } : null;
    const cap = hasCap ? { messages: Number(form.get("messages")), days: Number(form.get("days")) } : null;
    await api.patch("/api/settings", { quietHours: quiet, campaignCap: cap });
    toast(t("saved"));
    onDone();
  });
  return html`<${Dialog} title=${t("campaigns.rules")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Switch} label=${t("campaigns.hasQuiet")} help=${t("campaigns.hasQuietHelp")} checked=${hasQuiet} onChange=${setQuiet} />
      ${hasQuiet &&
      html`<div class="two">
          <${Field} label=${t("campaigns.from")} name="start" type="time" required defaultValue=${quietHours?.start ?? "21:00"} error=${fieldError(error, "quietHours.start")} />
          <${Field} label=${t("campaigns.to")} name="end" type="time" required defaultValue=${quietHours?.end ?? "08:00"} error=${fieldError(error, "quietHours.end")} />
        </div>
        <${ZoneField} name="zone" value=${quietHours?.zone ?? ownZone()} error=${fieldError(error, "quietHours.zone")} />
        <${Switch} label=${t("campaigns.byCustomer")} help=${t("campaigns.byCustomerHelp")} checked=${byCustomer} onChange=${setByCustomer} />`}
      <${Switch} label=${t("campaigns.hasCap")} help=${t("campaigns.hasCapHelp")} checked=${hasCap} onChange=${setCap} />
      ${hasCap &&
      html`<div class="two">
        <${Field} label=${t("campaigns.capMessages")} name="messages" type="number" min="1" max="1000" required defaultValue=${campaignCap?.messages ?? 2} error=${fieldError(error, "campaignCap.messages")} />
        <${Field} label=${t("campaigns.capDays")} name="days" type="number" min="1" max="90" required defaultValue=${campaignCap?.days ?? 7} error=${fieldError(error, "campaignCap.days")} />
      </div>`}
      <${FormError} error=${error} />
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></footer>
    </form>
  <//>`;
}

/** A time zone, with those that the browser knows to choose from. */
export function ZoneField({ name, value, error, disabled }) {
  const zones = Intl.supportedValuesOf?.("timeZone") ?? [];
  return html`<${Field} label=${t("zone")} help=${t("zone.help")} name=${name} list="zones" required maxlength="64" autocomplete="off" defaultValue=${value} error=${error} disabled=${disabled} />
    <datalist id="zones">${zones.map((zone) => html`<option key=${zone} value=${zone}></option>`)}</datalist>`;
}
