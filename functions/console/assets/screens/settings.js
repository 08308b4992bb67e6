// What a person chooses for themselves: language, theme, sounds, and their password.
import { html, useState } from "../vendor/preact.js";
import { api, beginSession, BY_COOKIE, desktopNotices, language, LANGUAGES, me, session, sounds, t, theme, THEMES } from "../core.js";
import { Button, Field, fieldError, Switch, toast } from "../ui.js";

const LEAST_PASSWORD = 8;

export default function Settings() {
  const { user, tenant } = session.value;
  return html`<main id="main" class="page">
    <header><h1>${t("nav.settings")}</h1></header>
    <section class="card">
      <h2>${t("settings.profile")}</h2>
      <dl class="custom-fields">
        <div><dt>${t("settings.name")}</dt><dd><bdi>${user.name ?? "–"}</bdi></dd></div>
        <div><dt>${t("signIn.email")}</dt><dd>${user.email}</dd></div>
        <div><dt>${t("settings.role")}</dt><dd>${t(`role.${me.value.role.toLowerCase()}`)}</dd></div>
        <div><dt>${t("settings.business")}</dt><dd><bdi>${tenant.name}</bdi></dd></div>
      </dl>
    </section>
    <section class="card">
      <h2>${t("settings.display")}</h2>
      <${Field} as="select" label=${t("settings.language")} value=${language.value} onChange=${(event) => (language.value = event.target.value)}>
        ${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}
      <//>
      <${Field} as="select" label=${t("settings.theme")} value=${theme.value} onChange=${(event) => (theme.value = event.target.value)}>
        ${THEMES.map((name) => html`<option key=${name} value=${name}>${t(`theme.${name}`)}</option>`)}
      <//>
    </section>
    <section class="card">
      <h2>${t("settings.notices")}</h2>
      <${Switch} label=${t("settings.sounds")} help=${t("settings.soundsHelp")} checked=${sounds.value === "on"} onChange=${(isOn) => (sounds.value = isOn ? "on" : "off")} />
      ${"Notification" in window &&
      html`<${Switch} label=${t("settings.desktop")} help=${t(Notification.permission === "denied" ? "settings.desktopDenied" : "settings.desktopHelp")} checked=${desktopNotices.value === "on"} disabled=${Notification.permission === "denied"} onChange=${allowNotices} />`}
    </section>
    <${Password} />
  </main>`;
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
