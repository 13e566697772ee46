/**
 * The page.
 *
 * @module
 */
import { render } from 'preact';
import { App } from './app.tsx';
import { connect } from './feed.ts';

const root = document.querySelector('#app');
if (root !== null) render(<App />, root);
void connect();
