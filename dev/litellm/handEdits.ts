/** What an administrator does in LiteLLM's own pages. The product does not learn of these changes. */
import { z } from 'zod';

const models = z.array(z.string()).optional();
const limit = z.number().nullable();
const organizationRole = z.enum(['org_admin', 'internal_user', 'internal_user_viewer']);
const where = { organizationId: z.string().optional(), teamId: z.string().optional() };

export const handEditSchema = z.discriminatedUnion('edit', [
  z.strictObject({
    edit: z.literal('createOrganization'),
    organizationId: z.string(),
    alias: z.string().optional(),
    models,
    maxBudget: limit.optional(),
  }),
  z.strictObject({
    edit: z.literal('createTeam'),
    teamId: z.string(),
    alias: z.string().optional(),
    organizationId: z.string().optional(),
    models,
    maxBudget: limit.optional(),
  }),
  z.strictObject({
    edit: z.literal('createUser'),
    userId: z.string(),
    email: z.string().optional(),
    role: z.string().optional(),
  }),
  /** A field that is left out stays. LiteLLM's own sign-in writes the email each time. */
  z.strictObject({
    edit: z.literal('changeUser'),
    userId: z.string(),
    email: z.string().nullable().optional(),
    role: z.string().optional(),
    /** Replaces the whole object. */
    metadata: z.record(z.string(), z.unknown()).optional(),
  }),
  /** A virtual key in clear text. It may call `allowedRoutes` whatever its user's role is. */
  z.strictObject({
    edit: z.literal('createKey'),
    key: z.string(),
    alias: z.string().optional(),
    userId: z.string().optional(),
    teamId: z.string().optional(),
    organizationId: z.string().optional(),
    allowedRoutes: z.array(z.string()).optional(),
  }),
  /** These two name a key by its alias. A field that is left out stays. */
  z.strictObject({
    edit: z.literal('changeKey'),
    alias: z.string(),
    userId: z.string().nullable().optional(),
    teamId: z.string().nullable().optional(),
    blocked: z.boolean().optional(),
    models,
  }),
  z.strictObject({ edit: z.literal('deleteKey'), alias: z.string() }),
  z.strictObject({
    edit: z.literal('addOrganizationMember'),
    organizationId: z.string(),
    userId: z.string(),
    role: organizationRole.default('internal_user'),
  }),
  z.strictObject({
    edit: z.literal('changeOrganizationRole'),
    organizationId: z.string(),
    userId: z.string(),
    role: organizationRole,
  }),
  z.strictObject({
    edit: z.literal('removeOrganizationMember'),
    organizationId: z.string(),
    userId: z.string(),
  }),
  z.strictObject({
    edit: z.literal('addTeamMember'),
    teamId: z.string(),
    userId: z.string(),
    role: z.enum(['admin', 'user']).default('user'),
    maxBudget: z.number().optional(),
  }),
  z.strictObject({
    edit: z.literal('changeTeamRole'),
    teamId: z.string(),
    userId: z.string(),
    role: z.enum(['admin', 'user']),
  }),
  z.strictObject({ edit: z.literal('removeTeamMember'), teamId: z.string(), userId: z.string() }),
  /** These three change an organization or a team. */
  z.strictObject({ edit: z.literal('changeBudget'), ...where, maxBudget: limit }),
  z.strictObject({ edit: z.literal('changeModels'), ...where, models: z.array(z.string()) }),
  z.strictObject({ edit: z.literal('changeAlias'), ...where, alias: z.string() }),
  /** `null` removes the team from its organization. */
  z.strictObject({ edit: z.literal('moveTeam'), teamId: z.string(), organizationId: z.string().nullable() }),
  z.strictObject({ edit: z.literal('deleteTeam'), teamId: z.string() }),
  z.strictObject({ edit: z.literal('deleteOrganization'), organizationId: z.string() }),
  z.strictObject({ edit: z.literal('deleteUser'), userId: z.string() }),
]);

export type HandEdit = z.output<typeof handEditSchema>;
export type HandEditInput = z.input<typeof handEditSchema>;
type EditName = HandEditInput['edit'];

/** One edit without its name. */
export type EditOf<Name extends EditName> = Omit<Extract<HandEditInput, { readonly edit: Name }>, 'edit'>;

/** The edits as methods. Each throws, or rejects, if the row that it is about does not exist. */
export type HandEdits<Result> = { readonly [Name in EditName]: (edit: EditOf<Name>) => Result };

/** Creates a method for each edit, from a function that applies one: in this process, or over HTTP. */
export function createHandEdits<Result>(apply: (edit: HandEditInput) => Result): HandEdits<Result>;
// The names come from the schema, so TypeScript cannot see that there is a method for each.
export function createHandEdits(apply: (edit: HandEditInput) => unknown): object {
  return Object.fromEntries(
    handEditSchema.options.map((option) => {
      const { value: name } = option.shape.edit;
      return [name, (edit: object) => apply(handEditSchema.parse({ ...edit, edit: name }))];
    }),
  );
}
