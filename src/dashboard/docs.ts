/**
 * The API's reference: Swagger UI over `/openapi.json`, and the list of errors that problems point into.
 *
 * @module
 */
import swaggerUrl from 'swagger-ui-dist/swagger-ui-bundle.js?url';
import { ERRORS } from '../contract/errors.ts';

/** What the script before this one has made. */
declare const SwaggerUIBundle: (options: Readonly<Record<string, unknown>>) => unknown;

function listErrors(): void {
  const rows = Object.entries(ERRORS).map(([code, { status, title }]) => {
    const row = document.createElement('tr');
    row.id = `error-${code}`;
    const name = document.createElement('code');
    name.textContent = code;
    for (const content of [String(status), name, title]) {
      const cell = document.createElement('td');
      cell.append(content);
      row.append(cell);
    }
    return row;
  });
  document.querySelector('#error-codes')?.append(...rows);
}

function showReference(): void {
  SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#swagger',
    deepLinking: false,
    docExpansion: 'list',
    defaultModelsExpandDepth: -1,
    // A badge of a foreign validator is what it would show otherwise.
    validatorUrl: null,
  });
}

/** Errors are listed after the page has come, so that the browser can't have found the one that is asked for. */
function goToTarget(): void {
  if (location.hash === '') return;
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/** Parts of the reference, as those who listen go from one to another. */
const PARTS = { '.information-container': 'About', '.scheme-container': 'Authorization' };

/** What Swagger UI leaves without a name, by where it is. */
function nameOf(field: Element): string {
  const row = field.closest<HTMLElement>('tr[data-param-name]');
  if (row !== null) return row.dataset['paramName'] ?? '';
  if (field.closest('.opblock-section-request-body') === null) return 'Media type';
  return field instanceof HTMLTextAreaElement ? 'Request body' : 'Media type of the request body';
}

/** Mends what those who listen, or use keys, can't make anything of in what Swagger UI has made. */
function makeAccessible(reference: Element): void {
  for (const field of reference.querySelectorAll('select, textarea, input'))
    if (!field.hasAttribute('aria-label') && (field as HTMLInputElement).labels?.length === 0)
      field.setAttribute('aria-label', nameOf(field));
  // What scrolls has to be reached to be scrolled.
  for (const code of reference.querySelectorAll('pre.microlight:not([tabindex])'))
    code.setAttribute('tabindex', '0');
  for (const [part, name] of Object.entries(PARTS)) {
    const element = reference.querySelector(part);
    element?.setAttribute('role', 'region');
    element?.setAttribute('aria-label', name);
  }
  // There is no heading between these and the page's own.
  for (const heading of reference.querySelectorAll('h3, h4, h5'))
    heading.setAttribute('aria-level', String(Number(heading.tagName.slice(1)) - 1));
  for (const table of reference.querySelectorAll('table[role]')) table.removeAttribute('role');
}

/** Swagger UI has a dark scheme of its own, which a class asks for. */
function followScheme(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const show = (): void => void document.documentElement.classList.toggle('dark-mode', dark.matches);
  dark.addEventListener('change', show);
  show();
}

followScheme();
listErrors();
const reference = document.querySelector('#swagger') ?? document.body;
new MutationObserver(() => makeAccessible(reference)).observe(reference, { childList: true, subtree: true });
const script = document.createElement('script');
script.src = swaggerUrl;
script.addEventListener('load', () => {
  showReference();
  // The reference grows above the list while it is made.
  new ResizeObserver((_, observer) => {
    goToTarget();
    if (document.querySelector('#swagger .opblock') !== null) observer.disconnect();
  }).observe(reference);
});
document.head.append(script);
