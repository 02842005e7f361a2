/** Upper-cased text of an option word; empty when it is not there. */
export const word = (arg: Buffer | undefined): string =>
  arg === undefined ? '' : arg.toString('latin1').toUpperCase()
