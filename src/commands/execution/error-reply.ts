import { isReplyError, refusalOf } from '../../backing/wire.ts'
import { ERRORS, KvError, respText } from '../../errors/errors.ts'
import { ErrorReply } from '../../reply/reply.ts'

/**
 * What a RESP client reads of an error. Errors of Redis itself keep their text; anything unforeseen is `ERR
 * internal error`. `report` is told of what an operator should see.
 */
export function errorReply(error: Error, report: (error: Error) => void): ErrorReply {
  if (error instanceof KvError) {
    if (ERRORS[error.code].level !== 'debug') report(error)
    return new ErrorReply(error.respText)
  }
  // An error that a script of the backing Redis passes on has not gone through the backing's own check.
  if (isReplyError(error)) return new ErrorReply(refusalOf(error)?.respText ?? error.message)
  report(error)
  return new ErrorReply(respText('internal'))
}
