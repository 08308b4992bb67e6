// What the screens for setting things up share.
import { html, useState } from "../vendor/preact.js";
import { t } from "../core.js";
import { Button, Icon, toast, toastError } from "../ui.js";

/** The head of a page: its title, the way back, and what can be done beside it. */
export function PageHeader({ title, back, children }) {
  return html`<header>
    <div class="page-title">
      ${back && html`<a class="button icon-only" href=${back} aria-label=${t("back")} title=${t("back")}><${Icon} name="arrow-left" /></a>`}
      <h1><bdi>${title}</bdi></h1>
    </div>
    ${children}
  </header>`;
}

/** How a form is sent: `submit` belongs to the form, `busy` lasts as long as `send`, and `error` is what that met. */
export function useSubmit(send) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await send(new FormData(event.target));
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  return { submit, busy, error };
}

/** What the hub said against a form as a whole. */
export const FormError = ({ error }) => error && html`<p class="error" role="alert">${error.message}</p>`;

/** A text to take along. Without TLS browsers have no clipboard: then it is selected, to be copied by hand. */
export function Copyable({ text, label }) {
  const copy = () => navigator.clipboard.writeText(text).then(() => toast(t("copied")), toastError);
  return html`<div class="copyable">
    <input readonly value=${text} aria-label=${label} onFocus=${(event) => event.target.select()} />
    ${navigator.clipboard && html`<${Button} icon="copy" onClick=${copy}>${t("copy")}<//>`}
  </div>`;
}
