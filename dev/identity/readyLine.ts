/** The line that the emulator's process prints when it is ready. */
import { z } from 'zod';

export const readyLineSchema = z.object({
  ready: z.literal(true),
  /** HTTPS, for the application. The authority is `<url>/<tenantId>`. */
  url: z.string(),
  /** HTTP, for the browser and the control API. */
  browserUrl: z.string(),
  graphBaseUrl: z.string(),
  /** The certificate to trust, PEM: for `NODE_EXTRA_CA_CERTS` or `tls.setDefaultCACertificates()`. */
  caFile: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  tenantId: z.string(),
  servicePrincipalId: z.string(),
  /** For `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`: returns tokens of a managed identity, as App Service does. */
  managedIdentityEndpoint: z.string(),
  managedIdentityHeader: z.string(),
  people: z.array(z.object({ login: z.string(), about: z.string() })),
});

export type ReadyLine = z.infer<typeof readyLineSchema>;
