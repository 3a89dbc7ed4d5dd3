/** What the emulator's process says when it is ready. */
import { z } from 'zod';

export const readyLineSchema = z.object({
  ready: z.literal(true),
  /** https, for the application; the authority is `<url>/<tenantId>`. */
  url: z.string(),
  /** http, for the browser and the control interface. */
  browserUrl: z.string(),
  graphBaseUrl: z.string(),
  /** The authority's certificate, PEM: for `NODE_EXTRA_CA_CERTS` or `tls.setDefaultCACertificates()`. */
  caFile: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  tenantId: z.string(),
  servicePrincipalId: z.string(),
  /** For `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`: a managed identity's token, as on App Service. */
  managedIdentityEndpoint: z.string(),
  managedIdentityHeader: z.string(),
  people: z.array(z.object({ login: z.string(), about: z.string() })),
});

export type ReadyLine = z.infer<typeof readyLineSchema>;
