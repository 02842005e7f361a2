/** Faults of ours, and errors that an operator should see: the application sets this to its log. */
let handler: (error: Error) => void = (error) => {
  process.stderr.write(`${error.name}\n`)
}

export const onFault = (next: (error: Error) => void): void => {
  handler = next
}

export const reportFault = (error: Error): void => handler(error)
