// All screens. `path` is the first part of the address below /console, `role` the lowest that sees the screen,
// `icon` its drawing in the navigation (without one it is not listed there), and `load` fetches its module, whose
// default export is a component that is given the further `parts` of the address and its `query`.
export const SCREENS = [
  { path: "inbox", title: "nav.inbox", icon: "inbox", role: "viewer", key: "i", load: () => import("./inbox.js") },
  { path: "channels", title: "nav.channels", icon: "plug", role: "viewer", key: "c", load: () => import("./channels.js") },
  { path: "agents", title: "nav.agents", icon: "bot", role: "viewer", key: "b", load: () => import("./agents.js") },
  { path: "teams", title: "nav.teams", icon: "users", role: "viewer", key: "t", load: () => import("./teams.js") },
  { path: "people", title: "nav.people", icon: "user", role: "viewer", key: "p", load: () => import("./people.js") },
  { path: "campaigns", title: "nav.campaigns", icon: "megaphone", role: "viewer", key: "m", load: () => import("./campaigns.js") },
  { path: "rules", title: "nav.rules", icon: "split", role: "viewer", key: "r", load: () => import("./rules.js") },
  { path: "analytics", title: "nav.analytics", icon: "chart-column", role: "viewer", key: "a", load: () => import("./analytics.js") },
  { path: "delivery", title: "nav.delivery", icon: "truck", role: "owner", key: "d", load: () => import("./delivery.js") },
  { path: "webhooks", title: "nav.webhooks", icon: "zap", role: "admin", key: "w", load: () => import("./webhooks.js") },
  { path: "audit", title: "nav.audit", icon: "file-text", role: "admin", key: "l", load: () => import("./audit.js") },
  { path: "settings", title: "nav.settings", icon: "settings", role: "viewer", key: "s", load: () => import("./settings.js") },
  { path: "erasures", title: "erasures.title", role: "owner", load: () => import("./erasures.js") },
];
