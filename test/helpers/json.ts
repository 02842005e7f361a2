/** JSON as it came: a test that reads what is not there fails by itself. */
// biome-ignore lint/suspicious/noExplicitAny: its shape is what the tests are about.
export type AnyJson = any
