// What a person chooses for themselves, and what an administrator says of the business.
import { html, useState } from "../vendor/preact.js";
import {
  api, beginSession, BY_COOKIE, cannedReplies, desktopNotices, language, LANGUAGES, may, me, pathTo, saveProfile, session, sounds, t, theme, THEMES, zone,
} from "../core.js";
import { Button, Dialog, Failure, Field, fieldError, Skeleton, Switch, toast, toastError, useLoad } from "../ui.js";
import { FormError, useSubmit } from "./setup_parts.js";

const LEAST_PASSWORD = 8;

/** Change something of one's own, and say what the hub says against it. */
const change = (changes) => saveProfile(changes).catch(toastError);

export default function Settings() {
  return html`<main id="main" class="page">
    <header><h1>${t("nav.settings")}</h1></header>
    <${Profile} />
    <section class="card">
      <h2>${t("settings.display")}</h2>
      <${Field} as="select" label=${t("settings.language")} value=${language.value} onChange=${(event) => change({ language: event.target.value })}>
        ${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}
      <//>
      <${ZoneField} label=${t("settings.zone")} none=${t("settings.zoneBrowser")} value=${zone.value} onChange=${(event) => change({ timeZone: event.target.value || null })} />
      <${Field} as="select" label=${t("settings.theme")} value=${theme.value} onChange=${(event) => (theme.value = event.target.value)}>
        ${THEMES.map((name) => html`<option key=${name} value=${name}>${t(`theme.${name}`)}</option>`)}
      <//>
    </section>
    <section class="card">
      <h2>${t("settings.notices")}</h2>
      <${Switch} label=${t("settings.sounds")} help=${t("settings.soundsHelp")} checked=${sounds.value === "on"} onChange=${(isOn) => change({ sounds: isOn })} />
      ${"Notification" in window &&
      html`<${Switch} label=${t("settings.desktop")} help=${t(Notification.permission === "denied" ? "settings.desktopDenied" : "settings.desktopHelp")} checked=${desktopNotices.value === "on"} disabled=${Notification.permission === "denied"} onChange=${allowNotices} />`}
    </section>
    ${may("admin") && html`<${Business} />`}
    ${may("agent") && html`<${CannedReplies} />`}
    ${may("owner") &&
    html`<section class="card">
      <h2>${t("erasures.title")}</h2>
      <p class="help">${t("erasures.help")}</p>
      <div><a class="button" href=${pathTo(["erasures"])}>${t("erasures.open")}</a></div>
    </section>`}
    <${Password} />
  </main>`;
}

function ZoneField({ none, value, ...rest }) {
  const zones = Intl.supportedValuesOf("timeZone");
  return html`<${Field} as="select" value=${value} ...${rest}>
    <option value="">${none}</option>
    ${(value && !zones.includes(value) ? [value, ...zones] : zones).map((name) => html`<option key=${name} value=${name}>${name.replaceAll("_", " ")}</option>`)}
  <//>`;
}

function Profile() {
  const { user, tenant } = session.value;
  const { submit, busy, error } = useSubmit(async (form) => {
    await saveProfile({ name: form.get("name").trim() || null });
    toast(t("saved"));
  });
  return html`<section class="card">
    <h2>${t("settings.profile")}</h2>
    <dl class="custom-fields">
      <div><dt>${t("signIn.email")}</dt><dd>${user.email}</dd></div>
      <div><dt>${t("settings.role")}</dt><dd>${t(`role.${me.value.role.toLowerCase()}`)}</dd></div>
      <div><dt>${t("settings.business")}</dt><dd><bdi>${tenant.name}</bdi></dd></div>
    </dl>
    <form class="fields" onSubmit=${submit}>
      <${Field} label=${t("settings.name")} help=${t("settings.nameHelp")} name="name" defaultValue=${user.name ?? ""} maxlength="100" dir="auto" autocomplete="name" error=${fieldError(error, "name")} />
      <${FormError} error=${error} />
      <div><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></div>
    </form>
  </section>`;
}

/** What holds for everybody of the business. */
function Business() {
  const load = async () => {
    const [business, settings] = await Promise.all([api.get("/api/tenant"), api.get("/api/settings")]);
    return { business, settings };
  };
  const { value, error: failure, reload } = useLoad(load, []);
  const { submit, busy, error } = useSubmit(async (form) => {
    const days = form.get("days").trim();
    const business = await api.patch("/api/tenant", { name: form.get("name").trim(), timeZone: form.get("zone") || null });
    await api.patch("/api/settings", { filesKeptDays: days ? Number(days) : null });
    session.value = { ...session.peek(), tenant: { ...session.peek().tenant, name: business.name } };
    toast(t("saved"));
  });
  return html`<section class="card">
    <h2>${t("settings.business")}</h2>
    ${failure && html`<${Failure} error=${failure} onRetry=${reload} />`}
    ${!value && !failure && html`<${Skeleton} lines=${4} />`}
    ${value &&
    html`<form class="fields" onSubmit=${submit}>
      <${Field} label=${t("settings.businessName")} name="name" defaultValue=${value.business.name} maxlength="100" dir="auto" required error=${fieldError(error, "name")} />
      <${ZoneField} label=${t("settings.zone")} none=${t("settings.zoneNone")} name="zone" value=${value.business.timeZone ?? ""} error=${fieldError(error, "timeZone")} />
      <${Field} label=${t("settings.filesKept")} help=${t("settings.filesKeptHelp")} name="days" type="number" min="7" max="3650" defaultValue=${value.settings.filesKeptDays ?? ""} error=${fieldError(error, "filesKeptDays")} />
      <${FormError} error=${error} />
      <div><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></div>
    </form>`}
  </section>`;
}

/** Texts that people send again and again; `/` finds them in the composer. */
function CannedReplies() {
  const { value, error, reload } = useLoad(cannedReplies, []);
  const [editing, setEditing] = useState(null);
  const changed = () => {
    cannedReplies.forget();
    reload();
  };
  const remove = (reply) =>
    api.delete(`/api/canned-replies/${reply.id}`).then(() => {
      const { shortCode, text } = reply;
      toast(t("canned.removed"), { undo: () => api.post("/api/canned-replies", { shortCode, text }).then(changed, toastError) });
      changed();
    }, toastError);
  return html`<section class="card">
    <h2>${t("canned.title")}</h2>
    <p class="help">${t("canned.help")}</p>
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${value &&
    html`<ul class="history">
      ${value.map(
        (reply) => html`<li key=${reply.id}>
          <span class="canned"><strong>/${reply.shortCode}</strong><span dir="auto">${reply.text}</span></span>
          <${Button} icon="pencil" label=${t("canned.edit", { code: reply.shortCode })} onClick=${() => setEditing(reply)} />
          <${Button} icon="trash-2" label=${t("canned.remove", { code: reply.shortCode })} onClick=${() => remove(reply)} />
        </li>`,
      )}
    </ul>`}
    <div><${Button} icon="plus" onClick=${() => setEditing({})}>${t("canned.add")}<//></div>
    ${editing && html`<${CannedReply} reply=${editing} onClose=${() => setEditing(null)} onSaved=${changed} />`}
  </section>`;
}

function CannedReply({ reply, onClose, onSaved }) {
  const [error, setError] = useState(null);
  const save = async (event) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.target));
    try {
      await (reply.id ? api.patch(`/api/canned-replies/${reply.id}`, body) : api.post("/api/canned-replies", body));
      onSaved();
      onClose();
    } catch (refusal) {
      setError(refusal);
    }
  };
  return html`<${Dialog} title=${t(reply.id ? "canned.change" : "canned.add")} onClose=${onClose}>
    <form onSubmit=${save}>
      <${Field} label=${t("canned.code")} help=${t("canned.codeHelp")} name="shortCode" value=${reply.shortCode ?? ""} maxlength="40" required autofocus error=${fieldError(error, "shortCode")} />
      <${Field} as="textarea" label=${t("canned.text")} name="text" rows="5" dir="auto" maxlength="4096" required value=${reply.text ?? ""} error=${fieldError(error, "text")} />
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit">${t("save")}<//></footer>
    </form>
  <//>`;
}

async function allowNotices(isOn) {
  const isAllowed = isOn && (await Notification.requestPermission()) === "granted";
  desktopNotices.value = isAllowed ? "on" : "off";
}

function Password() {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const save = async (event) => {
    event.preventDefault();
    const form = event.target;
    const [currentPassword, newPassword] = ["current", "new"].map((name) => new FormData(form).get(name));
    setBusy(true);
    setError(null);
    try {
      beginSession(await api.post("/api/auth/password", { currentPassword, newPassword }, BY_COOKIE));
      form.reset();
      toast(t("password.changed"));
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return html`<section class="card">
    <h2>${t("password.title")}</h2>
    <form class="fields" onSubmit=${save}>
      <input type="text" name="username" autocomplete="username" value=${me.value.email} hidden readonly />
      <${Field} label=${t("password.current")} name="current" type="password" autocomplete="current-password" required error=${fieldError(error, "currentPassword")} />
      <${Field} label=${t("password.new")} help=${t("password.newHelp")} name="new" type="password" autocomplete="new-password" minlength=${LEAST_PASSWORD} required error=${fieldError(error, "newPassword")} />
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      <div><${Button} kind="primary" type="submit" busy=${busy}>${t("password.change")}<//></div>
    </form>
  </section>`;
}
