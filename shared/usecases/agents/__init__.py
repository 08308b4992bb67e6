"""AI agents, their teams, and the collaborations of teams."""
