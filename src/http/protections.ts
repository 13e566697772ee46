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

/**
 * The same of the API, whose answers are no pages: nothing in one may load, run or be framed, and nobody keeps
 * it. What only matters to documents that open windows is left to the pages.
 */
export const API_HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': PROTECTIONS.referrerPolicy,
  'Strict-Transport-Security': PROTECTIONS.strictTransportSecurity,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': PROTECTIONS.xFrameOptions,
} as const;
