// When the business is open: a week by the clock on its wall, holidays, and what customers are told while it is closed.
import { html, useState } from "../vendor/preact.js";
import { api, dateAndTime, formatMoment, LANGUAGES, may, t } from "../core.js";
import { Button, confirmed, Dialog, Empty, Failure, Field, fieldError, Skeleton, toast, toastError, useLoad } from "../ui.js";
import { ownZone, ZoneField } from "./campaign_rules.js";
import { nameIn, Scope, scopes } from "./form_parts.js";
import { FormError, useSubmit } from "./setup_parts.js";

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const WEEK = DAYS.slice(0, 5).map((day) => ({ day, opens: "09:00", closes: "17:00" }));
const AGENT_HOURS = ["always", "inside", "outside"];

/** The name of a day of the week; the first of January 2024 was a Monday. */
const dayName = (day, style = "long") => formatMoment(new Date(2024, 0, 1 + DAYS.indexOf(day)), { weekday: style });

async function load() {
  const [{ businessHours }, settings, places] = await Promise.all([api.get("/api/business-hours"), api.get("/api/settings"), scopes()]);
  return { hours: businessHours, settings, ...places };
}

export default function Hours() {
  const { value, error, reload } = useLoad(load, []);
  const [edited, setEdited] = useState(null);
  if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Skeleton} kind="rows" lines=${3} />`;
  const setAgents = (event) => api.patch("/api/settings", { agentHours: event.target.value }).then(() => toast(t("saved")), toastError);
  const remove = async ({ id }) => {
    if (await confirmed(t("hours.remove"), t("hours.removeHelp"), t("hours.remove"))) await api.delete(`/api/business-hours/${id}`).then(reload, toastError);
  };
  return html`<section class="card wide-card">
      <div class="card-header">
        <p class="help">${t("hours.help")}</p>
        ${may("admin") && html`<${Button} kind="primary" icon="plus" onClick=${() => setEdited({})}>${t("hours.add")}<//>`}
      </div>
      ${value.hours.length === 0 && html`<${Empty} icon="clock" title=${t("hours.none")}><p>${t("hours.noneHelp")}</p><//>`}
      <ul class="rows">
        ${value.hours.map(
          (hours) => html`<li key=${hours.id}>
            <div>
              <strong><bdi>${hours.name || scopeText(hours, value)}</bdi></strong>
              <small>${weekText(hours.intervals)}</small>
              <small>${hours.name && `${scopeText(hours, value)} · `}${hours.zone}${hours.holidays.length > 0 && ` · ${t("hours.holidayCount", { count: hours.holidays.length })}`}</small>
            </div>
            <span class=${`status ${hours.isOpen ? "good" : "idle"}`} title=${nextText(hours)}>${t(hours.isOpen ? "hours.open" : "hours.closed")}</span>
            ${may("admin") &&
            html`<${Button} icon="pencil" label=${t("hours.change")} onClick=${() => setEdited(hours)} /><${Button} icon="trash-2" label=${t("hours.remove")} onClick=${() => remove(hours)} />`}
          </li>`,
        )}
      </ul>
    </section>
    <section class="card">
      <${Field} as="select" label=${t("hours.agents")} help=${t("hours.agentsHelp")} disabled=${!may("admin")} onChange=${setAgents}>
        ${AGENT_HOURS.map((each) => html`<option key=${each} value=${each} selected=${each === value.settings.agentHours}>${t(`agentHours.${each}`)}</option>`)}
      <//>
    </section>
    ${edited &&
    html`<${Edit}
      hours=${edited} places=${value} onClose=${() => setEdited(null)}
      onDone=${() => {
        setEdited(null);
        reload();
      }}
    />`}`;
}

const scopeText = ({ teamId, channelId }, { teams, channels }) => (teamId ? nameIn(teams, teamId) : channelId ? nameIn(channels, channelId) : t("scope.all"));

const nextText = ({ isOpen, opensAt, closesAt }) => {
  const next = isOpen ? closesAt : opensAt;
  return next ? t(isOpen ? "hours.closesAt" : "hours.opensAt", { time: dateAndTime(next) }) : "";
};

/** A week in a line: days that follow one another and have the same hours stand together. */
function weekText(intervals) {
  const groups = [];
  for (const day of DAYS) {
    const text = intervals.filter((each) => each.day === day).map(({ opens, closes }) => `${opens}–${closes}`).join(", ");
    if (groups.at(-1)?.text === text) groups.at(-1).last = day;
    else groups.push({ first: day, last: day, text });
  }
  const names = ({ first, last }) => (first === last ? dayName(first, "short") : `${dayName(first, "short")}–${dayName(last, "short")}`);
  return groups.filter(({ text }) => text).map((group) => `${names(group)} ${group.text}`).join(" · ") || t("hours.never");
}

function Edit({ hours, places, onClose, onDone }) {
  const [intervals, setIntervals] = useState(hours.intervals ?? WEEK);
  const [holidays, setHolidays] = useState(hours.holidays ?? []);
  const { submit, busy, error } = useSubmit(async (form) => {
    const messages = Object.keys(LANGUAGES).map((tag) => [tag, form.get(`away-${tag}`).trim()]);
    const others = Object.entries(hours.awayMessages ?? {}).filter(([tag]) => !(tag in LANGUAGES));
    const fields = {
      name: form.get("name").trim(),
      zone: form.get("zone").trim(),
      teamId: form.get("team") || null,
      channelId: form.get("channel") || null,
      intervals,
      holidays: holidays.map(({ date, name }) => ({ date, name: name.trim() })),
      awayMessage: form.get("away").trim() || null,
      awayMessages: Object.fromEntries([...others, ...messages.filter(([, text]) => text)]),
    };
    if (hours.id) await api.patch(`/api/business-hours/${hours.id}`, fields);
    else await api.post("/api/business-hours", fields);
    toast(t("saved"));
    onDone();
  });
  return html`<${Dialog} title=${t(hours.id ? "hours.change" : "hours.add")} wide onClose=${onClose}>
    <form onSubmit=${submit}>
      <div class="two">
        <${Field} label=${t("settings.name")} name="name" maxlength="100" defaultValue=${hours.name ?? ""} error=${fieldError(error, "name")} />
        <${ZoneField} name="zone" value=${hours.zone ?? ownZone()} error=${fieldError(error, "zone")} />
        <${Scope} name="team" label=${t("filter.team")} all=${t("scope.all")} value=${hours.teamId} entries=${places.teams} error=${fieldError(error, "teamId")} />
        <${Scope} name="channel" label=${t("filter.channel")} all=${t("scope.all")} value=${hours.channelId} entries=${places.channels} error=${fieldError(error, "channelId")} />
      </div>
      <${Week} intervals=${intervals} onChange=${setIntervals} />
      <${Holidays} holidays=${holidays} onChange=${setHolidays} />
      <${Field} as="textarea" rows="2" label=${t("hours.away")} help=${t("hours.awayHelp")} name="away" maxlength="1000" dir="auto" defaultValue=${hours.awayMessage ?? ""} error=${fieldError(error, "awayMessage")} />
      <details class="more">
        <summary>${t("hours.awayLanguages")}</summary>
        <div class="fields">
          ${Object.entries(LANGUAGES).map(([tag, name]) => html`<${Field} key=${tag} as="textarea" rows="2" label=${name} name=${`away-${tag}`} maxlength="1000" dir="auto" defaultValue=${hours.awayMessages?.[tag] ?? ""} />`)}
        </div>
      </details>
      <${FormError} error=${error} />
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></footer>
    </form>
  <//>`;
}

function Week({ intervals, onChange }) {
  const of = (day) => intervals.filter((each) => each.day === day);
  const replace = (day, own) => onChange(DAYS.flatMap((each) => (each === day ? own : of(each))));
  const copy = (day) => onChange(DAYS.slice(0, 5).flatMap((each) => of(day).map((interval) => ({ ...interval, day: each }))).concat(DAYS.slice(5).flatMap(of)));
  return html`<fieldset class="week">
    <legend>${t("hours.week")}</legend>
    ${DAYS.map((day) => {
      const own = of(day);
      const set = (index, changes) => replace(day, own.map((each, at) => (at === index ? { ...each, ...changes } : each)));
      return html`<div key=${day} class="day-row">
        <span>${dayName(day)}</span>
        <div>
          ${own.length === 0 && html`<span class="help">${t("hours.closed")}</span>`}
          ${own.map(
            ({ opens, closes }, index) => html`<div key=${index} class="interval">
              <input type="time" required aria-label=${t("hours.opensOn", { day: dayName(day) })} value=${opens} onInput=${(event) => set(index, { opens: event.target.value })} />
              <span aria-hidden="true">–</span>
              <input type="time" required aria-label=${t("hours.closesOn", { day: dayName(day) })} value=${closes} onInput=${(event) => set(index, { closes: event.target.value })} />
              <${Button} icon="x" label=${t("hours.removeInterval", { day: dayName(day) })} onClick=${() => replace(day, own.filter((_, at) => at !== index))} />
            </div>`,
          )}
        </div>
        <div class="day-actions">
          <${Button} icon="plus" label=${t("hours.addInterval", { day: dayName(day) })} onClick=${() => replace(day, [...own, { day, opens: own.length ? "14:00" : "09:00", closes: own.length ? "18:00" : "17:00" }])} />
          ${day === "monday" && html`<${Button} icon="copy" label=${t("hours.copy")} onClick=${() => copy(day)} />`}
        </div>
      </div>`;
    })}
  </fieldset>`;
}

function Holidays({ holidays, onChange }) {
  const [date, setDate] = useState("");
  const [isYearly, setYearly] = useState(false);
  const shown = (written) => (written.length === 5 ? formatMoment(new Date(`2024-${written}T12:00`), { day: "numeric", month: "long" }) : formatMoment(new Date(`${written}T12:00`), { dateStyle: "long" }));
  const add = () => {
    const written = isYearly ? date.slice(5) : date;
    if (!date || holidays.some((each) => each.date === written)) return;
    onChange([...holidays, { date: written, name: "" }]);
    setDate("");
  };
  const name = (index) => (event) => onChange(holidays.map((each, at) => (at === index ? { ...each, name: event.target.value } : each)));
  return html`<fieldset class="fields">
    <legend>${t("hours.holidays")}</legend>
    ${holidays.map(
      (holiday, index) => html`<div key=${holiday.date} class="holiday">
        <span>${shown(holiday.date)}${holiday.date.length === 5 && html`<small> ${t("hours.everyYear")}</small>`}</span>
        <input aria-label=${t("hours.holidayName", { date: shown(holiday.date) })} placeholder=${t("settings.name")} maxlength="100" value=${holiday.name} onInput=${name(index)} />
        <${Button} icon="x" label=${t("remove.named", { name: shown(holiday.date) })} onClick=${() => onChange(holidays.filter((_, at) => at !== index))} />
      </div>`,
    )}
    <div class="holiday new">
      <input type="date" aria-label=${t("hours.holidayDate")} value=${date} onInput=${(event) => setDate(event.target.value)} />
      <label class="check"><input type="checkbox" checked=${isYearly} onChange=${(event) => setYearly(event.target.checked)} /> ${t("hours.everyYear")}</label>
      <${Button} icon="plus" disabled=${!date} onClick=${add}>${t("hours.addHoliday")}<//>
    </div>
  </fieldset>`;
}
