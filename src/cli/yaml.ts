// The library for YAML, to be imported late: few commands need it. It is CommonJS, of which a bundle's `import()` finds no
// names, so nothing else imports it late by its own name. Called by settings.ts and terminal.ts.
export { parse, stringify } from 'yaml';
