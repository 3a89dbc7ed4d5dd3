/** A group assigned to the Enterprise Application. */
export interface AssignedGroup {
  readonly id: string;
  readonly displayName: string;
}
