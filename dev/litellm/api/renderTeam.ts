import type { Team } from '../proxyData.ts';

/** Returns a team as the answers show it. The lists `admins` and `members` are LiteLLM's old ones, and always empty. */
export const renderTeam = (team: Team): object => ({ ...team, admins: [], members: [] });
