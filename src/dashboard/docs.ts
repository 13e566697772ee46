/**
 * The API's reference: Swagger UI over `/openapi.json`, and the list of errors that problems point into.
 *
 * @module
 */
import swaggerUrl from 'swagger-ui-dist/swagger-ui-bundle.js?url';
import { ERRORS } from '../contract/errors.ts';

interface SwaggerWindow {
  SwaggerUIBundle(options: Readonly<Record<string, unknown>>): unknown;
}

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
  (globalThis as unknown as SwaggerWindow).SwaggerUIBundle({
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

listErrors();
const script = document.createElement('script');
script.src = swaggerUrl;
script.addEventListener('load', () => {
  showReference();
  // The reference grows above the list while it is made.
  new ResizeObserver((_, observer) => {
    goToTarget();
    if (document.querySelector('#swagger .opblock') !== null) observer.disconnect();
  }).observe(document.querySelector('#swagger') ?? document.body);
});
document.head.append(script);
