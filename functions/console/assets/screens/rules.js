// What happens by itself: routing of new conversations, business hours, promised times, who may write, and the words that
// end or hand over a conversation.
import { html, useLayoutEffect } from "../vendor/preact.js";
import { goTo, pathTo, t } from "../core.js";
import { ErrorBoundary, Failure, Icon, Skeleton, useLoad } from "../ui.js";
import { PageHeader } from "./setup_parts.js";

const TABS = {
  routing: { icon: "split", load: () => import("./routing.js") },
  hours: { icon: "clock", load: () => import("./hours.js") },
  sla: { icon: "timer", load: () => import("./sla.js") },
  access: { icon: "shield-alert", load: () => import("./access.js") },
  words: { icon: "text", load: () => import("./words.js") },
};

export default function Rules({ parts }) {
  const tab = parts[0] in TABS ? parts[0] : "routing";
  useLayoutEffect(() => {
    if (parts[0] !== tab) goTo(pathTo(["rules", tab]), { replace: true });
  }, [parts[0]]);
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("nav.rules")} />
    <nav class="tabs" aria-label=${t("nav.rules")}>
      ${Object.entries(TABS).map(
        ([name, { icon }]) => html`<a key=${name} href=${pathTo(["rules", name])} aria-current=${name === tab ? "page" : undefined}><${Icon} name=${icon} size=${16} /> ${t(`rules.${name}`)}</a>`,
      )}
    </nav>
    <${Tab} key=${tab} load=${TABS[tab].load} />
  </main>`;
}

function Tab({ load }) {
  const { value: module, error } = useLoad(load, []);
  if (error) return html`<${Failure} error=${error} onRetry=${() => location.reload()} />`;
  if (!module) return html`<${Skeleton} kind="rows" lines=${4} />`;
  return html`<${ErrorBoundary}><${module.default} /><//>`;
}
