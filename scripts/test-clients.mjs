// Real clients against the server, with those that have to be downloaded first; writes docs/data/clients.json
// when all of them ran.
process.env.AUTOMATION_KV_TEST_CLIENTS = 'all'
if (process.argv.length === 2) process.argv.push('test/clients')
await import('./test.mjs')
