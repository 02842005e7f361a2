import { CommandTable } from '../registry/command-table.ts'
import { BITMAPS } from './bitmaps/bitmaps.ts'
import { CLIENT } from './connection/client.ts'
import { commandRow } from './connection/command.ts'
import { CONFIG } from './connection/config.ts'
import { CONNECTION } from './connection/handshake.ts'
import { LATENCY } from './connection/latency.ts'
import { MONITOR } from './connection/monitor.ts'
import { SERVER } from './connection/server-info.ts'
import { SLOWLOG } from './connection/slowlog.ts'
import { KEYS } from './generic/keys.ts'
import { KEYSPACE } from './generic/keyspace.ts'
import { MEMORY } from './generic/memory.ts'
import { SORT } from './generic/sort.ts'
import { HASHES } from './hashes/hashes.ts'
import { HYPERLOGLOGS } from './hyperloglog/hyperloglogs.ts'
import { LIST_BLOCKING } from './lists/blocking-lists.ts'
import { LISTS } from './lists/lists.ts'
import { PUBSUB } from './pubsub/pubsub-commands.ts'
import { REFUSED, REFUSED_SUBCOMMANDS } from './refused.ts'
import { FUNCTION } from './scripting/function-container.ts'
import { FUNCTION_CALLS } from './scripting/functions.ts'
import { SCRIPTING } from './scripting/scripting.ts'
import { SETS } from './sets/sets.ts'
import { SORTED_SET_BLOCKING } from './sorted-sets/blocking-sorted-sets.ts'
import { SORTED_SETS } from './sorted-sets/sorted-sets.ts'
import { STREAMS } from './streams/streams.ts'
import { STRINGS } from './strings/strings.ts'
import { TRANSACTIONS } from './transactions/transactions.ts'

/** Every command. A new file of rows is added here. */
export const COMMANDS: CommandTable = new CommandTable(
  [
    ...CONNECTION,
    CLIENT,
    commandRow(() => COMMANDS),
    ...SERVER,
    CONFIG,
    MONITOR,
    SLOWLOG,
    LATENCY,
    MEMORY,
    ...KEYS,
    ...KEYSPACE,
    ...STRINGS,
    ...LISTS,
    ...HASHES,
    ...SETS,
    ...SORTED_SETS,
    ...STREAMS,
    ...BITMAPS,
    ...HYPERLOGLOGS,
    ...SORT,
    ...TRANSACTIONS,
    ...LIST_BLOCKING,
    ...SORTED_SET_BLOCKING,
    ...PUBSUB,
    ...SCRIPTING,
    ...FUNCTION_CALLS,
    FUNCTION,
    ...REFUSED,
  ],
  REFUSED_SUBCOMMANDS,
)
