/**
 * What browsers are told of every answer, whatever it is.
 *
 * @module
 */

/** Options of Hono's `secureHeaders`, beside the policy of what may be loaded. */
export const PROTECTIONS = {
  strictTransportSecurity: 'max-age=31536000; includeSubDomains',
  referrerPolicy: 'no-referrer',
  xFrameOptions: 'DENY',
  // Made for plug-ins and filters that no browser has any more.
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
} as const;
