"""AI agents, their teams, and what was said inside a team."""
