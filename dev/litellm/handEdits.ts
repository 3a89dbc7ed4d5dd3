/** What an admin does in LiteLLM's own pages: changes of which the product knows nothing. */
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
  /** What is left out stays; LiteLLM's own sign-in writes the email each time. */
  z.strictObject({
    edit: z.literal('changeUser'),
    userId: z.string(),
    email: z.string().nullable().optional(),
    role: z.string().optional(),
  }),
  /** A virtual key, given in clear; `allowedRoutes` may be called whatever its user's role is. */
  z.strictObject({
    edit: z.literal('createKey'),
    key: z.string(),
    userId: z.string().optional(),
    teamId: z.string().optional(),
    organizationId: z.string().optional(),
    allowedRoutes: z.array(z.string()).optional(),
  }),
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
  /** Of an organization or of a team. */
  z.strictObject({ edit: z.literal('changeBudget'), ...where, maxBudget: limit }),
  z.strictObject({ edit: z.literal('changeModels'), ...where, models: z.array(z.string()) }),
  z.strictObject({ edit: z.literal('changeAlias'), ...where, alias: z.string() }),
  /** `null` takes the team out of its organization. */
  z.strictObject({ edit: z.literal('moveTeam'), teamId: z.string(), organizationId: z.string().nullable() }),
  z.strictObject({ edit: z.literal('deleteTeam'), teamId: z.string() }),
  z.strictObject({ edit: z.literal('deleteOrganization'), organizationId: z.string() }),
  z.strictObject({ edit: z.literal('deleteUser'), userId: z.string() }),
]);

export type HandEdit = z.output<typeof handEditSchema>;
export type HandEditInput = z.input<typeof handEditSchema>;
type Name = HandEditInput['edit'];

/** One edit without its name. */
export type EditOf<Edit extends Name> = Omit<Extract<HandEditInput, { readonly edit: Edit }>, 'edit'>;

/** The edits by name; each throws (or rejects) where what it is about is not there. */
export interface HandEdits<Result> {
  createOrganization(edit: EditOf<'createOrganization'>): Result;
  createTeam(edit: EditOf<'createTeam'>): Result;
  createUser(edit: EditOf<'createUser'>): Result;
  changeUser(edit: EditOf<'changeUser'>): Result;
  createKey(edit: EditOf<'createKey'>): Result;
  addOrganizationMember(edit: EditOf<'addOrganizationMember'>): Result;
  changeOrganizationRole(edit: EditOf<'changeOrganizationRole'>): Result;
  removeOrganizationMember(edit: EditOf<'removeOrganizationMember'>): Result;
  addTeamMember(edit: EditOf<'addTeamMember'>): Result;
  changeTeamRole(edit: EditOf<'changeTeamRole'>): Result;
  removeTeamMember(edit: EditOf<'removeTeamMember'>): Result;
  changeBudget(edit: EditOf<'changeBudget'>): Result;
  changeModels(edit: EditOf<'changeModels'>): Result;
  changeAlias(edit: EditOf<'changeAlias'>): Result;
  moveTeam(edit: EditOf<'moveTeam'>): Result;
  deleteTeam(edit: EditOf<'deleteTeam'>): Result;
  deleteOrganization(edit: EditOf<'deleteOrganization'>): Result;
  deleteUser(edit: EditOf<'deleteUser'>): Result;
}

/** Gives the edits by name, for whoever can apply one: in this process or over HTTP. */
export function createHandEdits<Result>(apply: (edit: HandEditInput) => Result): HandEdits<Result> {
  return {
    createOrganization: (edit) => apply({ ...edit, edit: 'createOrganization' }),
    createTeam: (edit) => apply({ ...edit, edit: 'createTeam' }),
    createUser: (edit) => apply({ ...edit, edit: 'createUser' }),
    changeUser: (edit) => apply({ ...edit, edit: 'changeUser' }),
    createKey: (edit) => apply({ ...edit, edit: 'createKey' }),
    addOrganizationMember: (edit) => apply({ ...edit, edit: 'addOrganizationMember' }),
    changeOrganizationRole: (edit) => apply({ ...edit, edit: 'changeOrganizationRole' }),
    removeOrganizationMember: (edit) => apply({ ...edit, edit: 'removeOrganizationMember' }),
    addTeamMember: (edit) => apply({ ...edit, edit: 'addTeamMember' }),
    changeTeamRole: (edit) => apply({ ...edit, edit: 'changeTeamRole' }),
    removeTeamMember: (edit) => apply({ ...edit, edit: 'removeTeamMember' }),
    changeBudget: (edit) => apply({ ...edit, edit: 'changeBudget' }),
    changeModels: (edit) => apply({ ...edit, edit: 'changeModels' }),
    changeAlias: (edit) => apply({ ...edit, edit: 'changeAlias' }),
    moveTeam: (edit) => apply({ ...edit, edit: 'moveTeam' }),
    deleteTeam: (edit) => apply({ ...edit, edit: 'deleteTeam' }),
    deleteOrganization: (edit) => apply({ ...edit, edit: 'deleteOrganization' }),
    deleteUser: (edit) => apply({ ...edit, edit: 'deleteUser' }),
  };
}
