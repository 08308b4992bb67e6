// Teams: AI agents of which one leads and asks the others, and people whom the team's conversations are given to.
import { html } from "../vendor/preact.js";
import { api, goTo, may, pathTo, t, teams as allTeams, whoAnswers } from "../core.js";
import { Button, confirmed, Empty, Failure, Field, fieldError, Icon, Skeleton, toast, toastError, useLoad } from "../ui.js";
import { FormError, PageHeader, useSubmit } from "./setup_parts.js";

const HOME = pathTo(["teams"]);
const ASSIGNMENTS = ["round_robin", "least_busy", "off"];
const MATCHINGS = ["ignored", "preferred", "required"];
const NEW = { name: "", description: "", leadAgentId: null, members: [], peopleIds: [], assignment: "round_robin", skillMatching: "preferred", reassignAfterMinutes: 0 };

const load = async () => {
  const [{ teams }, { agents }, people] = await Promise.all([api.get("/api/teams", { limit: 100 }), api.get("/api/agents"), whoAnswers()]);
  return { teams, people, agents: agents.filter(({ kind }) => kind.toLowerCase() === "ai") };
};

export default function Teams({ parts }) {
  const [id] = parts;
  const { value, error, reload } = useLoad(load, []);
  if (error) return html`<main id="main" class="page"><${Failure} error=${error} onRetry=${reload} /></main>`;
  if (!value) return html`<main id="main" class="page"><${PageHeader} title=${t("nav.teams")} /><${Skeleton} lines=${4} /></main>`;
  const changed = () => {
    allTeams.forget();
    reload();
  };
  if (!id) return html`<${List} ...${value} />`;
  const team = id === "new" ? NEW : value.teams.find((each) => each.id === id);
  if (!team) return html`<main id="main" class="page"><${Empty} icon="users" title=${t("teams.gone")}><a href=${HOME}>${t("back")}</a><//></main>`;
  return html`<${Team} key=${`${id} ${team.updatedAt}`} team=${team} agents=${value.agents} people=${value.people} onDone=${changed} />`;
}

function List({ teams, agents }) {
  const nameOf = (agentId) => agents.find(({ id }) => id === agentId)?.name;
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("nav.teams")}>
      ${may("admin") && html`<a class="button primary" href=${pathTo(["teams", "new"])}><${Icon} name="plus" /><span>${t("teams.add")}</span></a>`}
    <//>
    ${teams.length === 0 && html`<${Empty} icon="users" title=${t("teams.none")}><p>${t("teams.noneHelp")}</p><//>`}
    <ul class="cards">
      ${teams.map(
        (team) => html`<li key=${team.id} class="card channel-card">
          <span class="card-icon"><${Icon} name="users" size=${22} /></span>
          <div>
            <h2><a class="whole" href=${pathTo(["teams", team.id])}><bdi>${team.name}</bdi></a></h2>
            <small>${t("teams.size", { agents: team.members.length, people: team.peopleIds.length })}</small>
          </div>
          <span class=${`status ${team.leadAgentId ? "good" : "idle"}`}>${team.leadAgentId ? t("teams.ledBy", { name: nameOf(team.leadAgentId) ?? "–" }) : t("teams.noLead")}</span>
          ${team.description && html`<p class="help clamp">${team.description}</p>`}
        </li>`,
      )}
    </ul>
  </main>`;
}

function Team({ team, agents, people, onDone }) {
  const mayChange = may("admin");
  const { submit, busy, error } = useSubmit(async (form) => {
    const fields = {
      name: form.get("name").trim(),
      description: form.get("description").trim() || null,
      leadAgentId: form.get("lead") || null,
      peopleIds: form.getAll("person"),
      assignment: form.get("assignment"),
      skillMatching: form.get("matching"),
      reassignAfterMinutes: Number(form.get("reassign")),
    };
    const saved = team.id ? await api.patch(`/api/teams/${team.id}`, fields) : await api.post("/api/teams", fields);
    toast(t("saved"));
    onDone();
    if (!team.id) goTo(pathTo(["teams", saved.id]));
  });
  const remove = async () => {
    if (!(await confirmed(t("teams.remove"), t("teams.removeHelp", { name: team.name }), t("teams.remove")))) return;
    try {
      await api.delete(`/api/teams/${team.id}`);
      onDone();
      goTo(HOME);
    } catch (failure) {
      toastError(failure);
    }
  };
  return html`<main id="main" class="page">
    <${PageHeader} title=${team.name || t("teams.add")} back=${HOME} />
    <section class="card">
      <form onSubmit=${submit}>
        <fieldset class="fields" disabled=${!mayChange}>
          <legend class="visually-hidden">${t("nav.teams")}</legend>
          <${Field} label=${t("teams.name")} name="name" defaultValue=${team.name} maxlength="100" required error=${fieldError(error, "name")} />
          <${Field} as="textarea" label=${t("teams.description")} name="description" rows="2" defaultValue=${team.description ?? ""} error=${fieldError(error, "description")} />
          <${Field} as="select" label=${t("teams.lead")} help=${t("teams.leadHelp")} name="lead" defaultValue=${team.leadAgentId ?? ""} error=${fieldError(error, "leadAgentId")}>
            <option value="">–</option>
            ${agents.map((agent) => html`<option key=${agent.id} value=${agent.id} selected=${agent.id === team.leadAgentId}>${agent.name}</option>`)}
          <//>
          <fieldset class="checks">
            <legend>${t("teams.people")}</legend>
            ${people.map(
              ({ id, name, email }) => html`<label key=${id} class="check">
                <input type="checkbox" name="person" value=${id} defaultChecked=${team.peopleIds.includes(id)} /> <bdi>${name || email}</bdi>
              </label>`,
            )}
          </fieldset>
          <div class="two">
            <${Field} as="select" label=${t("teams.assignment")} name="assignment">
              ${ASSIGNMENTS.map((each) => html`<option key=${each} value=${each} selected=${each === team.assignment}>${t(`assignment.${each}`)}</option>`)}
            <//>
            <${Field} as="select" label=${t("teams.matching")} help=${t("teams.matchingHelp")} name="matching">
              ${MATCHINGS.map((each) => html`<option key=${each} value=${each} selected=${each === team.skillMatching}>${t(`matching.${each}`)}</option>`)}
            <//>
          </div>
          <${Field} label=${t("teams.reassign")} help=${t("teams.reassignHelp")} name="reassign" type="number" min="0" max="1440" defaultValue=${team.reassignAfterMinutes} required error=${fieldError(error, "reassignAfterMinutes")} />
          <${FormError} error=${error} />
          ${mayChange &&
          html`<div class="actions">
            <${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//>
            ${team.id && html`<${Button} kind="danger" icon="trash-2" onClick=${remove}>${t("teams.remove")}<//>`}
          </div>`}
        </fieldset>
      </form>
    </section>
    ${team.id && html`<${Members} team=${team} agents=${agents} onDone=${onDone} />`}
  </main>`;
}

function Members({ team, agents, onDone }) {
  const members = new Set(team.members.map(({ agentId }) => agentId));
  const others = agents.filter(({ id }) => !members.has(id));
  const add = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const body = { agentId: form.get("agent"), expertise: form.get("expertise").trim() };
    await api.post(`/api/teams/${team.id}/members`, body).then(onDone, toastError);
  };
  const remove = (agentId) => api.delete(`/api/teams/${team.id}/members/${agentId}`).then(onDone, toastError);
  return html`<section class="card">
    <h2>${t("teams.membersTitle")}</h2>
    ${team.members.length === 0 && html`<p class="help">${t("teams.noMembers")}</p>`}
    <ul class="rows">
      ${team.members.map(({ agentId, expertise }) => {
        const name = agents.find(({ id }) => id === agentId)?.name ?? "–";
        return html`<li key=${agentId}>
          <div><bdi>${name}</bdi>${expertise && html`<small>${expertise}</small>`}</div>
          ${may("admin") && html`<${Button} icon="x" label=${t("teams.removeMember", { name })} onClick=${() => remove(agentId)} />`}
        </li>`;
      })}
    </ul>
    ${may("admin") && others.length > 0 &&
    html`<form class="fields" onSubmit=${add}>
      <div class="two">
        <${Field} as="select" label=${t("teams.agent")} name="agent">${others.map((agent) => html`<option key=${agent.id} value=${agent.id}>${agent.name}</option>`)}<//>
        <${Field} label=${t("teams.expertise")} help=${t("teams.expertiseHelp")} name="expertise" maxlength="1000" />
      </div>
      <div><${Button} icon="plus" type="submit">${t("teams.addMember")}<//></div>
    </form>`}
  </section>`;
}
