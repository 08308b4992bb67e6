// The journey of one message: what the hub did with it, when and why.
import { html } from "../vendor/preact.js";
import { api, dateAndTime, language, t, tOr } from "../core.js";
import { Button, Dialog, Failure, Skeleton, useLoad } from "../ui.js";

/** A dialog with all steps of a message. */
export default function Journey({ messageId, onClose }) {
  const { value, error, reload } = useLoad((signal) => api.get(`/api/messages/${messageId}/journey`, {}, { signal }), [messageId]);
  const actions = html`<${Button} kind="primary" onClick=${onClose}>${t("close")}<//>`;
  return html`<${Dialog} title=${t("journey.title")} onClose=${onClose} actions=${actions}>
    ${error ? html`<${Failure} error=${error} onRetry=${reload} />` : !value ? html`<${Skeleton} lines=${5} />` : html`<${Steps} ...${value} />`}
  <//>`;
}

function Steps({ steps, explanation, traceId }) {
  return html`${language.value === "en" && html`<p><strong>${explanation}</strong></p>`}
    <ol class="journey">
      ${steps.map(
        (step, index) => html`<li key=${index}>
          <strong>${t(`journey.step.${step.name}`)}</strong>
          ${step.at && html` <time>${dateAndTime(step.at)}</time>`}
          ${step.code && html`<p>${tOr(`reason.${step.code}`, step.text)}</p>`}
          ${step.tools.length > 0 && html`<p>${step.tools.join(", ")}</p>`}
          ${step.answer && html`<p class="help" dir="auto">${step.answer}</p>`}
        </li>`,
      )}
    </ol>
    ${traceId && html`<p class="help">${t("journey.trace")}: <code>${traceId}</code></p>`}`;
}
