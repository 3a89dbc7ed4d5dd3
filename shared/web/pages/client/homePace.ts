/** How often the home page asks while a provisioning is under way, in milliseconds. */
export const homePace = {
  /** Before the first request, and from one answer to the next at the beginning. */
  quickMs: 300,
  quickForMs: 3000,
  earlyMs: 1000,
  earlyForMs: 60_000,
  lateMs: 5000,
} as const;
